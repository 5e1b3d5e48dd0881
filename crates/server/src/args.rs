//! The command line of `tessera`.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, configure, quickstart, start};

/// Exit status of a command line that cannot be understood (sysexits.h: EX_USAGE).
const USAGE: u8 = 64;

/// Identity-aware access to MCP servers: who may reach which server, and use which of its tools.
#[derive(Debug, Parser)]
#[command(name = "tessera", version, propagate_version = true, disable_help_subcommand = true)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the services that a configuration file names.
    ///
    /// Example: tessera start -c /etc/tessera.yaml
    Start(StartArgs),
    /// Print a configuration file to start from.
    ///
    /// Example: tessera configure --roles=auth,proxy,app -o /etc/tessera.yaml
    Configure(configure::ConfigureArgs),
    /// Start a whole cluster on this machine and show an allowed and a refused tool call.
    ///
    /// Example: tessera quickstart --once
    Quickstart(quickstart::QuickstartArgs),
    /// Sign in and use MCP servers; the same as the `tsh` command.
    #[command(disable_help_flag = true)]
    Tsh,
    /// Administer a cluster; the same as the `tctl` command.
    #[command(disable_help_flag = true)]
    Tctl,
    /// Keep the identity of a bot fresh; the same as the `tbot` command.
    #[command(disable_help_flag = true)]
    Tbot,
}

/// Arguments of `tessera start`.
#[derive(Debug, clap::Args)]
pub(crate) struct StartArgs {
    /// The configuration file.
    #[arg(
        short,
        long,
        value_name = "FILE",
        env = "TESSERA_CONFIG_FILE",
        default_value = "/etc/tessera.yaml"
    )]
    pub(crate) config: PathBuf,
    /// Log in detail.
    #[arg(short, long)]
    pub(crate) debug: bool,
    /// Tell here how the process is: /metrics, /healthz and /readyz.
    #[arg(long, value_name = "ADDRESS", value_parser = config::diag_addr)]
    pub(crate) diag_addr: Option<SocketAddr>,
}

/// Runs `tessera` with these arguments.
pub(crate) fn main(args: Vec<OsString>) -> ExitCode {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            // Nothing is left to say when the terminal is gone.
            _ = error.print();
            return if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let outcome = match args.command {
        Command::Start(args) => start::main(&args),
        Command::Configure(args) => configure::main(&args),
        Command::Quickstart(args) => quickstart::main(&args),
        // Both are taken out before these arguments are read.
        Command::Tsh | Command::Tctl | Command::Tbot => Ok(ExitCode::from(USAGE)),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            cli::report(&error);
            ExitCode::FAILURE
        }
    }
}
