//! The one port: every connection is accepted, looked at and handed to where it belongs.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Prefixed;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::connection;
use crate::hello::{self, NotHello};
use crate::relay;
use crate::service::Shared;

/// How long a client may take for its hello and the TLS handshake together.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the operating system refused to accept (usually: no descriptors left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const PLAIN_HTTP_ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n\
connection: close\r\ncontent-length: 53\r\n\r\nthis port speaks TLS: use https:// instead of http://";

/// Accepts until shutdown.
pub(crate) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok(place) = shared.places.clone().acquire_owned().await else { return };
        let accepted = tokio::select! {
            () = shared.tasks.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                let shared = shared.clone();
                let tasks = shared.tasks.clone();
                tasks.spawn("proxy.connection", async move {
                    serve(stream, peer, shared).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(mut stream: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let handshake = async {
        let hello = match hello::read(&mut stream).await {
            Ok(hello) => hello,
            Err(NotHello::PlainHttp) => {
                // Best effort: the client may be gone.
                _ = stream.write_all(PLAIN_HTTP_ANSWER).await;
                return None;
            }
            Err(NotHello::Other(error)) => {
                tracing::debug!(%peer, %error, "no TLS hello");
                return None;
            }
        };
        if hello.server_name.as_deref() == Some(api::AUTH_SERVER_NAME) {
            return Some(Next::Relay(stream, hello.bytes));
        }
        let acceptor = tokio_rustls::TlsAcceptor::from(shared.tls.clone());
        match acceptor.accept(Prefixed::new(hello.bytes, stream)).await {
            Ok(stream) => Some(Next::Serve(Box::new(stream))),
            Err(error) => {
                tracing::debug!(%peer, %error, "TLS handshake failed");
                None
            }
        }
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Some(Next::Relay(stream, hello))) => {
            let relayed = tokio::select! {
                () = shared.tasks.cancelled() => return,
                relayed = relay::run(stream, peer, &hello, &shared) => relayed,
            };
            if let Err(error) = relayed {
                tracing::debug!(%peer, %error, "relay to the auth service ended");
            }
        }
        Ok(Some(Next::Serve(stream))) => connection::serve(stream, peer, shared).await,
        Ok(None) => {}
        Err(_elapsed) => tracing::debug!(%peer, "TLS handshake took too long"),
    }
}

enum Next {
    Relay(TcpStream, Vec<u8>),
    Serve(Box<connection::TlsStream>),
}
