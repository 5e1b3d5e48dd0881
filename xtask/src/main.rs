//! `cargo xtask …`: what a developer of Tessera runs, with nothing to install first.
#![expect(clippy::print_stdout, reason = "a task talks to the person who started it")]

mod bench;
mod deny;
mod fuzz;
mod layers;
mod policy_bench;
mod repo;
mod setup;
mod shell;
mod steps;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::repo::Repo;

/// Tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run everything that must pass, in order.
    Test {
        /// Run this step only; may be given more than once.
        #[arg(long = "step", value_name = "NAME")]
        only: Vec<String>,
        /// Show the steps and what each is for.
        #[arg(long)]
        list: bool,
    },
    /// What CI runs: every step of `test`.
    Ci,
    /// Install what the tests need into `.real`: servers and clients that nobody here wrote, and
    /// cargo-deny. Does nothing where it has been done.
    Setup,
    /// Build a release and measure what Tessera costs, against the same MCP servers spoken to
    /// directly; results also in `target/bench`.
    Bench {
        /// What to measure: size, start, memory, calls, mcp, registration, policy; everything when nothing is named.
        names: Vec<String>,
    },
    /// Search for inputs that break what must hold for any input, guided by coverage. Those that
    /// fail are put into `crates/fuzz/corpus`, which the tests replay.
    Fuzz {
        /// What to search; every target in turn when nothing is named.
        target: Option<String>,
        /// How long, for each target.
        #[arg(long, value_name = "N", default_value_t = 60)]
        seconds: u32,
    },
    /// Compare the crates' edges with layers.toml.
    Layers,
    /// Check what holds for the files: sizes, names, headers, sources of dependencies.
    Tidy,
    /// Check licences, bans and sources of the dependencies.
    Deny,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match perform(&arguments.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            println!("error: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

fn perform(task: &Task) -> anyhow::Result<()> {
    let repo = Repo::locate()?;
    match task {
        Task::Test { list: true, .. } => {
            steps::list();
            Ok(())
        }
        Task::Test { only, .. } => steps::run(&repo, only),
        Task::Ci => steps::run(&repo, &[]),
        Task::Setup => setup::run(&repo),
        Task::Bench { names } => bench::run(&repo, names),
        Task::Fuzz { target, seconds } => fuzz::run(&repo, target.as_deref(), *seconds),
        Task::Layers => layers::run(&repo),
        Task::Tidy => tidy::run(&repo),
        Task::Deny => deny::run(&repo),
    }
}
