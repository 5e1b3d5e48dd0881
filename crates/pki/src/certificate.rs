//! A certificate of a user or a service, as issued.

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use x509_parser::asn1_rs::FromDer;
use x509_parser::certificate::X509Certificate;

use crate::identity::{Identity, IdentityError, extension};
use crate::key::{KeyError, PublicKey};
use crate::pem::{self, InvalidPem};

/// An issued certificate. Holding one proves nothing; a [`crate::TrustStore`] verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    der: CertificateDer<'static>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

/// Why bytes are not the certificate that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// The text holds no certificate.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// Not the DER of an X.509 certificate.
    #[error("the certificate is not valid DER")]
    Malformed,
    /// An authority's certificate was expected.
    #[error("the certificate is not one of a cluster's authority: {reason}")]
    NotAuthority {
        /// What it lacks.
        reason: &'static str,
    },
}

// === impl Certificate ===

impl Certificate {
    /// Reads a certificate.
    ///
    /// # Errors
    ///
    /// When the bytes are not the DER of one certificate.
    pub fn from_der(der: CertificateDer<'static>) -> Result<Self, CertificateError> {
        let (not_before, not_after) = {
            let certificate = parse(&der)?;
            validity(&certificate)
        };
        Ok(Self { der, not_before, not_after })
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// # Errors
    ///
    /// When there is none.
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

    /// From when the certificate is valid.
    #[must_use]
    pub const fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// Until when the certificate is valid, inclusively.
    #[must_use]
    pub const fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// The certified key.
    ///
    /// # Errors
    ///
    /// When it is not a P-256 key.
    pub fn public_key(&self) -> Result<PublicKey, KeyError> {
        let certificate = parse(&self.der).map_err(|_e| KeyError::Public)?;
        PublicKey::from_spki(certificate.public_key().raw)
    }

    /// What the certificate says of its holder, believed without any check: for showing people
    /// their own certificate.
    ///
    /// # Errors
    ///
    /// When it carries no readable identity.
    pub fn unverified_identity(&self) -> Result<Identity, IdentityError> {
        extension::read(&self.der)
    }
}

pub(crate) fn parse<'a>(
    der: &'a CertificateDer<'_>,
) -> Result<X509Certificate<'a>, CertificateError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateError::Malformed),
    }
}

pub(crate) fn validity(certificate: &X509Certificate<'_>) -> (OffsetDateTime, OffsetDateTime) {
    let validity = certificate.validity();
    (validity.not_before.to_datetime(), validity.not_after.to_datetime())
}
