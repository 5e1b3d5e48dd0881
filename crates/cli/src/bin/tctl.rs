//! `tctl`: administer a cluster.

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::tctl::main(std::env::args_os().collect())
}
