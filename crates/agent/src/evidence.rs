//! What a request proves of its sender: certificates that the proxy saw the key of, and that the
//! agent verifies itself.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use rustls_pki_types::CertificateDer;
use tunnel::{CLIENT_ADDRESS, EVIDENCE};

/// A leaf and what came with it are no more; more is never needed.
const MAX_CERTIFICATES: usize = 4;

/// The certificates of a client, and where it called from.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) client: Option<SocketAddr>,
}

/// The request carries no evidence that can be read.
#[derive(Debug, thiserror::Error)]
#[error("the request came without the client's certificate")]
pub(crate) struct NoEvidence;

// === impl Evidence ===

impl Evidence {
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
        Ok(Self { chain, client })
    }

    pub(crate) fn client_ip(&self) -> Option<IpAddr> {
        self.client.map(|address| address.ip().to_canonical())
    }
}
