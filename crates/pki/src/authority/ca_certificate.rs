//! The certificate of an authority: what the others hold of it.

use std::fmt;

use rcgen::{DistinguishedName, DnType};
use rustls_pki_types::{CertificateDer, TrustAnchor};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use crate::certificate::{self, CertificateError};
use crate::identity::Identity;
use crate::pem;
use crate::pin::CaPin;

/// What an authority certifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaKind {
    /// People and bots.
    User,
    /// Processes of the cluster.
    Host,
}

/// The self-signed certificate of a cluster's authority.
///
/// Its subject names the cluster and what the authority certifies, and is the same for all keys
/// that the authority ever has.
#[derive(Clone, PartialEq, Eq)]
pub struct CaCertificate {
    der: CertificateDer<'static>,
    anchor: TrustAnchor<'static>,
    kind: CaKind,
    cluster: String,
    pin: CaPin,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

// === impl CaKind ===

impl CaKind {
    /// The kind as it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Host => "host",
        }
    }

    /// The kind of authority that certifies such an identity.
    #[must_use]
    pub const fn of(identity: &Identity) -> Self {
        match identity {
            Identity::User(_) => Self::User,
            Identity::Service(_) => Self::Host,
        }
    }
}

impl fmt::Display for CaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl CaCertificate ===

impl CaCertificate {
    /// Reads the certificate of an authority.
    ///
    /// # Errors
    ///
    /// When the bytes are not a certificate, or not that of an authority of a cluster, signed by
    /// its own key.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let anchor = webpki::anchor_from_trusted_cert(&der)
            .map_err(|_e| CertificateError::Malformed)?
            .to_owned();
        let (kind, cluster, pin, (not_before, not_after)) = {
            let certificate = certificate::parse(&der)?;
            check_authority(&certificate)?;
            let (kind, cluster) = read_subject(certificate.subject())?;
            let pin = CaPin::of_spki(certificate.public_key().raw);
            (kind, cluster, pin, certificate::validity(&certificate))
        };
        Ok(Self { der, anchor, kind, cluster, pin, not_before, not_after })
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    ///
    /// As [`CaCertificate::from_der`], or when there is none.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let first = pem::certificates(text)?.into_iter().next();
        Self::from_der(first.ok_or(CertificateError::Malformed)?)
    }

    /// The certificate as a `CERTIFICATE` block.
    #[must_use]
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der).to_string()
    }

    /// The DER bytes.
    #[must_use]
    pub const fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// What the authority certifies.
    #[must_use]
    pub const fn kind(&self) -> CaKind {
        self.kind
    }

    /// The authority's cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The pin of the authority's key.
    #[must_use]
    pub const fn pin(&self) -> CaPin {
        self.pin
    }

    /// From when the authority is valid.
    #[must_use]
    pub const fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Until when the authority is valid, inclusively.
    #[must_use]
    pub const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    pub(crate) const fn anchor(&self) -> &TrustAnchor<'static> {
        &self.anchor
    }
}

impl fmt::Debug for CaCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaCertificate")
            .field("kind", &self.kind)
            .field("cluster", &self.cluster)
            .field("pin", &self.pin)
            .finish_non_exhaustive()
    }
}

pub(crate) fn subject(kind: CaKind, cluster: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, cluster);
    subject.push(DnType::OrganizationalUnitName, kind.as_str());
    subject.push(DnType::CommonName, format!("Tessera {kind} authority"));
    subject
}

fn read_subject(subject: &X509Name<'_>) -> Result<(CaKind, String), CertificateError> {
    let cluster = only(subject.iter_organization())
        .ok_or(CertificateError::NotAuthority { reason: "its subject names no cluster" })?;
    let kind = match only(subject.iter_organizational_unit()) {
        Some("user") => CaKind::User,
        Some("host") => CaKind::Host,
        _ => {
            let reason = "its subject does not say whether it certifies users or hosts";
            return Err(CertificateError::NotAuthority { reason });
        }
    };
    Ok((kind, cluster.to_owned()))
}

/// The one value of an attribute that must be there exactly once.
fn only<'a>(mut values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>) -> Option<&'a str> {
    let value = values.next()?.as_str().ok()?;
    values.next().is_none().then_some(value)
}

fn check_authority(certificate: &X509Certificate<'_>) -> Result<(), CertificateError> {
    let lacks = |reason| Err(CertificateError::NotAuthority { reason });
    if !certificate.is_ca() {
        return lacks("it may not sign certificates");
    }
    let signs = certificate.key_usage().ok().flatten().is_some_and(|u| u.value.key_cert_sign());
    if !signs {
        return lacks("its key is not for signing certificates");
    }
    if certificate.subject().as_raw() != certificate.issuer().as_raw()
        || certificate.verify_signature(None).is_err()
    {
        return lacks("it is not signed by its own key");
    }
    Ok(())
}
