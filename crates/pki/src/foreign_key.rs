//! Keys of others, as their certificates carry them, and keys of ours that only others' protocols want:
//! RSA for XML signatures and XML encryption.
//!
//! Which algorithm a signature has is said by who signed; which of them count is said here, and none of
//! them is weak: no SHA-1, no RSA below 2048 bits.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm,
    OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use rustls_pki_types::pem::SectionKind;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use time::{Duration, OffsetDateTime};
use x509_parser::public_key::PublicKey as Read;
use zeroize::Zeroizing;

use crate::certificate::{Certificate, CertificateError, parse};
use crate::pem::{self, InvalidPem};

/// How long a certificate that we make for an RSA key is good. Nobody renews it, and those who are given
/// it take it for the name of a key.
const SELF_SIGNED_LIFE: Duration = Duration::days(20 * 365);

/// A digest that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// An algorithm of signatures that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5.
    Rsa(Digest),
    /// ECDSA on P-256 with SHA-256; the signature is r and s.
    EcdsaP256,
    /// ECDSA on P-384 with SHA-384; the signature is r and s.
    EcdsaP384,
}

/// The padding of RSA encryption that counts (RFC 8017, section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oaep {
    /// With SHA-1 and MGF1 with SHA-1, which is what most providers use. Neither needs its SHA-1 to be
    /// free of collisions.
    Sha1,
    /// With SHA-256 and MGF1 with SHA-256.
    Sha256,
}

/// A key of somebody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    certificate: Certificate,
    kind: Kind,
    /// The key as its algorithm takes it.
    bytes: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rsa,
    P256,
    P384,
}

/// An RSA key of ours.
pub struct RsaKey {
    pkcs8: Zeroizing<Vec<u8>>,
    pair: KeyPair,
}

/// Why a key of somebody else, or for somebody else, cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignKeyError {
    /// Not a certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// No such PEM.
    #[error(transparent)]
    Pem(#[from] InvalidPem),
    /// A kind of key that does not count.
    #[error("the key is of no kind that is accepted: RSA of 2048 to 8192 bits, P-256, P-384")]
    Kind,
    /// Not an RSA key.
    #[error("the private key is not an RSA key of 2048 to 8192 bits in PKCS#8 or PKCS#1 form")]
    NotRsa,
    /// The key could not be used.
    #[error("the cryptographic provider refuses the operation")]
    Failed,
}

// === impl Digest ===

impl Digest {
    /// The digest of some bytes.
    #[must_use]
    pub fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }
}

// === impl ForeignKey ===

impl ForeignKey {
    /// Reads the key of a certificate, which is believed to be whose it is said to be.
    ///
    /// # Errors
    /// When it is none, or its key does not count.
    pub fn from_certificate(certificate: Certificate) -> Result<Self, ForeignKeyError> {
        let (kind, bytes) = {
            let parsed = parse(certificate.der())?;
            let spki = parsed.public_key();
            match spki.parsed().map_err(|_error| ForeignKeyError::Kind)? {
                Read::RSA(key) if (2048..=8192).contains(&key.key_size()) => {
                    (Kind::Rsa, spki.subject_public_key.data.to_vec())
                }
                Read::EC(point) => match point.data().len() {
                    65 => (Kind::P256, point.data().to_vec()),
                    97 => (Kind::P384, point.data().to_vec()),
                    _ => return Err(ForeignKeyError::Kind),
                },
                _ => return Err(ForeignKeyError::Kind),
            }
        };
        Ok(Self { certificate, kind, bytes })
    }

    /// Reads the key of the certificate in a DER.
    ///
    /// # Errors
    /// When it is none, or its key does not count.
    pub fn from_der(der: Vec<u8>) -> Result<Self, ForeignKeyError> {
        Self::from_certificate(Certificate::from_der(CertificateDer::from(der))?)
    }

    /// Reads the keys of all certificates in a PEM text; at least one.
    ///
    /// # Errors
    /// When there is none, or a key does not count.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, ForeignKeyError> {
        let all = pem::certificates(text)?.into_iter();
        all.map(|der| Self::from_certificate(Certificate::from_der(der)?)).collect()
    }

    /// The certificate that carries it.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Whether the key signed this message.
    #[must_use]
    pub fn verifies(&self, by: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match (self.kind, by) {
            (Kind::Rsa, SignatureAlgorithm::Rsa(Digest::Sha256)) => &RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, SignatureAlgorithm::Rsa(Digest::Sha384)) => &RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, SignatureAlgorithm::Rsa(Digest::Sha512)) => &RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, SignatureAlgorithm::EcdsaP256) => &ECDSA_P256_SHA256_FIXED,
            (Kind::P384, SignatureAlgorithm::EcdsaP384) => &ECDSA_P384_SHA384_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &self.bytes).verify(message, signature).is_ok()
    }
}

// === impl RsaKey ===

impl RsaKey {
    /// A new key of 2048 bits.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, ForeignKeyError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_error| ForeignKeyError::Failed)?;
        let der = pair.as_der().map_err(|_error| ForeignKeyError::Failed)?;
        Ok(Self { pkcs8: Zeroizing::new(der.as_ref().to_vec()), pair })
    }

    /// Reads the first private key of a PEM text, in PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// When there is none.
    pub fn from_pem(text: &str) -> Result<Self, ForeignKeyError> {
        let pair = match pem::first(text, SectionKind::PrivateKey, "private key") {
            Ok(der) => KeyPair::from_pkcs8(&der),
            Err(missing) => match pem::first(text, SectionKind::RsaPrivateKey, "private key") {
                Ok(der) => KeyPair::from_der(&der),
                Err(_none) => return Err(missing.into()),
            },
        };
        let pair = pair.map_err(|_error| ForeignKeyError::NotRsa)?;
        let der = pair.as_der().map_err(|_error| ForeignKeyError::Failed)?;
        Ok(Self { pkcs8: Zeroizing::new(der.as_ref().to_vec()), pair })
    }

    /// The key as a `PRIVATE KEY` block.
    #[must_use]
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", &self.pkcs8)
    }

    /// A certificate by which others know the key. It vouches for nothing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn certify(&self, name: &str, now: OffsetDateTime) -> Result<Certificate, ForeignKeyError> {
        let failed = |_error| ForeignKeyError::Failed;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.as_slice()));
        let key = rcgen::KeyPair::from_der_and_sign_algo(&der, &rcgen::PKCS_RSA_SHA256)
            .map_err(failed)?;
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.not_before = now;
        params.not_after = now + SELF_SIGNED_LIFE;
        let certificate = params.self_signed(&key).map_err(failed)?;
        Ok(Certificate::from_der(certificate.der().clone())?)
    }

    /// Whether a certificate is of this key.
    #[must_use]
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        use aws_lc_rs::signature::KeyPair as _;
        ForeignKey::from_certificate(certificate.clone())
            .is_ok_and(|key| key.kind == Kind::Rsa && key.bytes == self.pair.public_key().as_ref())
    }

    /// Signs with SHA-256 (RSASSA-PKCS1-v1_5).
    ///
    /// # Errors
    /// When the provider fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ForeignKeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_error| ForeignKeyError::Failed)?;
        Ok(signature)
    }

    /// Decrypts what was encrypted for the key.
    ///
    /// # Errors
    /// When it was not, or not in this way.
    pub fn decrypt(
        &self,
        padding: Oaep,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ForeignKeyError> {
        let failed = |_error| ForeignKeyError::Failed;
        let algorithm: &'static OaepAlgorithm = match padding {
            Oaep::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Oaep::Sha256 => &OAEP_SHA256_MGF1SHA256,
        };
        let key = PrivateDecryptingKey::from_pkcs8(&self.pkcs8)
            .map_err(|_error| ForeignKeyError::NotRsa)?;
        let key = OaepPrivateDecryptingKey::new(key).map_err(failed)?;
        let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
        let length = key.decrypt(algorithm, ciphertext, &mut out, None).map_err(failed)?.len();
        out.truncate(length);
        Ok(out)
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RsaKey").finish_non_exhaustive()
    }
}

/// Opens AES-GCM: a nonce of 12 bytes, the ciphertext, a tag of 16 bytes. The key's length says which AES.
///
/// # Errors
/// When it was not made with this key.
pub fn open_gcm(key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, ForeignKeyError> {
    let failed = |_error| ForeignKeyError::Failed;
    let algorithm = match key.len() {
        16 => &AES_128_GCM,
        32 => &AES_256_GCM,
        _ => return Err(ForeignKeyError::Failed),
    };
    let (nonce, rest) = sealed.split_at_checked(12).ok_or(ForeignKeyError::Failed)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(failed)?;
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(failed)?);
    let mut out = rest.to_vec();
    let length = key.open_in_place(nonce, Aad::empty(), &mut out).map_err(failed)?.len();
    out.truncate(length);
    Ok(out)
}

/// Decrypts AES-CBC: an initialization vector of 16 bytes, and whole blocks, of which the last byte says
/// how many bytes of it are padding (XML Encryption 1.1, section 5.2). Nothing shows that the result is
/// what somebody encrypted: who cannot know that from elsewhere must not call this.
///
/// # Errors
/// When there are no whole blocks.
pub fn decrypt_cbc(key: &[u8], encrypted: &[u8]) -> Result<Vec<u8>, ForeignKeyError> {
    let failed = |_error| ForeignKeyError::Failed;
    let algorithm = match key.len() {
        16 => &AES_128,
        32 => &AES_256,
        _ => return Err(ForeignKeyError::Failed),
    };
    let (vector, blocks) = encrypted.split_first_chunk::<16>().ok_or(ForeignKeyError::Failed)?;
    let key = UnboundCipherKey::new(algorithm, key).map_err(failed)?;
    let key = DecryptingKey::cbc(key).map_err(failed)?;
    let mut out = blocks.to_vec();
    let context = DecryptionContext::Iv128(FixedLength::from(*vector));
    key.decrypt(&mut out, context).map_err(failed)?;
    let padding = usize::from(out.last().copied().unwrap_or_default());
    match out.len().checked_sub(padding) {
        Some(length) if (1..=16).contains(&padding) => out.truncate(length),
        _ => return Err(ForeignKeyError::Failed),
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
