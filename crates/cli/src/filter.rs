//! Ways to narrow a list: labels, words, predicates.

use std::sync::Arc;

use policy::{AppRef, RoleSet, User};
use resource::{Labels, Role};

/// `key=value` pairs that must all be among the labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LabelFilter {
    wanted: Labels,
}

/// A predicate over a resource's labels, in the language of `app_labels_expression`: it is a role
/// that reaches what it holds for.
#[derive(Debug)]
pub(crate) struct Query {
    roles: RoleSet,
}

// === impl LabelFilter ===

impl LabelFilter {
    /// Reads `key=value,key=value`; values may be quoted.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut wanted = Labels::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(format!("{pair:?} is not a label: write key=value"));
            };
            let key = resource::canonical_label_key(key.trim()).into_owned();
            wanted.insert(key, value.trim().trim_matches('"').to_owned());
        }
        Ok(Self { wanted })
    }

    /// The pairs themselves.
    pub(crate) fn into_labels(self) -> Labels {
        self.wanted
    }

    pub(crate) fn fits(&self, labels: &Labels) -> bool {
        self.wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
    }
}

// === impl Query ===

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut role = Role::new("query");
        role.spec.allow.app_labels_expression = Some(text.to_owned());
        if let Some(error) = policy::validate_role(&role).into_iter().next() {
            // Who asks here wrote no role.
            let words = error.message.strip_prefix("parsing allow.app_labels_expression: ");
            return Err(format!("--query: {}", words.unwrap_or(&error.message)));
        }
        let nobody = resource::Traits::new();
        Ok(Self { roles: RoleSet::compile(&[Arc::new(role)], User::new("query", &nobody)) })
    }

    pub(crate) fn holds(&self, name: &str, labels: &Labels) -> bool {
        self.roles.access(AppRef::new(name, labels)).connect().is_allowed()
    }
}

/// Whether every word is found, in whatever case, in one of the texts or the labels.
pub(crate) fn has_words(words: &[String], texts: &[&str], labels: &Labels) -> bool {
    words.iter().all(|word| {
        let word = word.to_lowercase();
        let found = |text: &str| text.to_lowercase().contains(&word);
        texts.iter().any(|text| found(text))
            || labels.iter().any(|(key, value)| found(key) || found(value))
    })
}

#[cfg(test)]
mod tests;
