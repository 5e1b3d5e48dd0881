//! What can be done to a resource, in the words of roles' rules.

use std::fmt;

/// A verb of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    List,
    Create,
    Read,
    ReadNoSecrets,
    Update,
    Delete,
    Impersonate,
    Rotate,
}

// === impl Verb ===

impl Verb {
    /// The spelling in rules.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Create => "create",
            Self::Read => "read",
            Self::ReadNoSecrets => "readnosecrets",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Impersonate => "impersonate",
            Self::Rotate => "rotate",
        }
    }

    /// Reading, with or without what is secret.
    pub(crate) fn reading(secrets: resource::Secrets) -> Self {
        match secrets {
            resource::Secrets::Include => Self::Read,
            resource::Secrets::Redact => Self::ReadNoSecrets,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
