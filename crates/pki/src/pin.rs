//! Pins: how a certificate authority is named to somebody who does not trust it yet.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The SHA-256 of an authority's `SubjectPublicKeyInfo`, written `sha256:` and 64 hex digits.
///
/// It names the key, not the certificate (as RFC 7469 section 2.4 argues), so it stays the same
/// when the authority's certificate is made anew over the same key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CaPin {
    digest: [u8; 32],
}

/// Text that is not a pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a CA pin: expected \"sha256:\" and 64 hexadecimal digits")]
pub struct InvalidPin {
    /// What was given.
    pub text: String,
}

const PREFIX: &str = "sha256:";

// === impl CaPin ===

impl CaPin {
    pub(crate) fn of_spki(spki: &[u8]) -> Self {
        Self { digest: crate::provider::sha256(spki) }
    }
}

impl FromStr for CaPin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut digest = [0; 32];
        text.trim()
            .strip_prefix(PREFIX)
            .and_then(|digits| hex::decode_to_slice(digits, &mut digest).ok())
            .ok_or_else(|| InvalidPin { text: text.to_owned() })?;
        Ok(Self { digest })
    }
}

impl TryFrom<String> for CaPin {
    type Error = InvalidPin;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<CaPin> for String {
    fn from(pin: CaPin) -> Self {
        pin.to_string()
    }
}

impl fmt::Display for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", hex::encode(self.digest))
    }
}

impl fmt::Debug for CaPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
