//! The second factor: time-based one-time codes (RFC 6238; SHA-1, six digits, thirty seconds, what
//! every authenticator understands).

use api::{Error, wire};
use qrcode::QrCode;
use qrcode::render::svg;
use resource::Secret;
use time::OffsetDateTime;
use totp_rs::{Builder, Totp};

/// Steps that an authenticator's clock may be early or late.
const SKEW: u16 = 1;
/// The side of one module of the picture, in pixels.
const MODULE: u32 = 4;

/// What an authenticator needs to know.
#[derive(Debug)]
pub(crate) struct Enrolment {
    /// The secret, base32.
    pub(crate) secret: Secret<String>,
    /// The same as an `otpauth:` address.
    pub(crate) url: Secret<String>,
    /// The same as a picture.
    pub(crate) qr_svg: Secret<String>,
}

/// A second factor could not be prepared or checked.
#[derive(Debug, thiserror::Error)]
#[error("the second factor cannot be used: {0}")]
pub(crate) struct TotpError(String);

/// A new secret, base32.
pub(crate) fn generate() -> Secret<String> {
    Secret::new(totp_rs::Secret::from(rand::random::<[u8; 20]>()).to_base32())
}

/// Shows a secret in the forms that authenticators take.
pub(crate) fn enrolment(
    secret: &Secret<String>,
    cluster: &str,
    user: &str,
) -> Result<Enrolment, TotpError> {
    // A colon separates issuer and account in the address.
    let plain = |text: &str| text.replace(':', "_");
    let totp = builder(secret)?
        .with_issuer(Some(plain(cluster)))
        .with_account_name(plain(user))
        .build()
        .map_err(|error| TotpError(error.to_string()))?;
    let url = totp.to_url().map_err(|error| TotpError(error.to_string()))?;
    let code = QrCode::new(url.as_bytes()).map_err(|error| TotpError(error.to_string()))?;
    let qr_svg = code.render::<svg::Color<'_>>().module_dimensions(MODULE, MODULE).build();
    // The declaration belongs to a file of its own, and the picture stands within a page.
    let qr_svg = qr_svg.find("<svg").and_then(|at| qr_svg.get(at..)).unwrap_or(&qr_svg).to_owned();
    Ok(Enrolment { secret: secret.clone(), url: Secret::new(url), qr_svg: Secret::new(qr_svg) })
}

/// The same, on its way to a person.
pub(crate) fn shown(
    secret: &Secret<String>,
    cluster: &str,
    user: &str,
) -> Result<wire::TotpEnrolment, Error> {
    let shown = enrolment(secret, cluster, user).map_err(Error::internal)?;
    Ok(wire::TotpEnrolment {
        secret: shown.secret.expose().clone(),
        url: shown.url.expose().clone(),
        qr_svg: shown.qr_svg.expose().clone(),
    })
}

/// The step that `code` belongs to, when it is a code of this secret at about `now`.
///
/// A step is good for one sign-in: the caller keeps it, and refuses it and those before.
pub(crate) fn verify(
    secret: &Secret<String>,
    code: &str,
    now: OffsetDateTime,
) -> Result<Option<u64>, TotpError> {
    let Ok(seconds) = u64::try_from(now.unix_timestamp()) else { return Ok(None) };
    // Codes are shown in two groups of three.
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    Ok(totp(secret)?.check(&code, seconds))
}

fn totp(secret: &Secret<String>) -> Result<Totp, TotpError> {
    builder(secret)?.with_account_name("user").build().map_err(|error| TotpError(error.to_string()))
}

fn builder(secret: &Secret<String>) -> Result<Builder, TotpError> {
    let secret = totp_rs::Secret::try_from_base32(secret.expose())
        .map_err(|_unreadable| TotpError("its secret is not base32".to_owned()))?;
    Ok(Builder::new().with_secret(secret).with_skew(SKEW))
}

#[cfg(test)]
pub(crate) mod tests;
