//! `tbot`: keep the identity of a bot fresh.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::tbot::main(std::env::args_os().collect())
}
