//! Keys: ECDSA on P-256, the one kind the cluster makes and certifies.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
    UnparsedPublicKey,
};
use rustls_pki_types::pem::SectionKind;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::pem::{self, InvalidPem};
use crate::provider;

/// A private key. Clones share it; it is wiped from memory with the last of them.
#[derive(Clone)]
pub struct PrivateKey {
    inner: Arc<Inner>,
}

struct Inner {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: EcdsaKeyPair,
    public: PublicKey,
}

/// A public key: a point of P-256 that was checked to be on the curve.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey {
    // SEC 1 section 2.3.3: 0x04, then x and y of 32 bytes each.
    point: [u8; POINT],
}

/// Why a key could not be made or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The system's random generator failed.
    #[error("a key could not be generated: the system gives no randomness")]
    Generate,
    /// The text holds no such block.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// The content is not an ECDSA P-256 key in PKCS#8.
    #[error("the private key is not an ECDSA P-256 key in PKCS#8 form")]
    Private,
    /// The content is not a P-256 subject public key info.
    #[error("the public key is not an ECDSA P-256 key in SubjectPublicKeyInfo form")]
    Public,
}

const POINT: usize = 65;

/// The DER of a `SubjectPublicKeyInfo` (RFC 5280 section 4.1.2.7, RFC 5480 section 2) for P-256, up
/// to the point. Only this one encoding is accepted, so equal keys have equal bytes.
const SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

// === impl PrivateKey ===

impl PrivateKey {
    /// A fresh key.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING)
            .map_err(|_unspecified| KeyError::Generate)?;
        Self::from_pair(pair)
    }

    /// Reads the first `PRIVATE KEY` block of a PEM text.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not a P-256 key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let der = pem::first(text, SectionKind::PrivateKey, "private key in PKCS#8 form")?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der)
            .map_err(|_rejected| KeyError::Private)?;
        Self::from_pair(pair)
    }

    /// The key as a `PRIVATE KEY` block, for a file or a store that only its owner reads.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", &self.inner.pkcs8)
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.inner.public
    }

    pub(crate) fn pkcs8(&self) -> &[u8] {
        &self.inner.pkcs8
    }

    pub(crate) fn to_rustls(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.inner.pkcs8.to_vec()))
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        // Written anew rather than kept as read, so that one key has one encoding.
        let document = pair.to_pkcs8v1().map_err(|_unspecified| KeyError::Private)?;
        let point = pair.public_key().as_ref().try_into();
        let public = PublicKey { point: point.map_err(|_length| KeyError::Private)? };
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok(Self { inner: Arc::new(Inner { pkcs8, pair, public }) })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey").field("public", &self.inner.public).finish_non_exhaustive()
    }
}

impl rcgen::PublicKeyData for PrivateKey {
    fn der_bytes(&self) -> &[u8] {
        &self.inner.public.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for PrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signed = self.inner.pair.sign(&SystemRandom::new(), message);
        signed.map(|s| s.as_ref().to_vec()).map_err(|_unspecified| rcgen::Error::RingUnspecified)
    }
}

// === impl PublicKey ===

impl PublicKey {
    /// Reads the first `PUBLIC KEY` block of a PEM text.
    ///
    /// # Errors
    ///
    /// When there is none, or it is not a P-256 key.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_spki(&pem::first(text, SectionKind::PublicKey, "public key")?)
    }

    /// Reads the DER of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// When it is not a point of P-256, uncompressed.
    pub fn from_spki(der: &[u8]) -> Result<Self, KeyError> {
        let point = der.strip_prefix(&SPKI_PREFIX).ok_or(KeyError::Public)?;
        let point: [u8; POINT] = point.try_into().map_err(|_length| KeyError::Public)?;
        ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .map_err(|_rejected| KeyError::Public)?;
        Ok(Self { point })
    }

    /// The DER of its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_spki(self) -> Vec<u8> {
        [SPKI_PREFIX.as_slice(), &self.point].concat()
    }

    /// The key as a `PUBLIC KEY` block.
    #[must_use]
    pub fn to_pem(self) -> String {
        pem::encode("PUBLIC KEY", &self.to_spki()).to_string()
    }

    /// Whether the key's holder made this signature (ECDSA with SHA-256, in DER) for the message.
    pub(crate) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.point)
            .verify(message, signature)
            .is_ok()
    }

    /// The affine coordinates, 32 bytes each, big-endian.
    pub(crate) fn coordinates(&self) -> (&[u8], &[u8]) {
        let (_uncompressed, xy) = self.point.split_at(1);
        xy.split_at(32)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey(sha256:{})", hex::encode(provider::sha256(&self.to_spki())))
    }
}

impl rcgen::PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

#[cfg(test)]
mod tests;
