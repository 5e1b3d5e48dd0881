//! `tctl policy test`: files of expectations, held against roles by the engine that decides in production.
//!
//! Everything is local: the roles are those that the file names. docs/reference/policy-tests.md describes
//! the files.

mod junit;
mod outcome;
mod read;
mod roles;
mod suite;
mod text;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::ValueEnum;

use self::outcome::Outcome;
use self::suite::Suite;
use crate::exit::Usage;
use crate::run::Context;
use crate::tctl::input;

/// Arguments of `tctl policy test`.
#[derive(Debug, clap::Args)]
pub(super) struct Test {
    /// Files of tests, in YAML or JSON.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How to print what came of it.
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    /// Write that to a file; the summary for people is then printed beside it.
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// For whom the outcome is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// `JUnit` XML, which every build server reads.
    Junit,
    /// JSON, with every expectation and its explanation.
    Json,
}

/// Runs the tests of all files.
pub(super) fn test(cx: &Context, args: &Test) -> anyhow::Result<ExitCode> {
    let suites = load(&args.files)?;
    let outcomes: Vec<Outcome> = suites.iter().map(Outcome::of).collect();
    for outcome in &outcomes {
        for warning in &outcome.warnings {
            cx.printer.talk(&format!("warning: {warning}"));
        }
    }
    let report = match args.format {
        ReportFormat::Text => text::report(&outcomes),
        ReportFormat::Junit => junit::report(&outcomes),
        ReportFormat::Json => format!("{:#}", outcome::to_json(&outcomes)),
    };
    match &args.out {
        Some(path) => {
            fs::write(path, format!("{report}\n"))
                .with_context(|| format!("cannot write {}", path.display()))?;
            cx.printer.data(&text::report(&outcomes))?;
        }
        None => cx.printer.data(&report)?,
    }
    let all_hold = outcomes.iter().all(Outcome::holds);
    Ok(if all_hold { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reads every file. Nothing is tested while anything is wrong with one of them: a test that was not
/// understood must not look like one that passed.
fn load(files: &[PathBuf]) -> anyhow::Result<Vec<Suite>> {
    let mut suites = Vec::new();
    let mut mistakes = String::new();
    for path in files {
        let loaded = input::read_file(path)
            .and_then(|source| Suite::load(&source, path.parent()).map_err(anyhow::Error::from));
        match loaded {
            Ok(suite) => suites.push(suite),
            Err(error) => {
                let gap = if mistakes.is_empty() { "" } else { "\n" };
                // Writing to a String cannot fail.
                _ = write!(mistakes, "{gap}{error:#}");
            }
        }
    }
    if mistakes.is_empty() { Ok(suites) } else { Err(Usage(mistakes).into()) }
}

#[cfg(test)]
mod tests;
