//! `tsh`: sign in and use MCP servers.

mod args;
mod client_config;
mod clusters;
mod connect;
mod fault;
mod login;
mod mcp_config;
mod mcp_ls;
mod mfa;
mod proxy_mcp;
mod repeatable;
mod second_factor;
mod servers;
mod status;
#[cfg(test)]
mod testing;
mod way;

use std::ffi::OsString;
use std::process::ExitCode;

use runtime::telemetry::{self, Format};

use self::args::{Args, Command, Global, McpCommand, ProxyCommand};
use crate::environment;
use crate::exit;
use crate::run;

pub use login::{SignIn, sign_in};

/// Runs `tsh` with these arguments; the first is the program's name.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    let args: Args = match exit::parse(args) {
        Ok(args) => args,
        Err(code) => return code,
    };
    let global = args.global;
    exit::status(match args.command {
        Command::Login(command) => run::blocking(|cx| login::login(cx, global, command)),
        Command::Logout => login::logout(&global),
        Command::Status(command) => status::status(&global, &command),
        Command::Mfa(command) => run::blocking(|cx| mfa::mfa(cx, global, command.command)),
        Command::Clusters(command) => run::blocking(|cx| clusters::list(cx, global, command)),
        Command::Version => status::version(),
        Command::Proxy(command) => match command.command {
            ProxyCommand::Mcp(command) => run::blocking(|cx| proxy_mcp::proxy(cx, global, command)),
        },
        Command::Mcp(command) => match command.command {
            McpCommand::Ls(command) => run::blocking(|cx| mcp_ls::list(cx, global, command)),
            McpCommand::Config(command) => {
                run::blocking(|cx| mcp_config::configure(cx, global, command))
            }
            McpCommand::Connect(command) => {
                run::blocking(|cx| connect::connect(cx, global, command))
            }
        },
    })
}

/// Logs go to standard error, in detail when that is asked for.
fn start_log(global: &Global) {
    let wanted = environment::DEBUG.read().is_some_and(|value| value == "true" || value == "1");
    let level = if global.debug || wanted { "debug" } else { "warn" };
    // Only fails when a log is running already.
    if let Err(error) = telemetry::init(level, Format::Text) {
        crate::printer::say(&format!("no log: {error}"));
    }
}
