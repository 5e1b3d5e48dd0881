//! Finds the roles that a file of tests names: in place, by path, by glob, and presets.

mod glob;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use resource::{Problem, Report, Resource, Source, Span};

use super::read::{RoleItem, Text};
use super::suite::Mistaken;
use crate::tctl::policy::case::Roles;
use crate::tctl::{input, mistakes};

/// Roles as they are found, and what is wrong with them.
struct Found {
    roles: Roles,
    /// Where each comes from.
    origins: BTreeMap<String, String>,
    /// In the file of tests.
    problems: Vec<Problem>,
    /// In files of roles.
    reports: Vec<Report>,
}

/// Finds all roles. A name may be defined once.
pub(super) fn load(
    source: &Source,
    folder: Option<&Path>,
    items: Vec<RoleItem>,
    presets: &[String],
) -> Result<Roles, Mistaken> {
    let mut found = Found {
        roles: Roles::new(),
        origins: BTreeMap::new(),
        problems: Vec::new(),
        reports: Vec::new(),
    };
    for role in policy::preset_roles()
        .into_iter()
        .filter(|role| presets.iter().any(|preset| preset == role.name()))
    {
        found.origins.insert(role.name().to_owned(), "presets".to_owned());
        found.roles.insert(role.name().to_owned(), Arc::new(role));
    }
    for (index, item) in items.into_iter().enumerate() {
        match item {
            RoleItem::Here(role, span) => {
                let origin = format!("{}:{}", source.name(), span.start.line);
                found.add(*role, origin, index, span);
            }
            RoleItem::Files(text) => found.files(&text, index, folder.unwrap_or(Path::new(""))),
        }
    }
    let mut reports = found.reports;
    if !found.problems.is_empty() {
        reports.insert(0, Report::new(source, found.problems));
    }
    if reports.is_empty() { Ok(found.roles) } else { Err(Mistaken(reports)) }
}

// === impl Found ===

impl Found {
    fn add(&mut self, role: resource::Role, origin: String, index: usize, span: Span) {
        let name = role.name().to_owned();
        if let Some(first) = self.origins.get(&name) {
            let message = format!("the role {name:?} of {origin} is in {first} already");
            self.refuse(index, span, message, None);
            return;
        }
        self.origins.insert(name.clone(), origin);
        self.roles.insert(name, Arc::new(role));
    }

    fn refuse(&mut self, index: usize, span: Span, message: String, help: Option<&str>) {
        let mut problem = Problem::new(format!("roles[{index}]"), message).at(span);
        problem.help = help.map(str::to_owned);
        self.problems.push(problem);
    }

    fn files(&mut self, Text { text, span }: &Text, index: usize, folder: &Path) {
        let files = match glob::find(folder, text) {
            Ok(files) if files.is_empty() => {
                let help = "paths and globs begin at the folder of this file";
                return self.refuse(index, *span, format!("no file fits {text:?}"), Some(help));
            }
            Ok(files) => files,
            Err(error) => {
                return self.refuse(
                    index,
                    *span,
                    format!("cannot look for {text:?}: {error}"),
                    None,
                );
            }
        };
        for path in files {
            let file = match input::read_file(&path) {
                Ok(file) => file,
                Err(error) => {
                    self.refuse(index, *span, format!("{error:#}"), None);
                    continue;
                }
            };
            for document in mistakes::documents(&file) {
                match document {
                    Ok(parsed) => {
                        // What else a file of resources holds is not about roles.
                        if let Resource::Role(role) = parsed.resource {
                            self.add(role, file.name().to_owned(), index, *span);
                        }
                    }
                    Err(report) => self.reports.push(report),
                }
            }
        }
    }
}
