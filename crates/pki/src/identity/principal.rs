//! A user among the users of several clusters.

use std::borrow::Cow;

use super::UserIdentity;

/// Who a user is: a name is one cluster's own, and another has its own user of that name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    /// The cluster that vouches for the user.
    pub cluster: String,
    /// The user's name there.
    pub name: String,
}

// === impl UserIdentity ===

impl UserIdentity {
    /// Who this is. Whatever is kept for a user is kept by this and not by the name.
    #[must_use]
    pub fn principal(&self) -> Principal {
        Principal { cluster: self.cluster.clone(), name: self.name.clone() }
    }

    /// What the user is called where this is good: the name at home, `remote-<name>-<home>` on a visit, so
    /// that what knows nothing of clusters takes nobody for a namesake.
    ///
    /// Users of different clusters may still be called the same: whoever gives the name to somebody has to
    /// see to that.
    #[must_use]
    pub fn known_as(&self) -> Cow<'_, str> {
        match &self.visit {
            None => Cow::Borrowed(&self.name),
            Some(_) => Cow::Owned(format!("remote-{}-{}", self.name, self.cluster)),
        }
    }
}
