//! A command's own small world: a runtime, the tasks in it, the clock and the printer.

use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use runtime::{Clock, Tasks};

use crate::printer::Printer;

/// How long what a command leaves behind may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// What every command gets.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    pub(crate) printer: Printer,
}

/// Runs a command on a runtime of its own.
pub(crate) fn blocking<F, R>(command: F) -> anyhow::Result<ExitCode>
where
    F: FnOnce(Context) -> R,
    R: Future<Output = anyhow::Result<ExitCode>>,
{
    let runtime = build()?;
    let tasks = Tasks::new();
    let outcome = runtime.block_on(async {
        let outcome = command(context(&tasks)).await;
        tasks.shutdown(GRACE).await;
        outcome
    });
    // A thread may still wait for a terminal that says nothing.
    runtime.shutdown_background();
    outcome
}

fn build() -> anyhow::Result<tokio::runtime::Runtime> {
    pki::install_crypto_provider();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start: the operating system gives no timer or poller")
}

fn context(tasks: &Tasks) -> Context {
    Context { tasks: tasks.clone(), clock: Clock::system(), printer: Printer::new() }
}
