//! Connections that reach the auth service through a proxy, which cannot read them: what the proxy says before
//! the client's own first words, so that the auth service knows where they come from.
//!
//! On the wire: [`MAGIC`], the length of the rest in four bytes, big-endian, and the [`Wire`] as JSON, in which
//! is the client's TLS hello as far as the proxy has read. What follows is the client's.

use std::io;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::Credentials;
use pki::vouch::{self, Origin, VouchError};
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A relayed connection's beginning.
#[derive(Debug)]
pub struct Relayed {
    client: SocketAddr,
    certificate: CertificateDer<'static>,
    signature: Vec<u8>,
    hello: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    client_addr: SocketAddr,
    /// The proxy's certificate in DER, base64.
    certificate: String,
    /// [`vouch::sign`], base64.
    signature: String,
    /// What the client has said, base64.
    hello: String,
}

/// What no TLS connection begins with.
const MAGIC: [u8; 8] = *b"tessera\x01";
/// A certificate, and a hello of post-quantum keys, take a tenth.
const MAX_BYTES: usize = 64 << 10;

// === impl Relayed ===

impl Relayed {
    /// What a proxy writes before it relays.
    ///
    /// # Errors
    /// It cannot sign, or the hello is longer than any client's.
    pub fn write(proxy: &Credentials, origin: &Origin<'_>) -> io::Result<Vec<u8>> {
        let certificate = proxy.chain().first().ok_or_else(|| invalid("no certificate"))?;
        let signature = vouch::sign(proxy, origin).map_err(io::Error::other)?;
        let wire = Wire {
            client_addr: origin.client,
            certificate: STANDARD.encode(certificate),
            signature: STANDARD.encode(signature),
            hello: STANDARD.encode(origin.hello),
        };
        let json = serde_json::to_vec(&wire).map_err(io::Error::other)?;
        let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= MAX_BYTES);
        let length = length.ok_or_else(|| invalid("the hello is too long to be relayed"))?;
        Ok([&MAGIC[..], &length.to_be_bytes(), &json].concat())
    }

    /// Whether a connection that begins with this byte is relayed. Others begin as TLS does.
    #[must_use]
    pub fn begins_with(byte: u8) -> bool {
        MAGIC.first() == Some(&byte)
    }

    /// Reads what a proxy wrote, and nothing that follows.
    ///
    /// # Errors
    /// The stream breaks off, or holds something else.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        let mut magic = [0; MAGIC.len()];
        stream.read_exact(&mut magic).await?;
        if magic != MAGIC {
            return Err(invalid("neither TLS nor a relayed connection"));
        }
        let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
        if length > MAX_BYTES {
            return Err(invalid("what is said of a relayed connection is too long"));
        }
        // It grows with what has come: whoever says a number has not sent anything yet.
        let mut json = Vec::new();
        let read =
            stream.take(u64::try_from(length).unwrap_or(u64::MAX)).read_to_end(&mut json).await?;
        if read < length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let wire: Wire = serde_json::from_slice(&json).map_err(io::Error::other)?;
        let decode = |text: &str| STANDARD.decode(text).map_err(io::Error::other);
        Ok(Self {
            client: wire.client_addr,
            certificate: decode(&wire.certificate)?.into(),
            signature: decode(&wire.signature)?,
            hello: decode(&wire.hello)?,
        })
    }

    /// The certificate of the proxy. It is to be verified before anything of this is believed.
    #[must_use]
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The client's address and its first words, if the certificate's holder vouches for them.
    ///
    /// # Errors
    /// It does not.
    pub fn open(self, cluster: &str) -> Result<(SocketAddr, Vec<u8>), VouchError> {
        let origin = Origin { cluster, client: self.client, hello: &self.hello };
        vouch::check(&self.certificate, &origin, &self.signature)?;
        Ok((self.client, self.hello))
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
