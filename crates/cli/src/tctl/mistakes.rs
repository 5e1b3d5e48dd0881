//! Everything that is wrong with what somebody wrote, found before anything is sent.

use std::fmt;

use resource::{FieldProblem, Parsed, Report, Resource};

/// Reports on one or more documents.
#[derive(Debug)]
pub(super) struct Mistakes {
    reports: Vec<Report>,
}

/// Checks what the auth service would refuse for its meaning: templates, patterns, expressions and
/// clauses of a role, each at its place in the text.
pub(super) fn check(parsed: Parsed) -> Result<Parsed, Report> {
    let Resource::Role(role) = &parsed.resource else { return Ok(parsed) };
    let errors = policy::validate_role(role);
    if errors.is_empty() {
        return Ok(parsed);
    }
    Err(parsed.report(errors.into_iter().map(|error| FieldProblem {
        path: error.path,
        message: error.message,
        offset: error.offset,
        help: error.help,
    })))
}

// === impl Mistakes ===

impl Mistakes {
    /// The mistakes of a document, and of all that follow it: who corrects a file wants to do it
    /// once.
    pub(super) fn with_rest(
        first: Report,
        rest: impl Iterator<Item = Result<Parsed, Report>>,
    ) -> Self {
        let rest = rest.filter_map(|document| document.and_then(check).err());
        Self { reports: std::iter::once(first).chain(rest).collect() }
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, report) in self.reports.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            report.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests;
