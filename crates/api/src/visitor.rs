//! What users of other clusters are called here.

use pki::UserIdentity;

use crate::error::Error;
use crate::snapshot::Snapshot;

// === impl Snapshot ===

impl Snapshot {
    /// What a visitor of this cluster is called: see [`UserIdentity::known_as`].
    ///
    /// # Errors
    ///
    /// The name is, or can be, somebody else's: nobody could tell the two apart by it.
    pub fn visitor_name(&self, user: &UserIdentity) -> Result<String, Error> {
        let name = user.known_as().into_owned();
        let (visitor, cluster) = (&user.name, &user.cluster);
        let called = format!("user {visitor:?} of cluster {cluster:?} is called {name:?} here");
        if self.users.contains_key(&name) {
            return Err(Error::denied(format!("{called}, and a user of this cluster is, too"))
                .hint("an administrator of this cluster can give its user another name"));
        }
        // Names of users and clusters may have dashes in them: `remote-a-b-c` is a's of b-c, and a-b's of c. It
        // goes to the longer cluster.
        let may_be_of = |other: &str| {
            other.len() > cluster.len()
                && name.strip_suffix(other).is_some_and(|rest| rest.ends_with('-'))
        };
        // Disabled ones, too: who was refused today is not somebody else tomorrow.
        match self.trusted_clusters.keys().find(|other| may_be_of(other)) {
            Some(other) => Err(Error::denied(format!(
                "{called}, and so can a user of cluster {other:?} be, which is trusted as well"
            ))
            .hint("another name for the user would tell them apart")),
            None => Ok(name),
        }
    }
}

#[cfg(test)]
mod tests;
