//! How resources are named on the command line: `kind`, `kind/name`, `all`.

use resource::Kind;

use crate::exit::Usage;

/// One resource, or all of a kind, or everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// Everything that can be created again.
    All,
    /// All of a kind.
    Every(Kind),
    /// The one with this name.
    One(Kind, String),
}

/// What `all` stands for, in an order in which it can be created: users need their roles. What
/// services write themselves, and what comes of another cluster's joining, is not part of it.
pub(super) const ALL_KINDS: [Kind; 12] = [
    Kind::ClusterAuthPreference,
    Kind::Role,
    Kind::TrustedCluster,
    Kind::Oidc,
    Kind::Saml,
    Kind::Github,
    Kind::User,
    Kind::Bot,
    Kind::Token,
    Kind::App,
    Kind::AppAuthConfig,
    Kind::Lock,
];

// === impl Reference ===

impl Reference {
    /// Reads a reference.
    pub(super) fn parse(text: &str) -> Result<Self, Usage> {
        if text == "all" {
            return Ok(Self::All);
        }
        // The name of an app server has a slash of its own.
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind, Some(name)),
            None => (text, None),
        };
        let kind = Kind::parse(kind).map_err(|unknown| Usage(unknown.to_string()))?;
        match name {
            None => Ok(Self::Every(kind)),
            Some("") => Err(Usage(format!("{text:?} names no resource: write {kind}/NAME"))),
            Some(name) => Ok(Self::One(kind, name.to_owned())),
        }
    }

    /// Reads a reference to one resource. `verb` is what is to be done with it.
    pub(super) fn one(text: &str, verb: &str) -> Result<(Kind, String), Usage> {
        match Self::parse(text)? {
            Self::One(kind, name) => Ok((kind, name)),
            // There is only one; what it is called does not matter.
            Self::Every(kind) if kind.is_singleton() => Ok((kind, kind.as_str().to_owned())),
            Self::Every(kind) => Err(Usage(format!(
                "{text:?} means all {}: name the one to {verb}, as in {kind}/NAME",
                kind.plural()
            ))),
            Self::All => Err(Usage(format!("name the one resource to {verb}, as in app/NAME"))),
        }
    }
}

#[cfg(test)]
mod tests;
