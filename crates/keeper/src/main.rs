//! The keeper and the drop as a program of their own, small because it is in memory once for every
//! stdio connection. `tessera` carries it within itself.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    match args.get(1).and_then(|first| first.to_str()) {
        Some(keeper::KEEPER) => keeper::main_keeper(args.split_off(2)),
        Some(keeper::DROP) => keeper::main_drop(args.split_off(2)),
        Some(keeper::PROBE) => ExitCode::SUCCESS,
        _ => ExitCode::from(USAGE),
    }
}

/// Nobody but an agent calls this program; the status that `sysexits` has for a wrong call.
const USAGE: u8 = 64;
