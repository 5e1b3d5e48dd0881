//! A proxy's word for where a connection comes from that it relays and cannot read.
//!
//! It signs the address together with the client's TLS hello. The hello is random enough to be the only one
//! (RFC 8446, section 4.1.2), and only who made it can go on from it: the word is good for this connection and
//! for no other, however often it is repeated.

use std::net::SocketAddr;

use rustls::SignatureScheme;
use rustls_pki_types::CertificateDer;

use crate::certificate::{Certificate, CertificateError};
use crate::key::KeyError;
use crate::tls::Credentials;

/// What is vouched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The cluster.
    pub cluster: &'a str,
    /// Where the client's connection comes from.
    pub client: SocketAddr,
    /// What the client said first.
    pub hello: &'a [u8],
}

/// Why nothing is vouched for.
#[derive(Debug, thiserror::Error)]
pub enum VouchError {
    /// The key does not make signatures of this kind, or fails to.
    #[error("the connection's origin could not be signed")]
    Sign {
        /// Why.
        #[source]
        source: rustls::Error,
    },
    /// Signed by another key, or for something else.
    #[error("the signature is not the certificate's for this connection")]
    Signature,
    /// The certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certificate's key is not one of ours.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// Nothing else that is signed begins like this.
const CONTEXT: &[u8] = b"tessera: origin of a relayed connection, version 1\0";

/// Signs for an origin with the key of these credentials.
///
/// # Errors
/// The key cannot sign.
pub fn sign(credentials: &Credentials, origin: &Origin<'_>) -> Result<Vec<u8>, VouchError> {
    let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
    let signer = credentials.key().choose_scheme(&[scheme]).ok_or_else(|| VouchError::Sign {
        source: rustls::Error::General("the key is not one of P-256".to_owned()),
    })?;
    signer.sign(&origin.message()).map_err(|source| VouchError::Sign { source })
}

/// Checks that the holder of the certificate's key signed for this origin. The certificate itself is verified
/// elsewhere.
///
/// # Errors
/// Why it did not.
pub fn check(
    certificate: &CertificateDer<'static>,
    origin: &Origin<'_>,
    signature: &[u8],
) -> Result<(), VouchError> {
    let key = Certificate::from_der(certificate.clone())?.public_key()?;
    if key.has_signed(&origin.message(), signature) { Ok(()) } else { Err(VouchError::Signature) }
}

// === impl Origin ===

impl Origin<'_> {
    fn message(&self) -> Vec<u8> {
        let client = self.client.to_string();
        let digest = crate::digest_of(&[self.cluster.as_bytes(), client.as_bytes(), self.hello]);
        [CONTEXT, &digest].concat()
    }
}

#[cfg(test)]
mod tests;
