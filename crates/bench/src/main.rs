//! Measures what Tessera costs: the product's own binaries against the same MCP servers spoken to
//! directly, in one run. `cargo xtask bench` builds and starts it.
//!
//! Nothing fails for being slow. What fails is nonsense: each call must be answered with exactly the
//! bytes that the server answers directly.
#![expect(clippy::print_stdout, reason = "it reports to whoever started it")]

mod calls;
mod clusters;
mod connection;
mod echo;
mod exchanges;
mod http;
mod load;
mod memory;
mod proc;
mod registration;
mod report;
mod sign_in;
mod site;
mod size;
mod start;
mod upstream;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::http::Era;
use crate::report::Report;

/// Measures what Tessera costs.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Args {
    /// What to measure; everything, when nothing is named.
    names: Vec<Name>,
    /// Where to write `NAME.json`.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    out: PathBuf,
    /// Of `mcp`, only the stages whose names have this in them.
    #[arg(long, value_name = "TEXT", default_value = "")]
    stage: String,
    /// Of `load`: how many connections.
    #[arg(long, value_name = "COUNT", default_value_t = 64)]
    connections: usize,
    /// Of `load`: for how long.
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    seconds: u64,
    /// Of `load`: in the legacy era.
    #[arg(long)]
    legacy: bool,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Name {
    /// How large the binaries are.
    Size,
    /// How long `tessera start` takes until it is ready.
    Start,
    /// How much memory the process holds, idle and with 100 idle connections.
    Memory,
    /// How much a tool call takes longer, how many there can be, and what they cost.
    Calls,
    /// The same over HTTP, in both eras; lists; idle sessions.
    Mcp,
    /// Passwords, certificates, evidence, and how soon a lock is felt.
    SignIn,
    /// What a call through two clusters takes longer than one through one, and how soon the end of trust is felt.
    Clusters,
    /// Thousands of apps and a hundred agents: what a change, a list and idleness cost.
    Registration,
    /// Calls over HTTP by one way for a while, for a profiler to look on; only when it is named.
    Load,
}

fn main() -> ExitCode {
    // What a server is started as must be quick to start.
    if std::env::args_os().nth(1).is_some_and(|first| first == echo::WORD) {
        return echo::main();
    }
    if std::env::args_os().nth(1).is_some_and(|first| first == http::WORD) {
        return http::main(std::env::args().nth(2).and_then(|tools| tools.parse().ok()));
    }
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    pki::install_crypto_provider();
    let names = match args.names.as_slice() {
        [] => &[
            Name::Size,
            Name::Start,
            Name::Memory,
            Name::Calls,
            Name::Mcp,
            Name::SignIn,
            Name::Clusters,
            Name::Registration,
        ],
        names => names,
    };
    for name in names {
        let report = measure(*name, args)?;
        report.print();
        report.write(&args.out)?;
    }
    Ok(())
}

fn measure(name: Name, args: &Args) -> anyhow::Result<Report> {
    match name {
        Name::Size => size::measure(),
        Name::Start => start::measure(),
        Name::Memory => in_runtime(memory::measure()),
        Name::Calls => in_runtime(calls::measure()),
        Name::SignIn => in_runtime(sign_in::measure()),
        Name::Clusters => in_runtime(clusters::measure()),
        Name::Registration => in_runtime(registration::measure()),
        Name::Mcp => in_runtime(exchanges::measure(&args.stage)),
        Name::Load => {
            let era = if args.legacy { Era::Legacy } else { Era::Modern };
            let time = Duration::from_secs(args.seconds);
            in_runtime(exchanges::load(era, args.connections, time))
        }
    }
}

/// One thread makes the load: the machine's other cores are for what is measured, and the servers die
/// with the thread that started them.
fn in_runtime<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
