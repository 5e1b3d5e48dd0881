//! Everything that must pass, as a list of named steps, and the table of how each went.

#![expect(clippy::disallowed_types, reason = "steps are timed by the machine's own clock")]

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::repo::Repo;
use crate::{deny, layers, setup, tidy};

/// Warnings are errors. The private items are documented too, so links to them lead somewhere.
const RUSTDOCFLAGS: &str = "-D warnings -A rustdoc::private-intra-doc-links";

/// Crates that are not released.
const TOOLS: [&str; 5] = ["bench", "fuzz", "policy-bench", "testkit", "xtask"];

/// Something that must pass.
struct Step {
    name: &'static str,
    about: &'static str,
    /// Steps without which this one cannot say anything.
    needs: &'static [&'static str],
    run: fn(&Repo) -> Result<()>,
}

/// How a step went.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed(String),
    /// Not run, because a step that it needs did not pass. Counts as failed.
    Blocked(&'static str),
}

/// In this order: what is quick and often wrong comes first.
const STEPS: &[Step] = &[
    Step {
        name: "format",
        about: "the code is formatted",
        needs: &[],
        run: |repo| repo.cargo().args(["fmt", "--all", "--check"]).run(),
    },
    Step {
        name: "layers",
        about: "the crates use each other as layers.toml says",
        needs: &[],
        run: layers::run,
    },
    Step {
        name: "tidy",
        about: "sizes, names and headers of files; sources of dependencies",
        needs: &[],
        run: tidy::run,
    },
    Step { name: "setup", about: "what the tests need is installed", needs: &[], run: setup::run },
    Step {
        name: "deny",
        about: "licences, bans and sources of the dependencies",
        needs: &["setup"],
        run: deny::run,
    },
    Step {
        name: "lint",
        about: "clippy finds nothing, in code and tests",
        needs: &[],
        run: |repo| {
            let words = ["clippy", "--workspace", "--all-targets", "--locked"];
            repo.cargo().args(words).args(["--", "-D", "warnings"]).run()
        },
    },
    Step {
        name: "build",
        about: "tessera, tctl and tsh, as the end-to-end tests start them, and the tests",
        needs: &[],
        // In one go: what tests need of a library is then built once, and not again without it.
        run: |repo| {
            let words = ["build", "--workspace", "--bins", "--tests", "--locked"];
            repo.cargo().args(words).run()
        },
    },
    Step {
        name: "docs",
        about: "the code's documentation builds without a warning, and its examples work",
        needs: &[],
        run: |repo| {
            let words = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
            // Without the tools, libraries are what they are in a release: nothing that is released leans on what
            // only a tool asks of them. Quiet: the list of crates says nothing.
            let tools = TOOLS.iter().flat_map(|tool| ["--exclude", tool]);
            let doc = repo.cargo().env("RUSTDOCFLAGS", RUSTDOCFLAGS).args(words);
            doc.args(tools).args(["--quiet"]).run()?;
            repo.cargo().args(["test", "--doc", "--workspace", "--locked", "--quiet"]).run()
        },
    },
    Step {
        name: "test",
        about: "every test of every crate, the end-to-end suite among them",
        needs: &["setup", "build"],
        run: |repo| {
            let words = ["nextest", "run", "--workspace", "--locked", "--no-fail-fast"];
            repo.cargo().args(words).run()
        },
    },
];

/// Shows the steps.
pub(crate) fn list() {
    for step in STEPS {
        println!("{:8} {}", step.name, step.about);
    }
}

/// Runs all steps, or those that are named, and fails when one of them did not pass.
pub(crate) fn run(repo: &Repo, only: &[String]) -> Result<()> {
    if let Some(unknown) = only.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let known = STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(", ");
        bail!("there is no step {unknown:?}; the steps are {known}");
    }
    let chosen: Vec<&Step> = STEPS
        .iter()
        .filter(|step| only.is_empty() || only.iter().any(|name| name == step.name))
        .collect();
    let mut table = Vec::new();
    for (number, step) in chosen.iter().enumerate() {
        println!("\n=== {}/{} {}: {}", number + 1, chosen.len(), step.name, step.about);
        let begun = Instant::now();
        let outcome = match blocker(step, &table) {
            Some(needed) => Outcome::Blocked(needed),
            None => match (step.run)(repo) {
                Ok(()) => Outcome::Passed,
                Err(cause) => Outcome::Failed(format!("{cause:#}")),
            },
        };
        if outcome != Outcome::Passed {
            println!("=== {} {outcome}", step.name);
        }
        table.push((step.name, outcome, begun.elapsed()));
    }
    conclude(&table, STEPS.len())
}

/// The step that this one needs and that has not passed. One that was not asked for is taken to
/// have been run before.
fn blocker(step: &Step, table: &[(&'static str, Outcome, Duration)]) -> Option<&'static str> {
    let lost = table.iter().filter(|(_, outcome, _)| *outcome != Outcome::Passed);
    lost.map(|(name, ..)| *name).find(|name| step.needs.contains(name))
}

fn conclude(table: &[(&'static str, Outcome, Duration)], all: usize) -> Result<()> {
    println!("\n=== summary");
    for (name, outcome, time) in table {
        println!("{name:8} {:>7.1}s  {outcome}", time.as_secs_f64());
    }
    if table.len() < all {
        println!("{} of {all} steps were asked for", table.len());
    }
    let passed = table.iter().filter(|(_, outcome, _)| *outcome == Outcome::Passed).count();
    let failed = table.len() - passed;
    println!("steps: {passed} passed, {failed} failed");
    if failed > 0 {
        bail!("{failed} of {} steps did not pass", table.len());
    }
    Ok(())
}

// === impl Outcome ===

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => write!(f, "passed"),
            Self::Failed(why) => write!(f, "FAILED: {why}"),
            Self::Blocked(needed) => write!(f, "NOT RUN: it needs `{needed}`, which did not pass"),
        }
    }
}

#[cfg(test)]
mod tests;
