//! Reading what a client wants before answering it: the TLS ClientHello, kept whole so that it can
//! be handed on.

use std::io;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt};

/// A ClientHello of a client with post-quantum keys is about 2 KiB; RFC 8446 allows a record of
/// 16 KiB, and a hello may span several records.
const MAX_HELLO: usize = 64 << 10;

/// What a client said first.
#[derive(Debug)]
pub(crate) struct Hello {
    /// The server that it wants to speak to (RFC 6066), if it said so.
    pub(crate) server_name: Option<String>,
    /// Every byte read so far.
    pub(crate) bytes: Vec<u8>,
}

/// Why a connection does not begin with a ClientHello.
#[derive(Debug)]
pub(crate) enum NotHello {
    /// It begins like a plain HTTP request.
    PlainHttp,
    /// It broke off, or is something else.
    Other(io::Error),
}

/// Reads a ClientHello.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Hello, NotHello> {
    let mut acceptor = Acceptor::default();
    let mut bytes = Vec::with_capacity(4096);
    loop {
        let start = bytes.len();
        if start >= MAX_HELLO {
            return Err(invalid("the ClientHello is longer than 64 KiB"));
        }
        if stream.read_buf(&mut bytes).await.map_err(NotHello::Other)? == 0 {
            return Err(NotHello::Other(io::ErrorKind::UnexpectedEof.into()));
        }
        if start == 0 && looks_like_http(&bytes) {
            return Err(NotHello::PlainHttp);
        }
        let mut fresh = bytes.get(start..).unwrap_or_default();
        while !fresh.is_empty() {
            acceptor.read_tls(&mut fresh).map_err(NotHello::Other)?;
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let server_name = accepted.client_hello().server_name().map(str::to_owned);
                return Ok(Hello { server_name, bytes });
            }
            Err((error, _alert)) => return Err(invalid(&error.to_string())),
        }
    }
}

fn invalid(message: &str) -> NotHello {
    NotHello::Other(io::Error::new(io::ErrorKind::InvalidData, message))
}

fn looks_like_http(bytes: &[u8]) -> bool {
    const METHODS: [&[u8]; 6] = [b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI"];
    METHODS.iter().any(|method| bytes.starts_with(method))
}
