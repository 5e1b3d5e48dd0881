//! Measuring: builds the product as it is released, and the program that measures it.

use std::ffi::OsStr;

use anyhow::Result;

use crate::repo::Repo;
use crate::{policy_bench, setup};

/// Measures what is named, or everything.
pub(crate) fn run(repo: &Repo, names: &[String]) -> Result<()> {
    let (policy, others): (Vec<_>, Vec<_>) = names.iter().partition(|name| *name == "policy");
    if names.is_empty() || !policy.is_empty() {
        policy_bench::run(repo)?;
    }
    if names.is_empty() || !others.is_empty() { calls(repo, &others) } else { Ok(()) }
}

fn calls(repo: &Repo, names: &[&String]) -> Result<()> {
    setup::run(repo)?;
    // Apart: what the second needs must not change what the first is built with.
    let build = ["build", "--release", "--locked"];
    repo.cargo().args(build).args(["-p", "server", "-p", "cli", "--bins"]).run()?;
    repo.cargo().args(build).args(["-p", "bench"]).run()?;
    let binaries = repo.target().join("release");
    let out = repo.target().join("bench");
    let bench = repo.shell(binaries.join("bench")).args(names);
    bench.env("TESSERA_BIN_DIR", &binaries).args([OsStr::new("--out"), out.as_os_str()]).run()?;
    println!("\nalso as JSON in {}", out.display());
    Ok(())
}
