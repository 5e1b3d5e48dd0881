//! Everything that is wrong with what somebody wrote, found before anything is sent.

use std::fmt;

use policy::RoleMap;
use resource::{Documents, FieldProblem, Report, Resource, RoleMapping, Source};

/// Reports on one or more documents.
#[derive(Debug)]
pub(super) struct Mistakes {
    reports: Vec<Report>,
}

/// The resources of a source, with all that the auth service would refuse of them: in their form,
/// and in the meaning of a role's templates, patterns, expressions and clauses, and of a map of roles.
pub(super) fn documents(source: &Source) -> Documents<'_> {
    resource::documents(source).checked_by(meaning)
}

fn meaning(resource: &Resource) -> Vec<FieldProblem> {
    let role = match resource {
        Resource::Role(role) => role,
        Resource::TrustedCluster(cluster) => {
            return role_map(&cluster.spec.role_map).into_iter().collect();
        }
        _ => return Vec::new(),
    };
    let problem = |error: policy::FieldError| FieldProblem {
        path: error.path,
        message: error.message,
        offset: error.offset,
        help: error.help,
    };
    policy::validate_role(role).into_iter().map(problem).collect()
}

fn role_map(map: &[RoleMapping]) -> Option<FieldProblem> {
    let error = RoleMap::for_trusted_cluster(map).err()?;
    let path = "spec.role_map".to_owned();
    Some(FieldProblem { path, message: error.to_string(), offset: 0, help: None })
}

// === impl Mistakes ===

impl Mistakes {
    /// All of these; nothing when there are none.
    pub(super) fn all(reports: Vec<Report>) -> Option<Self> {
        if reports.is_empty() { None } else { Some(Self { reports }) }
    }

    /// The mistakes of a document, and of all that follow it: who corrects a file wants to do it
    /// once.
    pub(super) fn with_rest(first: Report, rest: &mut Documents<'_>) -> Self {
        let rest = rest.filter_map(Result::err);
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
