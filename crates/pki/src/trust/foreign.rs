//! Whom we believe of other clusters, and for what.

use rustls_pki_types::{CertificateDer, TrustAnchor};
use time::OffsetDateTime;

use super::error::{TrustError, VerifyError};
use super::path::{Purpose, Window, check_path, check_size};
use super::{Trust, check_list};
use crate::authority::{CaCertificate, CaKind};
use crate::identity::{Identity, extension};

/// Another cluster, some of whose identities are believed.
#[derive(Debug, Clone)]
pub struct Foreign {
    /// Its name.
    pub cluster: String,
    /// Its authorities that certify users. With none, no user of it is believed.
    pub users: Vec<CaCertificate>,
    /// Its authorities that certify services.
    pub hosts: Vec<CaCertificate>,
}

/// The authorities of another cluster, ready for use.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) cluster: String,
    authorities: Vec<CaCertificate>,
    // The same authorities in the same order, as the path validation wants them.
    anchors: Vec<TrustAnchor<'static>>,
}

// === impl Known ===

impl Known {
    /// Authorities of one kind, or of both.
    fn new(foreign: Foreign) -> Result<Self, TrustError> {
        let Foreign { cluster, users, hosts } = foreign;
        check_list(&cluster, CaKind::User, &users)?;
        check_list(&cluster, CaKind::Host, &hosts)?;
        if let Some(both) = users.iter().find(|u| hosts.iter().any(|h| h.pin() == u.pin())) {
            return Err(TrustError::SharedKey { pin: both.pin() });
        }
        let mut authorities = users;
        authorities.extend(hosts);
        let anchors = authorities.iter().map(|a| a.anchor().clone()).collect();
        Ok(Self { cluster, authorities, anchors })
    }

    /// Whose certificate this is, by these authorities alone.
    pub(super) fn check(
        &self,
        leaf: &CertificateDer<'_>,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<(Identity, Window), VerifyError> {
        check_path(leaf, &self.authorities, &self.anchors, purpose, now)
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.authorities == other.authorities
    }
}

// === impl Trust ===

impl Trust {
    /// The same trust, and other clusters as far as [`super::TrustStore::verify_foreign`] goes. Nothing else
    /// believes them. Those that were there before are replaced.
    ///
    /// # Errors
    ///
    /// When an authority is of another cluster than it is given for, or in the wrong list; a cluster is this
    /// one, or given twice; or one key is of two clusters, or of both kinds.
    pub fn with_foreign(mut self, foreign: Vec<Foreign>) -> Result<Self, TrustError> {
        self.foreign.clear();
        for one in foreign {
            if self.foreign.iter().any(|known| known.cluster == one.cluster) {
                return Err(TrustError::Repeated { cluster: one.cluster });
            }
            self = self.admitting(one)?;
        }
        Ok(self)
    }

    /// The same with one more of them, instead of what was known of that cluster.
    ///
    /// # Errors
    ///
    /// As [`Trust::with_foreign`].
    pub fn admitting(mut self, foreign: Foreign) -> Result<Self, TrustError> {
        let known = Known::new(foreign)?;
        if known.cluster == self.cluster {
            return Err(TrustError::Itself { cluster: known.cluster });
        }
        self.foreign.retain(|other| other.cluster != known.cluster);
        // With one key for two clusters, who is certified by one could pass for the other.
        let others = self.foreign.iter().flat_map(|other| &other.authorities);
        let mut others = others.chain(&self.authorities);
        let is_ours = |other: &CaCertificate| {
            known.authorities.iter().any(|authority| authority.pin() == other.pin())
        };
        if let Some(shared) = others.find(|other| is_ours(other)) {
            return Err(TrustError::ForeignKey { pin: shared.pin(), cluster: known.cluster });
        }
        self.foreign.push(known);
        // In which order they were told makes no difference.
        self.foreign.sort_by(|a, b| a.cluster.cmp(&b.cluster));
        Ok(self)
    }

    /// The other clusters of which somebody is believed.
    pub fn foreign_clusters(&self) -> impl Iterator<Item = &str> {
        self.foreign.iter().map(|known| known.cluster.as_str())
    }

    pub(super) fn foreign(&self, cluster: &str) -> Result<&Known, VerifyError> {
        let found = self.foreign.iter().find(|known| known.cluster == cluster);
        found.ok_or(VerifyError::UnknownAuthority)
    }

    /// Whose certificate of another cluster this is: of a service, or of a user who visits us.
    pub(super) fn check_foreign(
        &self,
        leaf: &CertificateDer<'_>,
        now: OffsetDateTime,
    ) -> Result<(Identity, Window), VerifyError> {
        check_size(leaf)?;
        // Only tells whose authorities are asked; they tell the rest.
        let claimed = extension::read(leaf)?;
        let (identity, window) =
            self.foreign(claimed.cluster())?.check(leaf, Purpose::Client, now)?;
        check_visit(&self.cluster, &identity)?;
        Ok((identity, window))
    }
}

/// Another cluster's users come with a certificate for their visit here, or not at all.
fn check_visit(own: &str, identity: &Identity) -> Result<(), VerifyError> {
    let Identity::User(user) = identity else { return Ok(()) };
    match &user.visit {
        Some(visit) if visit.cluster == own => Ok(()),
        Some(visit) => Err(VerifyError::VisitElsewhere { cluster: visit.cluster.clone() }),
        None => Err(VerifyError::NoVisit { cluster: user.cluster.clone() }),
    }
}

/// Who is certified for a visit is nobody at home.
pub(super) fn refuse_visit(identity: &Identity) -> Result<(), VerifyError> {
    match identity.as_user().and_then(|user| user.visit.as_ref()) {
        Some(visit) => Err(VerifyError::VisitElsewhere { cluster: visit.cluster.clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
