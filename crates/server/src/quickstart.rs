//! `tessera quickstart`: a whole cluster on this machine, and what it is for: a tool call that is
//! allowed, and one that is refused.

mod apps;
mod conversation;
mod people;
mod place;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use runtime::{Clock, Shutdown, Tasks};

use self::place::Place;
use self::show::Show;
use crate::config;
use crate::process::{self, Process};

/// How long the services may take to be ready.
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// Arguments of `tessera quickstart`.
#[derive(Debug, clap::Args)]
pub(crate) struct QuickstartArgs {
    /// Where the cluster keeps its state; used again the next time.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The port of the proxy on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = config::PROXY_PORT)]
    port: u16,
    /// End after the demonstration instead of staying up.
    #[arg(long)]
    once: bool,
    /// Log what the services do.
    #[arg(short, long)]
    debug: bool,
}

/// Runs the quickstart.
pub(crate) fn main(args: &QuickstartArgs) -> anyhow::Result<ExitCode> {
    runtime::telemetry::init(
        if args.debug { "debug" } else { "error" },
        runtime::telemetry::Format::Text,
    )?;
    process::run(|tasks| run(args, tasks))
}

async fn run(args: &QuickstartArgs, tasks: Tasks) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals(&tasks).context("cannot watch for signals")?;
    let place = Place::prepare(args.data_dir.clone(), args.port)?;
    let (show, clock) = (Show::new(), Clock::system());
    show.say(&format!("Tessera quickstart, state in {}", place.root.display()));
    let process = tokio::select! {
        () = shutdown.requested() => return Ok(ExitCode::SUCCESS),
        started = Process::start(place.config()?, clock.clone(), &tasks) => started?,
    };
    let shown = tokio::select! {
        () = shutdown.requested() => Ok(()),
        shown = demonstrate(&place, &process, &show, &clock, &tasks) => shown,
    };
    if shown.is_ok() && !args.once {
        show.next_steps(&place);
        process::until_end(&shutdown, &tasks).await;
        show.say("\nShutting down.");
    }
    process.stop(&shutdown).await;
    shown?;
    Ok(match tasks.failure() {
        Some(_) => ExitCode::FAILURE,
        None => ExitCode::SUCCESS,
    })
}

async fn demonstrate(
    place: &Place,
    process: &Process,
    show: &Show,
    clock: &Clock,
    tasks: &Tasks,
) -> anyhow::Result<()> {
    tokio::time::timeout(READY_TIMEOUT, process.ready())
        .await
        .context("the services did not get ready; --debug shows what they do")?;
    let proxy = process.proxy_addr().context("the quickstart runs a proxy")?;
    show.done(&format!("auth, proxy and app service are up at https://{proxy}"));

    let admin = process.local_client()?;
    people::ensure_roles(&admin).await?;
    let people = people::ensure(&admin, place, clock).await?;
    show.done("roles and users: admin (administrator), alice (developer)");
    let apps = apps::register(&admin, place).await?;
    show.done(&format!("registered MCP servers: {}", apps.join(", ")));
    apps::wait_until_served(process, &apps).await?;

    let profile = people.sign_in("alice", &proxy, process.ca_pins(), place, clock, tasks).await?;
    show.done(&format!("alice is signed in until {}", resource::timestamp::format(profile)));

    show.command(place, "tsh mcp ls");
    conversation::tsh(place, &["mcp", "ls"]).await?;
    let mut session = conversation::Conversation::open(place, apps::DEMO).await?;
    show.command(place, &format!("tsh mcp connect {}", apps::DEMO));
    session.call(show, people::ALLOWED_TOOL, true).await?;
    session.call(show, people::REFUSED_TOOL, false).await?;
    session.close().await?;
    show.reason(&admin, people::REFUSED_TOOL).await?;
    Ok(())
}
