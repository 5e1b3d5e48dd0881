//! A certificate authority of the cluster, and what it issues.

mod ca_certificate;
mod names;

use std::collections::BTreeSet;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use zeroize::Zeroizing;

#[cfg(test)]
pub(crate) use self::ca_certificate::subject as ca_subject;
pub use self::ca_certificate::{CaCertificate, CaKind};
use crate::certificate::{Certificate, CertificateError};
use crate::identity::{Identity, IdentityError, ServiceIdentity, UserIdentity, extension};
use crate::key::{KeyError, PrivateKey, PublicKey};
use crate::pin::CaPin;
use crate::provider;

/// One of the cluster's authorities: its certificate and its key.
#[derive(Debug, Clone)]
pub struct CertificateAuthority {
    certificate: CaCertificate,
    key: PrivateKey,
}

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The name cannot be that of a cluster.
    #[error(
        "cluster name {name:?} cannot be used: it must be a DNS name of at most \
         {} characters",
        names::MAX_CLUSTER_NAME
    )]
    ClusterName {
        /// What was given.
        name: String,
    },
    /// The host id is not one.
    #[error("host id {host_id:?} is not a UUID")]
    HostId {
        /// What was given.
        host_id: String,
    },
    /// A required field is empty.
    #[error("the identity has no {field}")]
    Empty {
        /// The field's name.
        field: &'static str,
    },
    /// A name that a service asked for cannot be certified.
    #[error("the name {name:?} cannot be certified: {reason}")]
    Name {
        /// What was asked for.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A user asked of the host authority, or a service of the user authority.
    #[error("the {authority} authority certifies {authority}s only")]
    WrongAuthority {
        /// What this authority certifies.
        authority: CaKind,
    },
    /// The identity belongs to another cluster.
    #[error("the identity is of cluster {identity:?}, and the authority of {authority:?}")]
    WrongCluster {
        /// The identity's cluster.
        identity: String,
        /// The authority's cluster.
        authority: String,
    },
    /// A user of a cluster is no visitor there.
    #[error("a user's own cluster, {cluster:?}, cannot be visited")]
    VisitHome {
        /// The cluster.
        cluster: String,
    },
    /// The certificate would never be valid.
    #[error("the certificate would end at {expires}, before it begins at {issued}")]
    Validity {
        /// When it would begin.
        issued: OffsetDateTime,
        /// When it would end.
        expires: OffsetDateTime,
    },
    /// The identity cannot be written.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The authority's certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Certificate and key of the authority are not of each other.
    #[error("the authority's private key does not belong to its certificate")]
    KeyMismatch,
    /// Encoding or signing failed.
    #[error("the certificate could not be signed")]
    Sign {
        /// What the encoder says.
        #[source]
        source: rcgen::Error,
    },
}

/// Certificates begin this much before they are issued, because clocks of a cluster differ.
const BACKDATE: Duration = Duration::from_secs(60);

// === impl CertificateAuthority ===

impl CertificateAuthority {
    /// A new authority with a fresh key, valid from `now` for `validity`.
    ///
    /// # Errors
    ///
    /// When the cluster's name cannot be part of DNS names, or the system has no randomness.
    pub fn generate(
        kind: CaKind,
        cluster: &str,
        now: OffsetDateTime,
        validity: Duration,
    ) -> Result<Self, IssueError> {
        names::check_cluster(cluster)?;
        let key = PrivateKey::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name = ca_certificate::subject(kind, cluster);
        // The authority issues leaves and no further authorities: path length 0.
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = now - BACKDATE;
        params.not_after = later(now, validity);
        params.serial_number = Some(serial()?);
        let certificate = params.self_signed(&key).map_err(|source| IssueError::Sign { source })?;
        Ok(Self { certificate: CaCertificate::from_der(certificate.into())?, key })
    }

    /// An authority as it was kept: its certificate and its private key, each in PEM.
    ///
    /// # Errors
    ///
    /// When either cannot be read, or they do not belong together.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, IssueError> {
        let certificate = CaCertificate::from_pem(certificate)?;
        let key = PrivateKey::from_pem(key)?;
        if CaPin::of_spki(&key.public().to_spki()) != certificate.pin() {
            return Err(IssueError::KeyMismatch);
        }
        Ok(Self { certificate, key })
    }

    /// The authority's certificate, which others trust.
    #[must_use]
    pub const fn certificate(&self) -> &CaCertificate {
        &self.certificate
    }

    /// The authority's private key in PEM, for the store.
    #[must_use]
    pub fn key_pem(&self) -> Zeroizing<String> {
        self.key.to_pem()
    }

    /// The pin of the authority's key.
    #[must_use]
    pub const fn pin(&self) -> CaPin {
        self.certificate.pin()
    }

    /// Certifies `key` as `user`'s, until the user's `expires` or the authority's own end,
    /// whichever is first.
    ///
    /// # Errors
    ///
    /// When this is not the user authority of the user's cluster, or the identity cannot be
    /// certified.
    pub fn issue_user(
        &self,
        key: &PublicKey,
        user: &UserIdentity,
    ) -> Result<Certificate, IssueError> {
        require(&user.name, "user name")?;
        require(&user.login_id, "login id")?;
        if let Some(visit) = &user.visit {
            require(&visit.cluster, "cluster to visit")?;
            if visit.cluster == user.cluster {
                return Err(IssueError::VisitHome { cluster: user.cluster.clone() });
            }
        }
        let common_name = user.name.clone();
        let usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(key, &Identity::User(user.clone()), &common_name, Vec::new(), usages)
    }

    /// Certifies `key` as `service`'s, as client and as server under the names of its services,
    /// `<host_id>.<cluster>` and `extra_names` (DNS names or IP addresses).
    ///
    /// # Errors
    ///
    /// When this is not the host authority of the service's cluster, or a name is not the
    /// service's to have.
    pub fn issue_service(
        &self,
        key: &PublicKey,
        service: &ServiceIdentity,
        extra_names: &[String],
    ) -> Result<Certificate, IssueError> {
        names::check_host_id(&service.host_id)?;
        let mut all = BTreeSet::from([service.host_name()]);
        all.extend(service.services.iter().map(|s| s.server_name().to_owned()));
        for name in extra_names {
            all.insert(names::check_extra(name, &service.cluster)?);
        }
        let sans = all.iter().map(|name| names::to_san(name)).collect::<Result<_, _>>()?;
        let usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(key, &Identity::Service(service.clone()), &service.host_name(), sans, usages)
    }

    fn issue(
        &self,
        key: &PublicKey,
        identity: &Identity,
        common_name: &str,
        names: Vec<SanType>,
        usages: Vec<ExtendedKeyUsagePurpose>,
    ) -> Result<Certificate, IssueError> {
        self.check_mine(identity)?;
        let (issued, expires) = (identity.issued(), identity.expires());
        if expires <= issued {
            return Err(IssueError::Validity { issued, expires });
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = leaf_subject(common_name, identity.cluster());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.subject_alt_names = names;
        params.not_before = issued - BACKDATE;
        params.not_after = expires.min(self.certificate.not_after());
        params.serial_number = Some(serial()?);
        params.use_authority_key_identifier_extension = true;
        params.custom_extensions = vec![extension::encode(identity)?];
        self.sign(&params, key)
    }

    fn sign(&self, params: &CertificateParams, key: &PublicKey) -> Result<Certificate, IssueError> {
        let failed = |source| IssueError::Sign { source };
        let issuer = Issuer::from_ca_cert_der(self.certificate.der(), &self.key).map_err(failed)?;
        let signed = params.signed_by(key, &issuer).map_err(failed)?;
        Ok(Certificate::from_der(CertificateDer::from(signed))?)
    }

    fn check_mine(&self, identity: &Identity) -> Result<(), IssueError> {
        if CaKind::of(identity) != self.certificate.kind() {
            return Err(IssueError::WrongAuthority { authority: self.certificate.kind() });
        }
        if identity.cluster() != self.certificate.cluster() {
            return Err(IssueError::WrongCluster {
                identity: identity.cluster().to_owned(),
                authority: self.certificate.cluster().to_owned(),
            });
        }
        Ok(())
    }
}

/// RFC 5280 section 4.1.2.2: a positive number of at most 20 bytes. Random, so that it says nothing
/// and does not repeat when a key is certified again.
fn serial() -> Result<SerialNumber, IssueError> {
    let mut bytes: [u8; 16] = provider::random().ok_or(KeyError::Generate)?;
    if let Some(first) = bytes.first_mut() {
        // Positive, and without a leading zero byte.
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}

/// The subject is for people who look at a certificate; nothing reads it back.
fn leaf_subject(common_name: &str, cluster: &str) -> DistinguishedName {
    // RFC 5280 appendix A.1: ub-common-name is 64 characters.
    let common_name: String = common_name.chars().take(64).collect();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, cluster);
    subject.push(DnType::CommonName, common_name);
    subject
}

fn later(t: OffsetDateTime, by: Duration) -> OffsetDateTime {
    t.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX))
}

fn require(value: &str, field: &'static str) -> Result<(), IssueError> {
    if value.is_empty() { Err(IssueError::Empty { field }) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
