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

    /// What the user is called in `cluster`: a name at home, `remote-<name>-<home>` elsewhere, so that what
    /// knows nothing of clusters takes nobody for a namesake.
    ///
    /// Two users of different clusters may be called the same, as may a user of `cluster` itself: whoever
    /// gives the name to somebody has to see to that.
    #[must_use]
    pub fn name_in(&self, cluster: &str) -> Cow<'_, str> {
        if self.cluster == cluster {
            Cow::Borrowed(&self.name)
        } else {
            Cow::Owned(format!("remote-{}-{}", self.name, self.cluster))
        }
    }
}
