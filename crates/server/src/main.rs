//! The `tessera` binary: the services, `quickstart`, and — called as `tsh`, `tctl` or `tbot`, or with one of
//! these as its first argument — the command-line tools, so that one file is the whole product.

mod args;
mod config;
mod configure;
mod descriptors;
mod diag;
mod identity;
mod process;
mod quickstart;
mod start;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().collect();
    match applet(&args) {
        Applet::Keeper => agent::launch::main_keeper(args.split_off(2)),
        Applet::Drop => agent::launch::main_drop(args.split_off(2)),
        Applet::Tsh(skip) => cli::tsh::main(args.split_off(skip)),
        Applet::Tctl(skip) => cli::tctl::main(args.split_off(skip)),
        Applet::Tbot(skip) => cli::tbot::main(args.split_off(skip)),
        Applet::Tessera => args::main(args),
    }
}

/// What this process is to be.
enum Applet {
    /// Watches over one stdio MCP server.
    Keeper,
    /// Gives up rights and becomes an MCP server.
    Drop,
    /// `tsh`, whose own arguments begin after so many.
    Tsh(usize),
    /// `tctl`, likewise.
    Tctl(usize),
    /// `tbot`, likewise.
    Tbot(usize),
    /// The services.
    Tessera,
}

fn applet(args: &[OsString]) -> Applet {
    let called = args.first().map(Path::new).and_then(Path::file_name).unwrap_or_default();
    match called.to_str() {
        Some("tsh") => return Applet::Tsh(0),
        Some("tctl") => return Applet::Tctl(0),
        Some("tbot") => return Applet::Tbot(0),
        _ => {}
    }
    match args.get(1).and_then(|first| first.to_str()) {
        Some(agent::launch::KEEPER) => Applet::Keeper,
        Some(agent::launch::DROP) => Applet::Drop,
        Some("tsh") => Applet::Tsh(1),
        Some("tctl") => Applet::Tctl(1),
        Some("tbot") => Applet::Tbot(1),
        _ => Applet::Tessera,
    }
}
