//! One certificate, checked against a list of authorities (RFC 5280 section 6, for paths of one).

use std::time::Duration;

use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, KeyUsage};

use super::VerifyError;
use crate::authority::{CaCertificate, CaKind};
use crate::identity::{Identity, MAX_IDENTITY_BYTES, extension};
use crate::provider::provider;

/// What a certificate is used for in this moment.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Client,
    Server,
}

/// The time in which both a certificate and its authority are valid, both ends included, in
/// seconds of Unix time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(super) from: i64,
    pub(super) until: i64,
}

/// Nothing larger is parsed: the largest identity, and as much again for everything else.
const MAX_CERTIFICATE_BYTES: usize = 2 * MAX_IDENTITY_BYTES;

/// The body of the object identifier id-kp-serverAuth, 1.3.6.1.5.5.7.3.1 (RFC 5280 section
/// 4.2.1.12).
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];

/// id-kp-clientAuth, 1.3.6.1.5.5.7.3.2.
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Checks that one of `authorities` (whose anchors are `anchors`, in the same order) issued `leaf`
/// for this purpose, and that it was entitled to.
pub(crate) fn check_path(
    leaf: &CertificateDer<'_>,
    authorities: &[CaCertificate],
    anchors: &[TrustAnchor<'static>],
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<(Identity, Window), VerifyError> {
    check_size(leaf)?;
    let issuer = find_issuer(leaf, anchors, purpose, now)?;
    let authority =
        authorities.iter().find(|a| a.anchor() == &issuer).ok_or(VerifyError::UnknownAuthority)?;
    // Path validation takes an anchor as given, for ever; we do not.
    let own = Window::of_authority(authority);
    own.check(now)?;
    let identity = extension::read(leaf)?;
    check_entitled(&identity, authority)?;
    let window = own.intersect(Window::of_leaf(leaf)?);
    window.check(now)?;
    Ok((identity, window))
}

/// Refuses what is too large to be parsed.
pub(super) fn check_size(leaf: &CertificateDer<'_>) -> Result<(), VerifyError> {
    if leaf.len() > MAX_CERTIFICATE_BYTES {
        let reason = format!("it has more than {MAX_CERTIFICATE_BYTES} bytes");
        return Err(VerifyError::Malformed { reason });
    }
    Ok(())
}

/// Checks a server's certificate for the name by which it was dialled (RFC 9525).
pub(crate) fn check_server_name(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
) -> Result<(), VerifyError> {
    let certificate = EndEntityCert::try_from(leaf).map_err(|e| unsound(&e))?;
    match certificate.verify_is_valid_for_subject_name(name) {
        Ok(()) => Ok(()),
        Err(webpki::Error::CertNotValidForName(context)) => Err(VerifyError::WrongName {
            expected: name.to_str().into_owned(),
            presented: context.presented,
        }),
        Err(error) => Err(unsound(&error)),
    }
}

fn find_issuer(
    leaf: &CertificateDer<'_>,
    anchors: &[TrustAnchor<'static>],
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<TrustAnchor<'static>, VerifyError> {
    let certificate = EndEntityCert::try_from(leaf).map_err(|e| unsound(&e))?;
    // Required, not merely respected if present: a certificate that does not say what it is for
    // is for nothing. No intermediates: authorities of a cluster certify directly.
    let usage = KeyUsage::required(match purpose {
        Purpose::Client => CLIENT_AUTH,
        Purpose::Server => SERVER_AUTH,
    });
    let algorithms = provider().signature_verification_algorithms.all;
    let path = certificate
        .verify_for_usage(algorithms, anchors, &[], unix_time(now), usage, None, None)
        .map_err(|error| refusal(error, purpose))?;
    Ok(path.anchor().to_owned())
}

fn check_entitled(identity: &Identity, authority: &CaCertificate) -> Result<(), VerifyError> {
    let kind = CaKind::of(identity);
    if kind != authority.kind() {
        return Err(VerifyError::WrongAuthority { identity: kind, authority: authority.kind() });
    }
    if identity.cluster() != authority.cluster() {
        return Err(VerifyError::WrongCluster {
            identity: identity.cluster().to_owned(),
            authority: authority.cluster().to_owned(),
        });
    }
    Ok(())
}

fn refusal(error: webpki::Error, purpose: Purpose) -> VerifyError {
    match error {
        webpki::Error::CertExpired { not_after, .. } => {
            VerifyError::Expired { at: from_unix(not_after) }
        }
        webpki::Error::CertNotValidYet { not_before, .. } => {
            VerifyError::NotYetValid { at: from_unix(not_before) }
        }
        // A wrong signature under the right subject name is another authority of that name.
        webpki::Error::UnknownIssuer | webpki::Error::InvalidSignatureForPublicKey => {
            VerifyError::UnknownAuthority
        }
        webpki::Error::RequiredEkuNotFoundContext(_) => VerifyError::WrongPurpose {
            purpose: match purpose {
                Purpose::Client => "client",
                Purpose::Server => "server",
            },
        },
        error => unsound(&error),
    }
}

fn unsound(error: &webpki::Error) -> VerifyError {
    VerifyError::Malformed { reason: error.to_string() }
}

fn unix_time(t: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(t.unix_timestamp()).unwrap_or_default();
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

pub(crate) fn from_unix(t: UnixTime) -> OffsetDateTime {
    let seconds = i64::try_from(t.as_secs()).unwrap_or(i64::MAX);
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

// === impl Window ===

impl Window {
    fn of_authority(authority: &CaCertificate) -> Self {
        Self {
            from: authority.not_before().unix_timestamp(),
            until: authority.not_after().unix_timestamp(),
        }
    }

    fn of_leaf(leaf: &CertificateDer<'_>) -> Result<Self, VerifyError> {
        let certificate = crate::certificate::parse(leaf)
            .map_err(|e| VerifyError::Malformed { reason: e.to_string() })?;
        let (from, until) = crate::certificate::validity(&certificate);
        Ok(Self { from: from.unix_timestamp(), until: until.unix_timestamp() })
    }

    fn intersect(self, other: Self) -> Self {
        Self { from: self.from.max(other.from), until: self.until.min(other.until) }
    }

    pub(crate) fn check(self, now: OffsetDateTime) -> Result<(), VerifyError> {
        let at = |seconds| {
            OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
        };
        let now = now.unix_timestamp();
        if now > self.until {
            return Err(VerifyError::Expired { at: at(self.until) });
        }
        if now < self.from {
            return Err(VerifyError::NotYetValid { at: at(self.from) });
        }
        Ok(())
    }
}
