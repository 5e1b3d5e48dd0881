//! `tbot`: keeps the identity of a bot fresh, and what the bot's programs use.

mod config;
mod files;
mod keeper;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use runtime::Shutdown;
use runtime::telemetry::{self, Format};

use self::config::Config;
use self::keeper::Keeper;
use crate::exit::{self, Refused};
use crate::printer::Printer;
use crate::run;

/// Keeps the identity of a bot fresh, for the programs that use it.
#[derive(Debug, Parser)]
#[command(name = "tbot", version, propagate_version = true, disable_help_subcommand = true)]
struct Args {
    /// Log in detail.
    #[arg(short, long, global = true)]
    debug: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Join if need be, write what programs use, and keep it fresh.
    ///
    /// Example: tbot start -c tbot.yaml
    Start(Start),
    /// Print a configuration file to start from.
    ///
    /// Example: tbot configure --proxy-server=tessera.example.com:443 > tbot.yaml
    Configure(Configure),
    /// Print the version.
    Version,
}

#[derive(Debug, clap::Args)]
struct Start {
    /// The configuration file.
    #[arg(short, long, value_name = "FILE", default_value = "/etc/tbot.yaml")]
    config: PathBuf,
    /// Write what programs use once, and end.
    #[arg(long)]
    oneshot: bool,
}

#[derive(Debug, clap::Args)]
struct Configure {
    /// The proxy, host:port.
    #[arg(long, value_name = "ADDR", default_value = "tessera.example.com:443")]
    proxy_server: String,
    /// The join token, or the file that holds it.
    #[arg(long, value_name = "TOKEN", default_value = "/path/to/token")]
    token: String,
    /// How joining is proven: token, github, gitlab, kubernetes.
    #[arg(long, value_name = "METHOD", default_value = "token")]
    join_method: String,
}

/// Runs `tbot` with these arguments; the first is the program's name.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let args: Args = match exit::parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let level = if args.debug { "debug" } else { "info" };
    exit::status(match args.command {
        Command::Start(command) => start(&command, level),
        Command::Configure(command) => configure(&command),
        Command::Version => version(),
    })
}

fn start(args: &Start, level: &str) -> anyhow::Result<ExitCode> {
    let config = Config::load(&args.config)?;
    telemetry::init(level, Format::Text)?;
    let is_once = args.oneshot || config.oneshot;
    run::blocking(|cx| async move {
        let mut keeper = Keeper::new(cx.tasks.clone(), cx.clock.clone(), config)?;
        if is_once {
            keeper.once().await?;
            return Ok(ExitCode::SUCCESS);
        }
        let shutdown = Shutdown::on_signals(&cx.tasks).context("cannot wait for signals")?;
        tokio::select! {
            outcome = keeper.run() => outcome.map(|()| ExitCode::SUCCESS),
            () = shutdown.requested() => Ok(ExitCode::SUCCESS),
        }
    })
}

fn configure(args: &Configure) -> anyhow::Result<ExitCode> {
    if resource::token::JoinMethodName::parse(&args.join_method).is_none() {
        return Err(Refused::new(format!("there is no join method {:?}", args.join_method)).into());
    }
    Printer::new().data(&format!(
        "version: v2\nproxy_server: {}\nonboarding:\n  join_method: {}\n  token: {}\n  # `tctl status` \
         prints the pin:\n  # ca_pins: [\"sha256:…\"]\nstorage:\n  type: directory\n  path: {}\n\
         credential_ttl: 1h\nrenewal_interval: 20m\nservices:\n- type: identity\n  destination:\n    \
         type: directory\n    path: /opt/machine-id",
        args.proxy_server,
        args.join_method,
        args.token,
        config::STORAGE
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn version() -> anyhow::Result<ExitCode> {
    Printer::new().data(&format!("Tessera v{}", env!("CARGO_PKG_VERSION")))?;
    Ok(ExitCode::SUCCESS)
}
