//! Makes `mcp-keeper`, which `tessera` carries within itself so that it stays one file.
//!
//! A keeper is in memory once for every stdio connection, and `tessera` is large: mapping it, with
//! its allocator, takes some 5 MB of each process. So keepers are a program of their own, of another
//! profile. Cargo has no way yet to let one package carry another's program, so this calls cargo
//! once more, with a target directory of its own.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The package, the profile in the workspace's `Cargo.toml`, and the program.
const PACKAGE: &str = "keeper";
const PROFILE: &str = "keeper";
const PROGRAM: &str = "mcp-keeper";

fn main() -> Result<(), Box<dyn Error>> {
    let workspace = Path::new(&var("CARGO_MANIFEST_DIR")?).join("../..");
    for source in ["crates/keeper", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", workspace.join(source).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let image = Path::new(&var("OUT_DIR")?).join(PROGRAM);
    match build(&workspace) {
        Ok(program) => _ = fs::copy(program, image)?,
        Err(error) => {
            // All works without it: `tessera` is a keeper too, if a large one.
            println!("cargo::warning={PROGRAM} was not built, keepers will be large: {error}");
            fs::write(image, [])?;
        }
    }
    Ok(())
}

/// Builds the program for the machine that `tessera` is for.
fn build(workspace: &Path) -> Result<PathBuf, Box<dyn Error>> {
    // Of its own, because cargo holds the usual one while this runs.
    let target_dir = Path::new(&var("OUT_DIR")?).join("target");
    let target = var("TARGET")?;
    let output = Command::new(var("CARGO")?)
        .current_dir(workspace)
        .args(["build", "--package", PACKAGE, "--bin", PROGRAM, "--profile", PROFILE])
        // All that it needs, `tessera` needs too, so it is here already.
        .args(["--locked", "--offline", "--quiet", "--target"])
        .args([&target, &OsString::from("--target-dir")])
        .arg(&target_dir)
        .env("CARGO_BUILD_BUILD_DIR", &target_dir)
        // This is no check by clippy, even if what called us is.
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(said.split_whitespace().collect::<Vec<_>>().join(" ").into());
    }
    Ok(target_dir.join(target).join(PROFILE).join(PROGRAM))
}

fn var(name: &str) -> Result<OsString, Box<dyn Error>> {
    env::var_os(name).ok_or_else(|| format!("cargo did not set {name}").into())
}
