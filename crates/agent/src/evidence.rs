//! What a request proves of its sender: certificates that the proxy saw the key of, and that the
//! agent verifies itself.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;
use tunnel::{CLIENT_ADDRESS, EVIDENCE};

/// A leaf and what came with it are no more; more is never needed.
const MAX_CERTIFICATES: usize = 4;

/// The certificates of a client, and where it called from. Clones share the certificates.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    /// The leaf first.
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
    pub(crate) client: Option<SocketAddr>,
    /// What the leaf is known by.
    leaf: [u8; 32],
}

/// The request carries no evidence that can be read.
#[derive(Debug, thiserror::Error)]
#[error("the request came without the client's certificate")]
pub(crate) struct NoEvidence;

// === impl Evidence ===

impl Evidence {
    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, client: Option<SocketAddr>) -> Self {
        let leaf = pki::digest_of(&[chain.first().map_or(&[][..], |leaf| leaf.as_ref())]);
        Self { chain: chain.into(), client, leaf }
    }

    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, NoEvidence> {
        // Two of them, and it is not clear who is meant.
        let mut found = headers.get_all(EVIDENCE).iter();
        let (Some(header), None) = (found.next(), found.next()) else { return Err(NoEvidence) };
        let parts = header.as_bytes().split(|byte| *byte == b',');
        if parts.clone().count() > MAX_CERTIFICATES {
            return Err(NoEvidence);
        }
        let chain = parts
            .map(|part| STANDARD.decode(part.trim_ascii()).map(CertificateDer::from))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_unreadable| NoEvidence)?;
        let client =
            headers.get(CLIENT_ADDRESS).and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Self::new(chain, client))
    }

    /// The SHA-256 of the leaf: it is taken once and asked for by every request.
    pub(crate) const fn leaf_digest(&self) -> &[u8; 32] {
        &self.leaf
    }

    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.client.map(|address| address.ip().to_canonical())
    }
}
