//! `tsh`: sign in and use MCP servers.

mod args;
mod client_config;
mod connect;
mod login;
mod mcp_config;
mod mcp_ls;
mod outstanding;
mod servers;
mod status;

use std::ffi::OsString;
use std::process::ExitCode;

use self::args::{Args, Command, McpCommand};
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
        Command::Version => status::version(),
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
