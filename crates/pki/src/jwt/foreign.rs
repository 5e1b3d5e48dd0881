//! Tokens that others sign: identity providers and whoever else an administrator believes.
//!
//! Only signatures by public keys count. Which algorithms a key is good for is a matter of the key,
//! never of the token (RFC 8725, sections 3.1 and 3.2), so there is no "none", and a public key is
//! no shared secret.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::MAX_TOKEN_BYTES;

/// The most keys that are kept of a set. Providers have a handful.
pub const MAX_KEYS: usize = 64;
/// How far the clocks of others may differ from ours.
pub const LEEWAY: Duration = Duration::seconds(60);
/// RSA keys with a shorter modulus are not believed, in bytes.
const MIN_RSA_BYTES: usize = 256;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The public keys of somebody else: a JSON Web Key Set (RFC 7517, section 5), as far as it can be used.
#[derive(Clone)]
pub struct ForeignKeys {
    keys: Vec<ForeignKey>,
}

#[derive(Clone)]
struct ForeignKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// A token whose signature is right. What it says is still to be judged.
pub struct ForeignToken {
    claims: Map<String, Value>,
    algorithm: Algorithm,
}

/// What a token must say, whoever issued it.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// The `iss` claim, to the letter.
    pub issuer: &'a str,
    /// One of the `aud` claim.
    pub audience: &'a str,
    /// The time at which it must be valid.
    pub now: OffsetDateTime,
    /// How old it may be by its `iat` claim.
    pub max_age: Option<Duration>,
}

/// A key set that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignKeysError {
    /// It is none.
    #[error("not a JSON Web Key Set: {reason}")]
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
    /// It has too many keys.
    #[error("the key set has {found} keys, and {MAX_KEYS} are allowed")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// It has no key that could be believed.
    #[error(
        "the key set has no public key that verifies signatures (RSA of at least 2048 bits, P-256, \
         P-384 or Ed25519)"
    )]
    NoneUsable,
}

/// Why a token of somebody else is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignTokenError {
    /// Longer than [`MAX_TOKEN_BYTES`].
    #[error("the token has {bytes} bytes, and {MAX_TOKEN_BYTES} are allowed")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not a signed token.
    #[error("this is no signed JSON Web Token")]
    Malformed,
    /// Signed in a way that proves nothing here.
    #[error("tokens signed with {name:?} are not accepted")]
    Algorithm {
        /// What the token says.
        name: String,
    },
    /// Signed by a key that is not in the set, or that is for something else.
    #[error("the token was signed by a key that its issuer does not publish")]
    UnknownKey,
    /// The signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
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
    #[error("the token has expired")]
    Expired,
    /// Before its beginning, or made in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Made too long ago.
    #[error("the token was issued more than {} minutes ago", max.whole_minutes())]
    TooOld {
        /// How old it may be.
        max: Duration,
    },
}

// === impl ForeignKeys ===

impl ForeignKeys {
    /// Reads a key set. Keys that could not be used are passed over.
    ///
    /// # Errors
    ///
    /// When it is none, or nothing of it can be used.
    pub fn from_json(json: &[u8]) -> Result<Self, ForeignKeysError> {
        let malformed = |reason: &str| ForeignKeysError::Malformed { reason: reason.to_owned() };
        let set: Value = serde_json::from_slice(json)
            .map_err(|error| ForeignKeysError::Malformed { reason: error.to_string() })?;
        let list = set.get("keys").and_then(Value::as_array);
        let list = list.ok_or_else(|| malformed("it has no list of \"keys\""))?;
        if list.len() > MAX_KEYS {
            return Err(ForeignKeysError::TooMany { found: list.len() });
        }
        let keys: Vec<ForeignKey> = list.iter().filter_map(ForeignKey::read).collect();
        if keys.is_empty() { Err(ForeignKeysError::NoneUsable) } else { Ok(Self { keys }) }
    }

    /// Verifies a token's signature.
    ///
    /// # Errors
    ///
    /// What is wrong with it. [`ForeignTokenError::UnknownKey`] may be mended by a newer key set.
    pub fn verify(&self, token: &str) -> Result<ForeignToken, ForeignTokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(ForeignTokenError::TooLarge { bytes: token.len() });
        }
        let (algorithm, id) = read_header(token)?;
        let named = |key: &&ForeignKey| id.is_some() && key.id == id;
        // A key without a name may be the one that is meant; one with another name is not.
        let anonymous = |key: &&ForeignKey| id.is_none() || key.id.is_none();
        let mut candidates: Vec<&ForeignKey> = self.keys.iter().filter(named).collect();
        if candidates.is_empty() {
            candidates = self.keys.iter().filter(anonymous).collect();
        }
        candidates.retain(|key| key.algorithms.contains(&algorithm));
        if candidates.is_empty() {
            return Err(ForeignTokenError::UnknownKey);
        }
        for key in candidates {
            let validation = signature_only(algorithm);
            if let Ok(data) =
                jsonwebtoken::decode::<Map<String, Value>>(token, &key.key, &validation)
            {
                return Ok(ForeignToken { claims: data.claims, algorithm });
            }
        }
        Err(ForeignTokenError::Signature)
    }
}

impl fmt::Debug for ForeignKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.id)).finish()
    }
}

// === impl ForeignKey ===

impl ForeignKey {
    fn read(value: &Value) -> Option<Self> {
        // One by one: the error of one key does not spoil the rest.
        let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return None;
        }
        let verifies = |ops: &Vec<KeyOperations>| ops.contains(&KeyOperations::Verify);
        if !jwk.common.key_operations.as_ref().is_none_or(verifies) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) => {
                let modulus = URL_SAFE_NO_PAD.decode(key.n.trim_end_matches('=')).ok()?;
                let length = modulus.iter().skip_while(|byte| **byte == 0).count();
                if length < MIN_RSA_BYTES {
                    return None;
                }
                RSA.to_vec()
            }
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                vec![Algorithm::EdDSA]
            }
            _ => return None,
        };
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| names(only) == Some(*algorithm));
        }
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!algorithms.is_empty()).then_some(Self { id: jwk.common.key_id, algorithms, key })
    }
}

fn names(algorithm: KeyAlgorithm) -> Option<Algorithm> {
    Some(match algorithm {
        KeyAlgorithm::RS256 => Algorithm::RS256,
        KeyAlgorithm::RS384 => Algorithm::RS384,
        KeyAlgorithm::RS512 => Algorithm::RS512,
        KeyAlgorithm::PS256 => Algorithm::PS256,
        KeyAlgorithm::PS384 => Algorithm::PS384,
        KeyAlgorithm::PS512 => Algorithm::PS512,
        KeyAlgorithm::ES256 => Algorithm::ES256,
        KeyAlgorithm::ES384 => Algorithm::ES384,
        KeyAlgorithm::EdDSA => Algorithm::EdDSA,
        _ => return None,
    })
}

/// The algorithm and the key's name in a token's header.
fn read_header(token: &str) -> Result<(Algorithm, Option<String>), ForeignTokenError> {
    let malformed = || ForeignTokenError::Malformed;
    let mut parts = token.split('.');
    let (Some(header), Some(_), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(malformed());
    };
    let header = URL_SAFE_NO_PAD.decode(header).map_err(|_error| malformed())?;
    let header: Map<String, Value> =
        serde_json::from_slice(&header).map_err(|_error| malformed())?;
    // RFC 7515, section 4.1.11: what is critical and not understood makes a token invalid.
    if header.contains_key("crit") {
        return Err(malformed());
    }
    let name = header.get("alg").and_then(Value::as_str).ok_or_else(malformed)?;
    let known = [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA];
    let algorithm =
        RSA.iter().chain(&known).find(|algorithm| format!("{algorithm:?}") == name).ok_or_else(
            || ForeignTokenError::Algorithm { name: name.chars().take(20).collect() },
        )?;
    let id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => return Err(malformed()),
    };
    Ok((*algorithm, id))
}

/// The library would ask the system for the time and knows no other, so claims are checked here.
fn signature_only(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation
}

// === impl ForeignToken ===

impl ForeignToken {
    /// What the token says.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// What the token says, to keep.
    #[must_use]
    pub fn into_claims(self) -> Map<String, Value> {
        self.claims
    }

    /// Checks what every token must say: `iss`, `aud`, `exp` and `iat`, and `nbf` if it is there.
    ///
    /// # Errors
    ///
    /// What it does not say.
    pub fn check(&self, demands: &Demands<'_>) -> Result<(), ForeignTokenError> {
        match self.claims.get("iss") {
            Some(Value::String(issuer)) if issuer == demands.issuer => {}
            Some(Value::String(_)) => return Err(ForeignTokenError::Unexpected { claim: "iss" }),
            _ => return Err(ForeignTokenError::Claim { claim: "iss" }),
        }
        // RFC 7519, section 4.1.3: one string, or an array of them.
        let for_us = match self.claims.get("aud") {
            Some(Value::String(audience)) => audience == demands.audience,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(demands.audience)),
            _ => return Err(ForeignTokenError::Claim { claim: "aud" }),
        };
        if !for_us {
            return Err(ForeignTokenError::Unexpected { claim: "aud" });
        }
        let now = demands.now;
        let end = self.time("exp")?.ok_or(ForeignTokenError::Claim { claim: "exp" })?;
        if now >= end + LEEWAY {
            return Err(ForeignTokenError::Expired);
        }
        let made = self.time("iat")?.ok_or(ForeignTokenError::Claim { claim: "iat" })?;
        if made > now + LEEWAY || self.time("nbf")?.is_some_and(|from| from > now + LEEWAY) {
            return Err(ForeignTokenError::NotYetValid);
        }
        match demands.max_age {
            Some(max) if now - made > max => Err(ForeignTokenError::TooOld { max }),
            _ => Ok(()),
        }
    }

    /// A time that the token says, in whole seconds; none where the claim is absent.
    ///
    /// # Errors
    ///
    /// The claim is there and no time.
    pub fn time(&self, claim: &'static str) -> Result<Option<OffsetDateTime>, ForeignTokenError> {
        let unusable = || ForeignTokenError::Claim { claim };
        let Some(value) = self.claims.get(claim) else { return Ok(None) };
        // RFC 7519, section 2: a NumericDate may have a fraction.
        let seconds = match (value.as_i64(), value.as_f64()) {
            (Some(seconds), _) => seconds,
            (None, Some(seconds)) => whole(seconds).ok_or_else(unusable)?,
            (None, None) => return Err(unusable()),
        };
        // So far away that nothing else can be told from it, and sums still have a result.
        let bounded = seconds.clamp(0, 253_000_000_000);
        OffsetDateTime::from_unix_timestamp(bounded).map(Some).map_err(|_range| unusable())
    }

    /// Whether `hash` is that of `text` in a token of this algorithm (OpenID Connect Core 1.0,
    /// section 3.1.3.6: `at_hash`).
    #[must_use]
    pub fn is_half_hash(&self, hash: &str, text: &str) -> bool {
        let algorithm = match self.algorithm {
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &digest::SHA384,
            Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &digest::SHA512,
            _ => &digest::SHA256,
        };
        let whole = digest::digest(algorithm, text.as_bytes());
        let half = whole.as_ref().get(..whole.as_ref().len() / 2).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(half) == hash.trim_end_matches('=')
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn whole(seconds: f64) -> Option<i64> {
    (seconds.is_finite() && seconds.abs() < 1e15).then_some(seconds.floor() as i64)
}

impl fmt::Debug for ForeignToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignToken").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// The `iss` claim of a token that nobody has verified: good for looking up who may have signed it.
#[must_use]
pub fn unverified_issuer(token: &str) -> Option<String> {
    unverified_claims(token)?.get("iss")?.as_str().map(str::to_owned)
}

/// What a token says, of which nothing is known to be true: to see whether it is worth asking about.
#[must_use]
pub fn unverified_claims(token: &str) -> Option<Map<String, Value>> {
    if token.len() > MAX_TOKEN_BYTES {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}

#[cfg(test)]
mod tests;
