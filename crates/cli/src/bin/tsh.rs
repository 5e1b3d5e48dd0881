//! `tsh`: sign in and use MCP servers.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::tsh::main(std::env::args_os().collect())
}
