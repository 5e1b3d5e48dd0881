//! How a command ends: its status, and its last words.

use std::fmt::Write as _;
use std::process::ExitCode;

use resource::plain;

/// The command line cannot be understood (sysexits.h: EX_USAGE).
const USAGE: u8 = 64;

/// The command line is well formed but asks for something that does not go together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// The command was understood and refused, with advice.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What happened.
    pub message: String,
    /// What to do, one sentence each.
    pub hints: Vec<String>,
}

// === impl Refused ===

impl Refused {
    /// A refusal without advice.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }

    /// Adds advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Prints an error with its causes and hints on standard error.
pub fn report(error: &anyhow::Error) {
    if !is_broken_pipe(error) {
        crate::printer::say(&words(error));
    }
}

/// An error with its causes and hints.
fn words(error: &anyhow::Error) -> String {
    let mut text = String::from("ERROR: ");
    let mut last = String::new();
    for (depth, cause) in error.chain().enumerate() {
        let words = plain::lines(&cause.to_string());
        // Wrappers that only repeat their cause say nothing new.
        if words == last {
            continue;
        }
        if depth > 0 {
            text.push_str(": ");
        }
        text.push_str(&words);
        last = words;
    }
    for hint in hints(error) {
        // Writing to a String cannot fail.
        _ = write!(text, "\nhint: {}", plain::lines(&hint));
    }
    text
}

/// The status that an outcome ends with.
pub(crate) fn status(outcome: Result<ExitCode, anyhow::Error>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            if error.chain().any(|cause| cause.is::<Usage>()) {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Parses a command line, or says why not and with which status to end.
pub(crate) fn parse<A: clap::Parser>(args: Vec<std::ffi::OsString>) -> Result<A, ExitCode> {
    A::try_parse_from(args).map_err(|error| {
        // Nothing is left to say when the terminal is gone.
        _ = error.print();
        if error.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS }
    })
}

fn hints(error: &anyhow::Error) -> Vec<String> {
    let mut hints = Vec::new();
    for cause in error.chain() {
        if let Some(refused) = cause.downcast_ref::<Refused>() {
            hints.extend(refused.hints.iter().cloned());
        }
        if let Some(error) = cause.downcast_ref::<api::Error>() {
            hints.extend(error.hints().iter().cloned());
        }
    }
    hints
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        let told =
            Refused::new("no\u{1b}]52;c;eA==\u{7}\u{9b}2J\u{202e}").hint("do\r\u{1b}[2Jthis");
        let error = anyhow::Error::from(told).context("bad\u{8}");
        assert_eq!(words(&error), "ERROR: bad : no ]52;c;eA==  2J \nhint: do  [2Jthis");
    }
}
