//! The TLS listener.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::Prefixed;
use pki::{Service, VerifyError};
use runtime::Tasks;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::connection::{self, Peer};
use super::origin;
use crate::caller::Caller;
use crate::core::Core;

/// Connections at once: every service keeps one or two, and so does every command while it runs.
const MAX_CONNECTIONS: usize = 8192;
/// Connections at once of those who have proved nothing. Services that are known find a place,
/// however many strangers there are.
const MAX_STRANGERS: usize = 1024;
/// How long a peer may take to prove who it is.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait when the system has no descriptor for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections until the service stops.
pub(crate) async fn run(
    core: Arc<Core>,
    router: axum::Router,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    tasks: Tasks,
) {
    let acceptor = TlsAcceptor::from(tls);
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let waiting_room = Arc::new(Semaphore::new(MAX_STRANGERS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the auth service");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = room.clone().try_acquire_owned() else {
            tracing::warn!(%address, limit = MAX_CONNECTIONS, "too many connections, one was closed");
            continue;
        };
        let (core, router, acceptor) = (core.clone(), router.clone(), acceptor.clone());
        let (waiting_room, tasks_of_connection) = (waiting_room.clone(), tasks.clone());
        tasks.spawn("auth.connection", async move {
            let _place = place;
            let tasks = &tasks_of_connection;
            let greeted = greet(&core, &acceptor, stream, address, tasks).await;
            let Some(Greeted { stream, caller, chain, address }) = greeted else { return };
            let _seat = match (&caller, waiting_room.try_acquire()) {
                (Caller::Anonymous, Err(_full)) => {
                    tracing::warn!(%address, limit = MAX_STRANGERS, "too many strangers, one was sent away");
                    return;
                }
                (Caller::Anonymous, Ok(seat)) => Some(seat),
                _ => None,
            };
            let connection = CancellationToken::new();
            let peer = Peer { caller, chain, address: Some(address), connection };
            connection::serve(&core, router, stream, peer, tasks).await;
        });
    }
}

/// A connection of somebody to speak to.
struct Greeted {
    stream: TlsStream<Prefixed<TcpStream>>,
    caller: Caller,
    /// What it has shown.
    chain: Arc<[CertificateDer<'static>]>,
    /// Where the client is, be there a proxy between or not.
    address: SocketAddr,
}

/// Learns who is at the other end; none when that is nobody to speak to.
async fn greet(
    core: &Core,
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    address: SocketAddr,
    tasks: &Tasks,
) -> Option<Greeted> {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, async {
        let (stream, address) = origin::learn(core, stream, address).await?;
        Ok::<_, io::Error>((acceptor.accept(stream).await?, address))
    });
    let (stream, address) = tokio::select! {
        outcome = handshake => match outcome {
            Ok(Ok(greeted)) => greeted,
            Ok(Err(error)) => {
                tracing::debug!(%error, %address, "a connection to the auth service was refused");
                return None;
            }
            Err(_elapsed) => return None,
        },
        () = tasks.cancelled() => return None,
    };
    let shown = stream.get_ref().1.peer_certificates().unwrap_or(&[]);
    // Authorities certify directly: whatever else is shown is not looked at.
    let chain: Arc<[CertificateDer<'static>]> =
        shown.iter().take(1).map(|leaf| leaf.clone().into_owned()).collect();
    match identify(core, &chain) {
        Ok(caller) => Some(Greeted { stream, caller, chain, address }),
        Err(error) => {
            tracing::info!(%error, %address, "a certificate was refused");
            None
        }
    }
}

fn identify(core: &Core, chain: &[CertificateDer<'_>]) -> Result<Caller, VerifyError> {
    if chain.is_empty() {
        return Ok(Caller::Anonymous);
    }
    let now = core.clock.now();
    match core.trust.verify(chain, now) {
        Ok(identity) => Ok(Caller::from(&*identity)),
        // Of another cluster its auth services get in, and nobody else.
        Err(error @ VerifyError::UnknownAuthority) => {
            let identity = core.trust.verify_foreign(chain, now)?;
            let service = identity.as_service().filter(|_| identity.is_service(Service::Auth));
            service.map(|service| Caller::ForeignAuth(Arc::new(service.clone()))).ok_or(error)
        }
        Err(error) => Err(error),
    }
}
