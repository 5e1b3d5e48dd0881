//! `tessera start`: run the services that a configuration file names.

use std::process::ExitCode;

use anyhow::Context;
use runtime::{Clock, Shutdown, Tasks};

use crate::args::StartArgs;
use crate::config::{self, Config};
use crate::process::{self, Process};

/// Exit status of a configuration that cannot be understood (sysexits.h: EX_USAGE).
const USAGE: u8 = 64;

/// Runs until a signal, or until a service fails.
pub(crate) fn main(args: &StartArgs) -> anyhow::Result<ExitCode> {
    let mut config = match config::load(&args.config) {
        Ok(config) => config,
        Err(error) => {
            cli::report(&error);
            return Ok(ExitCode::from(USAGE));
        }
    };
    config.diag_addr = args.diag_addr.or(config.diag_addr);
    let level = if args.debug { "debug" } else { &config.log_level };
    runtime::telemetry::init(level, config.log_format)?;
    process::run(|tasks| run(config, tasks))
}

async fn run(config: Config, tasks: Tasks) -> anyhow::Result<ExitCode> {
    let shutdown = Shutdown::on_signals(&tasks).context("cannot watch for signals")?;
    let started = tokio::select! {
        () = shutdown.requested() => return Ok(ExitCode::SUCCESS),
        started = Process::start(config, Clock::system(), &tasks) => started?,
    };
    tokio::select! {
        () = shutdown.requested() => {}
        () = started.ready() => {
            tracing::info!("ready");
            started.set_ready(true);
            process::until_end(&shutdown, &tasks).await;
        }
        () = tasks.cancelled() => {}
    }
    tracing::info!("shutting down");
    started.set_ready(false);
    started.stop(&shutdown).await;
    match tasks.failure() {
        Some(name) => anyhow::bail!("the service stopped because its task {name} ended"),
        None => Ok(ExitCode::SUCCESS),
    }
}
