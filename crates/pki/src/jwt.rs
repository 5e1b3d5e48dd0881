//! Tokens that the cluster signs: JWS in compact form with ES256 (RFC 7515, RFC 7518 section 3.4).

pub mod foreign;
pub mod proof;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, CommonParameters, EllipticCurve, EllipticCurveKeyParameters,
    EllipticCurveKeyType, Jwk, KeyAlgorithm, PublicKeyUse, ThumbprintHash,
};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::key::{PrivateKey, PublicKey};

/// A key that signs tokens.
#[derive(Clone)]
pub struct JwtKey {
    encoding: EncodingKey,
    public: PublicKey,
    id: String,
}

/// Public keys by which others verify our tokens: a JSON Web Key Set (RFC 7517 section 5).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JwkSet {
    set: jsonwebtoken::jwk::JwkSet,
}

/// What a token must say to be accepted.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The `iss` claim.
    pub issuer: &'a str,
    /// The `aud` claim, or one of them.
    pub audience: &'a str,
    /// The time at which it must be valid.
    pub now: OffsetDateTime,
}

/// Why a token was not made or not accepted.
#[derive(Debug, thiserror::Error)]
pub enum JwtError {
    /// Signing or encoding failed.
    #[error("the token could not be signed")]
    Sign {
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token has {bytes} bytes, and {MAX_TOKEN_BYTES} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a token, or its signature is wrong.
    #[error("the token is not valid")]
    Invalid {
        /// Why.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// Signed by a key that is not in the set.
    #[error("the token was signed by a key that is not known here")]
    UnknownKey,
    /// A required claim is missing or of the wrong type.
    #[error("the token has no usable {claim:?} claim")]
    Claim {
        /// Its name.
        claim: &'static str,
    },
    /// For somebody else, or by somebody else.
    #[error("the token's {claim:?} claim is not the expected one")]
    Unexpected {
        /// Its name.
        claim: &'static str,
    },
    /// Past its end.
    #[error("the token expired at {at}")]
    Expired {
        /// When it ended.
        at: OffsetDateTime,
    },
    /// Before its beginning.
    #[error("the token is not valid before {at}")]
    NotYetValid {
        /// When it begins.
        at: OffsetDateTime,
    },
    /// The claims are not what the caller reads.
    #[error("the token's claims cannot be read")]
    Claims {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Nothing larger is looked at: twice the largest identity, in base64.
pub const MAX_TOKEN_BYTES: usize = 44 * 1024;

/// How far the clocks of two services may differ, in seconds (RFC 7519 section 4.1.4 allows a
/// small leeway).
const LEEWAY: i64 = 30;

// === impl JwtKey ===

impl JwtKey {
    /// Signs tokens with `key`.
    ///
    /// # Errors
    ///
    /// When the key's name cannot be computed.
    pub fn new(key: &PrivateKey) -> Result<Self, JwtError> {
        let id = key_id(&jwk(&key.public(), None))?;
        let encoding = EncodingKey::from_ec_der(key.pkcs8());
        Ok(Self { encoding, public: key.public(), id })
    }

    /// The public half.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The key's name in token headers and key sets: its thumbprint by RFC 7638.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs `claims`, which must serialise to an object.
    ///
    /// # Errors
    ///
    /// When they cannot be serialised.
    pub fn sign<T: Serialize>(&self, claims: &T) -> Result<String, JwtError> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding)
            .map_err(|source| JwtError::Sign { source })
    }
}

impl fmt::Debug for JwtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtKey").field("id", &self.id).finish_non_exhaustive()
    }
}

// === impl JwkSet ===

impl JwkSet {
    /// The set of these keys.
    ///
    /// # Errors
    ///
    /// When a key's name cannot be computed.
    pub fn new(keys: &[PublicKey]) -> Result<Self, JwtError> {
        let keys = keys.iter().map(|key| {
            let id = key_id(&jwk(key, None))?;
            Ok(jwk(key, Some(id)))
        });
        let keys = keys.collect::<Result<_, JwtError>>()?;
        Ok(Self { set: jsonwebtoken::jwk::JwkSet { keys } })
    }

    /// Whether there is no key in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.keys.is_empty()
    }

    /// Verifies a token by the key it names and reads its claims.
    ///
    /// `exp`, `iss` and `aud` are required, `nbf` is respected; times have 30 seconds of leeway.
    ///
    /// # Errors
    ///
    /// What is wrong with the token.
    pub fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<T, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::TooLarge { bytes: token.len() });
        }
        let invalid = |source| JwtError::Invalid { source };
        let header = jsonwebtoken::decode_header(token).map_err(invalid)?;
        let key = header.kid.and_then(|id| self.set.find(&id)).ok_or(JwtError::UnknownKey)?;
        let key = DecodingKey::from_jwk(key).map_err(invalid)?;
        let data = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &signature_only());
        let claims = data.map_err(invalid)?.claims;
        check_claims(&claims, expected)?;
        serde_json::from_value(Value::Object(claims)).map_err(|source| JwtError::Claims { source })
    }
}

/// The library would ask the system for the time and knows no other, so we check claims ourselves.
fn signature_only() -> Validation {
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

fn check_claims(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<(), JwtError> {
    let now = expected.now.unix_timestamp();
    let exp = seconds(claims, "exp")?.ok_or(JwtError::Claim { claim: "exp" })?;
    if now >= exp.saturating_add(LEEWAY) {
        return Err(JwtError::Expired { at: at(exp) });
    }
    if let Some(nbf) = seconds(claims, "nbf")?
        && now < nbf.saturating_sub(LEEWAY)
    {
        return Err(JwtError::NotYetValid { at: at(nbf) });
    }
    match claims.get("iss") {
        Some(Value::String(issuer)) if issuer == expected.issuer => {}
        Some(Value::String(_)) => return Err(JwtError::Unexpected { claim: "iss" }),
        _ => return Err(JwtError::Claim { claim: "iss" }),
    }
    // RFC 7519 section 4.1.3: one string, or an array of them.
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => audience == expected.audience,
        Some(Value::Array(all)) => all.iter().any(|a| a.as_str() == Some(expected.audience)),
        _ => return Err(JwtError::Claim { claim: "aud" }),
    };
    if for_us { Ok(()) } else { Err(JwtError::Unexpected { claim: "aud" }) }
}

/// A time claim in whole seconds; `None` when it is absent.
fn seconds(claims: &Map<String, Value>, claim: &'static str) -> Result<Option<i64>, JwtError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(value) => value.as_i64().map(Some).ok_or(JwtError::Claim { claim }),
    }
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn jwk(key: &PublicKey, id: Option<String>) -> Jwk {
    let (x, y) = key.coordinates();
    Jwk {
        common: CommonParameters {
            public_key_use: Some(PublicKeyUse::Signature),
            key_algorithm: Some(KeyAlgorithm::ES256),
            key_id: id,
            ..CommonParameters::default()
        },
        algorithm: AlgorithmParameters::EllipticCurve(EllipticCurveKeyParameters {
            key_type: EllipticCurveKeyType::EC,
            curve: EllipticCurve::P256,
            x: URL_SAFE_NO_PAD.encode(x),
            y: URL_SAFE_NO_PAD.encode(y),
        }),
    }
}

fn key_id(key: &Jwk) -> Result<String, JwtError> {
    key.thumbprint(ThumbprintHash::SHA256).map_err(|source| JwtError::Sign { source })
}

#[cfg(test)]
mod tests;
