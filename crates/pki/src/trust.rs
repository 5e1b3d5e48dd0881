//! Whom we believe: the authorities of the cluster, replaceable while everything runs.

mod cache;
mod error;
mod foreign;
mod path;

use std::fmt;
use std::slice::from_ref;
use std::sync::Arc;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor};
use time::OffsetDateTime;

use self::cache::Cache;
pub use self::error::{TrustError, VerifyError};
pub use self::foreign::Foreign;
use self::foreign::{Known, refuse_visit};
use self::path::Window;
pub(crate) use self::path::{Purpose, check_path, check_server_name, from_unix};
use crate::authority::{CaCertificate, CaKind};
use crate::certificate::Certificate;
use crate::identity::Identity;
use crate::pin::CaPin;
use crate::provider::sha256;

/// The authorities of one cluster: during a rotation, several of a kind.
///
/// With none of a kind, nobody of that kind is believed.
#[derive(Clone)]
pub struct Trust {
    cluster: String,
    authorities: Vec<CaCertificate>,
    // The same authorities in the same order, as the path validation wants them.
    anchors: Vec<TrustAnchor<'static>>,
    // Other clusters, by their names.
    foreign: Vec<Known>,
}

/// The newest [`Trust`], shared by everything that verifies. Clones are the same store.
///
/// Verification reads the trust of that moment; a replacement takes effect with the next one.
/// What was verified is remembered, so that repeated evidence costs a hash: a bounded number of
/// successes by the SHA-256 of the certificate, forgotten when the trust changes. Whether the
/// certificate is valid *now* is checked each time, and failures are never remembered.
#[derive(Clone)]
pub struct TrustStore {
    current: Arc<ArcSwap<Generation>>,
    // Serialises replacements, so that generations count up.
    replacing: Arc<Mutex<()>>,
}

/// A trust and what was verified under it. The cache lives and dies with its trust, so a result
/// cannot be found under another one, whoever races.
struct Generation {
    number: u64,
    trust: Trust,
    cache: Mutex<Cache>,
    // Apart, so that many visitors do not crowd out our own.
    visitors: Mutex<Cache>,
}

// === impl Trust ===

impl Trust {
    /// The trust of `cluster` in its authorities.
    ///
    /// # Errors
    ///
    /// When an authority is of another cluster or in the wrong list, or one key is in both lists.
    pub fn new(
        cluster: &str,
        user_cas: Vec<CaCertificate>,
        host_cas: Vec<CaCertificate>,
    ) -> Result<Self, TrustError> {
        check_list(cluster, CaKind::User, &user_cas)?;
        check_list(cluster, CaKind::Host, &host_cas)?;
        // With one key for both, who is certified by one could pass for the other.
        if let Some(both) = user_cas.iter().find(|u| host_cas.iter().any(|h| h.pin() == u.pin())) {
            return Err(TrustError::SharedKey { pin: both.pin() });
        }
        let mut authorities = user_cas;
        authorities.extend(host_cas);
        let anchors = authorities.iter().map(|a| a.anchor().clone()).collect();
        Ok(Self { cluster: cluster.to_owned(), authorities, anchors, foreign: Vec::new() })
    }

    /// Trust in nobody, for a process that has not joined yet.
    #[must_use]
    pub fn nobody(cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            authorities: Vec::new(),
            anchors: Vec::new(),
            foreign: Vec::new(),
        }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The authorities of one kind.
    pub fn authorities(&self, kind: CaKind) -> impl Iterator<Item = &CaCertificate> {
        self.authorities.iter().filter(move |a| a.kind() == kind)
    }

    /// The authority that issued a certificate, whatever the time is now.
    #[must_use]
    pub fn issuer_of(&self, certificate: &Certificate) -> Option<&CaCertificate> {
        let issued = certificate.unverified_identity().ok()?.issued();
        let is_issuer = |(authority, anchor): &(&CaCertificate, &TrustAnchor<'static>)| {
            let (authority, anchor) = (from_ref(*authority), from_ref(*anchor));
            check_path(certificate.der(), authority, anchor, Purpose::Client, issued).is_ok()
        };
        self.authorities.iter().zip(&self.anchors).find(is_issuer).map(|(authority, _)| authority)
    }

    /// The pins of the host authorities: what a newcomer is given to know the cluster by.
    #[must_use]
    pub fn pins(&self) -> Vec<CaPin> {
        self.authorities(CaKind::Host).map(CaCertificate::pin).collect()
    }

    pub(crate) fn all(&self) -> &[CaCertificate] {
        &self.authorities
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && self.authorities == other.authorities
            && self.foreign == other.foreign
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("cluster", &self.cluster)
            .field("authorities", &self.authorities)
            .field("foreign", &self.foreign_clusters().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

// === impl TrustStore ===

impl TrustStore {
    /// A store that begins with `trust`.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self {
            current: Arc::new(ArcSwap::from_pointee(Generation::new(1, trust))),
            replacing: Arc::new(Mutex::new(())),
        }
    }

    /// Replaces the trust, from the next verification and the next handshake on. Replacing it by
    /// an equal one changes nothing and keeps what is remembered.
    pub fn replace(&self, trust: Trust) {
        let _one_at_a_time = self.replacing.lock();
        let current = self.current.load();
        if current.trust == trust {
            return;
        }
        let number = current.number + 1;
        self.current.store(Arc::new(Generation::new(number, trust)));
    }

    /// The trust of this moment.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.current.load().trust.clone()
    }

    /// The cluster of the trust.
    #[must_use]
    pub fn cluster(&self) -> String {
        self.current.load().trust.cluster.clone()
    }

    /// Counts the replacements. Equal numbers of one store mean equal trust.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.current.load().number
    }

    /// Verifies that the first certificate of `chain` was issued by an authority of the cluster,
    /// for use as a client, and is valid at `now`; tells whose it is.
    ///
    /// A user is believed only under a user authority and a service only under a host authority,
    /// of the cluster that the identity names. Authorities certify directly: whatever else is in
    /// the chain is ignored. That the peer holds the key is proved elsewhere (the TLS handshake).
    ///
    /// # Errors
    ///
    /// What is wrong with the certificate.
    pub fn verify(
        &self,
        chain: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Result<Arc<Identity>, VerifyError> {
        let leaf = chain.first().ok_or(VerifyError::NoCertificate)?;
        let generation = self.current.load();
        remembered(&generation.cache, leaf, now, || {
            let (identity, window) = generation.trust.check(leaf, Purpose::Client, now)?;
            refuse_visit(&identity)?;
            Ok((identity, window))
        })
    }

    /// Verifies that the first certificate of `chain` was issued by an authority of another cluster that is
    /// known ([`Trust::with_foreign`]), for use as a client, and is valid at `now`; tells whose it is.
    ///
    /// The authority must be of the cluster that the identity names. A user is believed only with a
    /// certificate for a visit to this cluster. Nobody of this cluster is believed.
    ///
    /// # Errors
    ///
    /// What is wrong with the certificate.
    pub fn verify_foreign(
        &self,
        chain: &[CertificateDer<'_>],
        now: OffsetDateTime,
    ) -> Result<Arc<Identity>, VerifyError> {
        let leaf = chain.first().ok_or(VerifyError::NoCertificate)?;
        let generation = self.current.load();
        remembered(&generation.visitors, leaf, now, || generation.trust.check_foreign(leaf, now))
    }

    /// Verifies the certificate of a server of the cluster for the name by which it was dialled.
    pub(crate) fn verify_server(
        &self,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: OffsetDateTime,
    ) -> Result<(), VerifyError> {
        let generation = self.current.load();
        generation.trust.check(leaf, Purpose::Server, now)?;
        check_server_name(leaf, name)
    }

    /// The same of a server of another cluster, by that cluster's authorities alone.
    pub(crate) fn verify_foreign_server(
        &self,
        cluster: &str,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: OffsetDateTime,
    ) -> Result<(), VerifyError> {
        let generation = self.current.load();
        generation.trust.foreign(cluster)?.check(leaf, Purpose::Server, now)?;
        check_server_name(leaf, name)
    }
}

// === impl Generation ===

impl Generation {
    fn new(number: u64, trust: Trust) -> Self {
        Self { number, trust, cache: Mutex::default(), visitors: Mutex::default() }
    }
}

/// What a check says, remembered when it believes.
fn remembered(
    cache: &Mutex<Cache>,
    leaf: &CertificateDer<'_>,
    now: OffsetDateTime,
    check: impl FnOnce() -> Result<(Identity, Window), VerifyError>,
) -> Result<Arc<Identity>, VerifyError> {
    let digest = sha256(leaf);
    let known = cache.lock().find(&digest);
    if let Some((identity, window)) = known {
        window.check(now)?;
        return Ok(identity);
    }
    let (identity, window) = check()?;
    let identity = Arc::new(identity);
    cache.lock().insert(digest, (Arc::clone(&identity), window));
    Ok(identity)
}

impl fmt::Debug for TrustStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let generation = self.current.load();
        f.debug_struct("TrustStore")
            .field("generation", &generation.number)
            .field("trust", &generation.trust)
            .finish_non_exhaustive()
    }
}

impl Trust {
    fn check(
        &self,
        leaf: &CertificateDer<'_>,
        purpose: Purpose,
        now: OffsetDateTime,
    ) -> Result<(Identity, Window), VerifyError> {
        check_path(leaf, &self.authorities, &self.anchors, purpose, now)
    }
}

fn check_list(cluster: &str, kind: CaKind, list: &[CaCertificate]) -> Result<(), TrustError> {
    for authority in list {
        if authority.kind() != kind {
            return Err(TrustError::Kind { expected: kind, found: authority.kind() });
        }
        if authority.cluster() != cluster {
            return Err(TrustError::Cluster {
                expected: cluster.to_owned(),
                found: authority.cluster().to_owned(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
