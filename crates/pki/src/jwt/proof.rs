//! Proofs that the holder of a certificate's key asks for something now. Somebody who has only seen the
//! certificate cannot make one.
//!
//! A proof is a JWS like other tokens, with a type of its own (RFC 8725, section 3.11): no token is taken
//! for a proof, nor a proof for a token.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{JwtError, jwk, signature_only};
use crate::certificate::{Certificate, CertificateError};
use crate::key::{KeyError, PrivateKey};

/// For what a proof is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// The app.
    pub app: &'a str,
}

/// Why a proof proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// It is no proof, or made with another key.
    #[error("it was not made with the certificate's key")]
    Invalid {
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// Longer than [`MAX_PROOF_BYTES`], or of another type.
    #[error("it is no proof")]
    Shape,
    /// Made for something else.
    #[error("it was made for another {what}")]
    Other {
        /// What.
        what: &'static str,
    },
    /// Made too long ago, or in the future.
    #[error("it was made at {made}, and it is {now}; do the clocks agree?")]
    Stale {
        /// When it says that it was made.
        made: OffsetDateTime,
        /// The time here.
        now: OffsetDateTime,
    },
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate's key is not one of ours.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The cluster.
    aud: String,
    app: String,
    iat: i64,
}

/// Nothing longer is looked at.
pub const MAX_PROOF_BYTES: usize = 2048;

/// The type of a proof.
const TYPE: &str = "tessera-proof+jwt";

/// How old a proof may be, in seconds; and how far ahead the clock of its maker.
const MAX_AGE: i64 = 60;
const MAX_AHEAD: i64 = 60;

/// Proves that the holder of `key` asks for something at `now`.
///
/// # Errors
///
/// When signing fails.
pub fn prove(
    key: &PrivateKey,
    asking: &Asking<'_>,
    now: OffsetDateTime,
) -> Result<String, JwtError> {
    let mut header = Header::new(Algorithm::ES256);
    header.typ = Some(TYPE.to_owned());
    let (aud, app) = (asking.cluster.to_owned(), asking.app.to_owned());
    let claims = Claims { aud, app, iat: now.unix_timestamp() };
    jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ec_der(key.pkcs8()))
        .map_err(|source| JwtError::Sign { source })
}

/// Checks that the holder of the certificate's key asked for this a moment ago. The certificate itself is
/// verified elsewhere.
///
/// # Errors
///
/// Why it proves nothing.
pub fn check(
    proof: &str,
    certificate: &CertificateDer<'static>,
    asking: &Asking<'_>,
    now: OffsetDateTime,
) -> Result<(), ProofError> {
    if proof.len() > MAX_PROOF_BYTES {
        return Err(ProofError::Shape);
    }
    let invalid = |source| ProofError::Invalid { source };
    let header = jsonwebtoken::decode_header(proof).map_err(invalid)?;
    if header.typ.as_deref() != Some(TYPE) {
        return Err(ProofError::Shape);
    }
    let key = Certificate::from_der(certificate.clone())?.public_key()?;
    let key = DecodingKey::from_jwk(&jwk(&key, None)).map_err(invalid)?;
    let data = jsonwebtoken::decode::<Claims>(proof, &key, &signature_only());
    let Claims { aud, app, iat } = data.map_err(invalid)?.claims;
    for (said, wanted, what) in [(aud, asking.cluster, "cluster"), (app, asking.app, "app")] {
        if said != wanted {
            return Err(ProofError::Other { what });
        }
    }
    let age = now.unix_timestamp().saturating_sub(iat);
    if !(-MAX_AHEAD..=MAX_AGE).contains(&age) {
        return Err(ProofError::Stale { made: super::at(iat), now });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
