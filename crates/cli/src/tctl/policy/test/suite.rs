//! What a file of tests says, understood.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use policy::{AccessState, Kind};
use resource::{Labels, Report, Source, Span, suggest};

use super::read::{self, Draft};
use super::roles;
use crate::tctl::policy::case::{Holder, Roles};

/// Everything a file says, with the roles that it names.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) source: Source,
    pub(super) description: String,
    pub(super) roles: Roles,
    pub(super) users: BTreeMap<String, Holder>,
    pub(super) apps: BTreeMap<String, Labels>,
    pub(super) tests: Vec<TestCase>,
    pub(super) warnings: Vec<String>,
}

/// One test: what is expected of these users and these apps.
#[derive(Debug)]
pub(super) struct TestCase {
    pub(super) name: String,
    pub(super) span: Span,
    pub(super) users: Vec<String>,
    /// Empty where nothing is expected of an app.
    pub(super) apps: Vec<String>,
    pub(super) state: AccessState,
    pub(super) checks: Vec<Check>,
}

/// One expectation and where it is written.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) path: String,
    pub(super) span: Span,
    pub(super) expect: Expect,
}

/// What is expected.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Expect {
    Connect {
        allowed: bool,
    },
    Use {
        kind: Kind,
        name: String,
        allowed: bool,
    },
    /// Of the names that a server lists, those that its client sees.
    List {
        kind: Kind,
        of: Vec<String>,
        shows: Vec<String>,
    },
    Verb {
        kind: String,
        verb: String,
        name: Option<String>,
        labels: Labels,
        allowed: bool,
    },
}

/// What is wrong with a file of tests, or with the files of roles that it names.
#[derive(Debug, thiserror::Error)]
pub(super) struct Mistaken(pub(super) Vec<Report>);

// === impl Suite ===

impl Suite {
    /// Understands a text. The files that it names are found from `folder`.
    pub(super) fn load(source: &Source, folder: Option<&Path>) -> Result<Self, Mistaken> {
        let Draft { description, roles, presets, users, apps, tests } =
            read::read(source).map_err(|report| Mistaken(vec![report]))?;
        let roles = roles::load(source, folder, roles, &presets)?;
        let mut warnings = Vec::new();
        let users: BTreeMap<String, Holder> = users
            .into_iter()
            .map(|(user, holder)| {
                for role in holder.roles.iter().filter(|role| !roles.contains_key(&role.text)) {
                    let near = suggest::nearest(&role.text, roles.keys().map(String::as_str));
                    let near = near.map(|near| format!("; did you mean {near:?}?"));
                    warnings.push(format!(
                        "{}:{}: no file defines the role {:?}, so user {user:?} is refused everything{}",
                        source.name(),
                        role.span.start,
                        role.text,
                        near.unwrap_or_default()
                    ));
                }
                let held = holder.roles.into_iter().map(|role| role.text).collect();
                (user, Holder { roles: held, traits: holder.traits })
            })
            .collect();
        Ok(Self { source: source.clone(), description, roles, users, apps, tests, warnings })
    }
}

// === impl Mistaken ===

impl fmt::Display for Mistaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, report) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            report.fmt(f)?;
        }
        Ok(())
    }
}
