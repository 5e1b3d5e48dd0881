//! Why somebody is not believed.

use time::OffsetDateTime;

use crate::authority::CaKind;
use crate::identity::IdentityError;
use crate::pin::CaPin;

/// Why a set of authorities is not a trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// An authority in the wrong list.
    #[error("a {found} authority was given where a {expected} authority belongs")]
    Kind {
        /// What belongs there.
        expected: CaKind,
        /// What was given.
        found: CaKind,
    },
    /// An authority of another cluster.
    #[error("an authority of cluster {found:?} was given for cluster {expected:?}")]
    Cluster {
        /// The cluster of the trust.
        expected: String,
        /// The authority's cluster.
        found: String,
    },
    /// One key as both kinds of authority.
    #[error("one key ({pin}) is both user authority and host authority")]
    SharedKey {
        /// The key's pin.
        pin: CaPin,
    },
    /// A cluster as another than itself.
    #[error("cluster {cluster:?} cannot be trusted as another cluster than itself")]
    Itself {
        /// The cluster.
        cluster: String,
    },
    /// One other cluster, twice.
    #[error("cluster {cluster:?} is trusted twice")]
    Repeated {
        /// The cluster.
        cluster: String,
    },
    /// One key as the authority of two clusters.
    #[error("one key ({pin}) is an authority of cluster {cluster:?} and of another cluster")]
    ForeignKey {
        /// The key's pin.
        pin: CaPin,
        /// The other cluster.
        cluster: String,
    },
}

/// Why a certificate proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// There is none.
    #[error("no certificate was presented")]
    NoCertificate,
    /// Not a certificate, or not a sound one.
    #[error("the certificate cannot be used: {reason}")]
    Malformed {
        /// What the validation says.
        reason: String,
    },
    /// Not issued by an authority that is trusted.
    #[error("the certificate was not issued by an authority that this cluster trusts")]
    UnknownAuthority,
    /// The identity is not of the kind that the authority certifies.
    #[error("the certificate names a {identity}, but the {authority} authority issued it")]
    WrongAuthority {
        /// Who certifies such an identity.
        identity: CaKind,
        /// Who did.
        authority: CaKind,
    },
    /// The identity claims another cluster than the authority's.
    #[error(
        "the certificate names cluster {identity:?}, but an authority of {authority:?} issued it"
    )]
    WrongCluster {
        /// What the identity claims.
        identity: String,
        /// The authority's cluster.
        authority: String,
    },
    /// For use in another cluster, and there alone.
    #[error("the certificate is for a visit to cluster {cluster:?}, and good for nothing else")]
    VisitElsewhere {
        /// The cluster that is visited.
        cluster: String,
    },
    /// Of a user of another cluster, and not for use here.
    #[error("the certificate is of a user of cluster {cluster:?}, and not for a visit to this one")]
    NoVisit {
        /// The user's cluster.
        cluster: String,
    },
    /// Past its end.
    #[error("the certificate expired at {at}")]
    Expired {
        /// When it, or its authority, ended.
        at: OffsetDateTime,
    },
    /// Before its beginning.
    #[error("the certificate is not valid before {at}: are the clocks right?")]
    NotYetValid {
        /// When it, or its authority, begins.
        at: OffsetDateTime,
    },
    /// Issued for other purposes.
    #[error("the certificate is not for use as a {purpose}")]
    WrongPurpose {
        /// What it was used as.
        purpose: &'static str,
    },
    /// The certificate does not say who its holder is.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The server is not the one that was dialled.
    #[error("the server's certificate is not for {expected:?}{}", list(.presented))]
    WrongName {
        /// The name that was dialled.
        expected: String,
        /// The names in the certificate.
        presented: Vec<String>,
    },
    /// The server sent authorities, none of them pinned.
    #[error("the server's authority is not the pinned one{}", list(.presented))]
    PinMismatch {
        /// The pins of what it sent.
        presented: Vec<CaPin>,
    },
    /// The server sent no authority, so there is nothing to compare with a pin.
    #[error(
        "the server did not send the certificate of its authority, so the pin cannot be checked"
    )]
    PinUncheckable,
}

// === impl VerifyError ===

impl VerifyError {
    /// Finds the reason in an error of a TLS handshake, however it is wrapped.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Self> {
        let mut current = Some(error);
        while let Some(error) = current {
            if let Some(found) = error.downcast_ref::<Self>() {
                return Some(found);
            }
            if let Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other))) =
                error.downcast_ref()
            {
                return other.0.downcast_ref::<Self>();
            }
            // `io::Error::source` skips the error that it wraps.
            current = match error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()) {
                Some(inner) => Some(inner),
                None => error.source(),
            };
        }
        None
    }
}

/// ` (it has a, b)`, or nothing when there is nothing to tell.
fn list<T: std::fmt::Display>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(ToString::to_string).collect();
    if items.is_empty() { String::new() } else { format!(" (it has {})", items.join(", ")) }
}
