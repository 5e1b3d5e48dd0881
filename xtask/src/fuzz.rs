//! Fuzzing: builds the targets of the crate `fuzz` with counters of coverage, which the stable compiler can
//! put in, and lets libFuzzer search for inputs.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::repo::Repo;

/// How `rustc` is asked for what libFuzzer reads; the rest of its runtime comes with `libfuzzer-sys`.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// Named, so that build scripts are built without the flags.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";
/// Bytes of the longest input that is tried. What is longer seldom finds more, and slower.
const LONGEST: u32 = 4096;
/// Seconds after which an input is stuck. What it may take on the processor is `fuzz::bound::CPU_COUNTED`;
/// this is for whatever does not end, on a machine that may be busy.
const TIMEOUT: u32 = 120;

/// Fuzzes one target, or every one in turn, each for so many seconds.
pub(crate) fn run(repo: &Repo, target: Option<&str>, seconds: u32) -> Result<()> {
    let known = targets(repo)?;
    let chosen: Vec<&String> =
        known.iter().filter(|name| target.is_none_or(|target| target == *name)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; the targets are {}", known.join(", "));
    }
    let program = build(repo)?;
    let mut failed = Vec::new();
    for name in chosen {
        println!("\n=== {name}, {seconds} seconds");
        if let Err(cause) = search(repo, &program, name, seconds) {
            println!("=== {name}: {cause:#}");
            failed.push(name.as_str());
        }
    }
    if !failed.is_empty() {
        bail!("inputs failed for {}; they are in the corpus now", failed.join(", "));
    }
    Ok(())
}

/// The targets, which are the folders of the corpus; a test of the crate holds them to be the same.
fn targets(repo: &Repo) -> Result<Vec<String>> {
    let folder = corpus(repo);
    let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn corpus(repo: &Repo) -> PathBuf {
    repo.join("crates/fuzz/corpus")
}

fn build(repo: &Repo) -> Result<PathBuf> {
    let folder = repo.target().join("fuzz/build");
    let words = ["build", "--locked", "-p", "fuzz", "--features", "coverage", "--profile", "fuzz"];
    let place = ["--bin", "fuzz-coverage", "--target", PLATFORM, "--target-dir"];
    repo.cargo().env("RUSTFLAGS", FLAGS).args(words).args(place).args([&folder]).run()?;
    Ok(folder.join(PLATFORM).join("fuzz/fuzz-coverage"))
}

fn search(repo: &Repo, program: &Path, name: &str, seconds: u32) -> Result<()> {
    let saved = corpus(repo).join(name);
    let found = repo.target().join("fuzz/corpus").join(name);
    let failed = repo.target().join("fuzz/failed").join(name);
    for folder in [&found, &failed] {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let mut prefix = OsString::from("-artifact_prefix=");
    prefix.push(failed.join(""));
    let mut words = OsString::from("-dict=");
    words.push(repo.join("crates/fuzz/words").join(format!("{name}.dict")));
    let limits = [
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST}"),
        format!("-timeout={TIMEOUT}"),
    ];
    let fuzzing = repo.shell(program).env("TESSERA_FUZZ_TARGET", name).args(limits);
    // What is found goes into the first folder; the saved corpus is read only.
    let outcome = fuzzing.args([words, prefix, found.into(), saved.clone().into()]).run();
    let kept = keep(&failed, &saved)?;
    match outcome {
        Err(cause) => Err(cause),
        Ok(()) if kept > 0 => bail!("{kept} inputs of an earlier run failed"),
        Ok(()) => Ok(()),
    }
}

/// Moves inputs that failed into the corpus, where a test runs them from now on.
fn keep(failed: &Path, saved: &Path) -> Result<usize> {
    let entries = fs::read_dir(failed).with_context(|| format!("read {}", failed.display()))?;
    let mut kept = 0;
    for entry in entries {
        let entry = entry?;
        // A slow unit that stayed within its time is no failure.
        if entry.file_name().to_string_lossy().starts_with("slow-unit-") {
            continue;
        }
        let to = saved.join(entry.file_name());
        fs::copy(entry.path(), &to).with_context(|| format!("write {}", to.display()))?;
        fs::remove_file(entry.path()).with_context(|| format!("remove {}", to.display()))?;
        println!("failed: {}", to.display());
        kept += 1;
    }
    Ok(kept)
}
