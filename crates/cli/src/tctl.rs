//! `tctl`: administer a cluster.

mod apply;
mod apps;
mod args;
mod audit;
mod bots;
mod cluster;
mod create;
mod edit;
mod get;
mod input;
mod local;
mod lock;
mod mistakes;
mod policy;
mod reference;
mod rm;
mod rotate;
mod sign;
mod sso;
mod status;
mod tables;
mod tokens;
mod users;
mod when;

use std::ffi::OsString;
use std::process::ExitCode;

use self::args::{Args, AuthCommand, Command};
use crate::printer::Printer;
use crate::run::Context;
use crate::{exit, run};

/// Runs `tctl` with these arguments; the first is the program's name.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let args: Args = match exit::parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    exit::status(match args.command {
        Command::Version => version(),
        _ => run::blocking(|cx| dispatch(cx, args)),
    })
}

async fn dispatch(cx: Context, args: Args) -> anyhow::Result<ExitCode> {
    let global = args.global;
    if global.debug {
        runtime::telemetry::init("debug", runtime::telemetry::Format::Text)?;
    }
    match args.command {
        Command::Create(command) => create::create(&cx, &global, command).await,
        Command::Apply(command) => apply::apply(&cx, &global, command).await,
        Command::Get(command) => get::get(&cx, &global, command).await,
        Command::Rm(command) => rm::remove(&cx, &global, command).await,
        Command::Edit(command) => edit::edit(&cx, &global, command).await,
        Command::Users(command) => users::users(&cx, &global, command).await,
        Command::Bots(command) => bots::bots(&cx, &global, command).await,
        Command::Tokens(command) => tokens::tokens(&cx, &global, command).await,
        Command::Apps(command) => apps::apps(&cx, &global, command).await,
        Command::Status(command) => status::status(&cx, &global, command).await,
        Command::Auth(command) => match command.command {
            AuthCommand::Sign(command) => sign::sign(&cx, &global, command).await,
            AuthCommand::Rotate(command) => rotate::rotate(&cx, &global, command).await,
            AuthCommand::Ls(command) => rotate::ls(&cx, &global, command).await,
        },
        Command::Audit(command) => audit::audit(&cx, &global, command).await,
        Command::Policy(command) => policy::policy(&cx, &global, command).await,
        Command::Lock(command) => lock::lock(&cx, &global, command).await,
        Command::Sso(command) => sso::sso(&cx, &global, command).await,
        Command::Version => version(),
    }
}

fn version() -> anyhow::Result<ExitCode> {
    Printer::new().data(&format!("Tessera v{}", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::SUCCESS)
}
