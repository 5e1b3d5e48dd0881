//! Text that others keep for us, and can neither read nor change.
//!
//! AES-256-GCM (NIST SP 800-38D) under a key that this process made up and never shows, with a random nonce
//! for each text: what is sealed by one process is meaningless to every other, and nothing sealed outlives it. Or under
//! a key that several processes keep.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::provider::random;

/// Seals and opens with a key of its own.
pub struct Sealer {
    key: RandomizedNonceKey,
}

/// The system has no randomness to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system has no randomness to give; nothing can be sealed")]
pub struct SealError;

// === impl Sealer ===

impl Sealer {
    /// Makes up a key.
    pub fn new() -> Result<Self, SealError> {
        let key: Zeroizing<[u8; 32]> = Zeroizing::new(random().ok_or(SealError)?);
        let key = RandomizedNonceKey::new(&AES_256_GCM, &*key).map_err(|_unspecified| SealError)?;
        Ok(Self { key })
    }

    /// With a key that others have as well.
    pub fn with_key(key: &[u8; 32]) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_unspecified| SealError)?;
        Ok(Self { key })
    }

    /// Hides `plain` in text of letters, digits, `-` and `_`, and binds it to `about`, which is not in it and
    /// must be given again to open it.
    pub fn seal(&self, plain: &[u8], about: &[u8]) -> Result<String, SealError> {
        let mut hidden = plain.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(about), &mut hidden);
        let nonce = nonce.map_err(|_unspecified| SealError)?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.append(&mut hidden);
        Ok(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// What was hidden; nothing when the text was not sealed here, was altered, or is about something else.
    pub fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, hidden) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut hidden = hidden.to_vec();
        let plain = self.key.open_in_place(nonce, Aad::from(about), &mut hidden).ok()?;
        Some(plain.to_vec())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
