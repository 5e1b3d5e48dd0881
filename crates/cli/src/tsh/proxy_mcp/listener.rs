//! The loopback's end: who connects, and for how long.

use std::convert::Infallible;
use std::io::{Error, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::diary::{Brief, Diary};
use super::exchange;
use super::peer;
use super::pool::Pool;
use crate::exit::Refused;

/// Connections of clients at a time. More wait until one ends.
const CONNECTIONS: usize = 512;
/// How long a client may take to send its headers, and a connection may be idle between two requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(60);
/// After a failure to accept, which is for want of descriptors most of the time.
const PAUSE: Duration = Duration::from_millis(100);
/// Ports that are tried where any will do.
const ATTEMPTS: u32 = 10;

/// The loopback addresses, on one port.
#[derive(Debug)]
pub(super) struct Listener {
    v4: TcpListener,
    /// What `localhost` often means; nothing where there is no IPv6.
    v6: Option<TcpListener>,
    address: SocketAddr,
    diary: Diary,
}

/// Whom to let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// The processes of the user who runs this.
    Owner,
    /// There is none: whoever can connect.
    Nobody,
}

// === impl Listener ===

impl Listener {
    /// Listens on a port, or on a free one for 0.
    pub(super) async fn bind(port: u16, diary: Diary) -> anyhow::Result<Self> {
        let mut left = ATTEMPTS;
        loop {
            let v4 = bind((Ipv4Addr::LOCALHOST, port).into()).await?;
            let address = v4.local_addr()?;
            let v6 = TcpListener::bind((Ipv6Addr::LOCALHOST, address.port())).await;
            let v6 = match v6 {
                Ok(listener) => Some(listener),
                // Who connects to `localhost` must not get to somebody else.
                Err(error) if error.kind() == ErrorKind::AddrInUse => {
                    left -= 1;
                    if port == 0 && left > 0 {
                        continue;
                    }
                    return Err(taken(SocketAddr::from((Ipv6Addr::LOCALHOST, port))).into());
                }
                Err(error) => {
                    tracing::debug!(%error, "not listening on IPv6");
                    None
                }
            };
            return Ok(Self { v4, v6, address, diary });
        }
    }

    /// Where clients connect.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves clients until the tasks are cancelled.
    pub(super) async fn serve(self, pool: &Arc<Pool>, guard: Guard, tasks: &Tasks) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let strangers = Arc::new(Brief::new(self.diary));
        loop {
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let (stream, peer) = match self.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    self.diary.note(&format!("cannot accept a connection: {error}"));
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let (pool, tasks_too, strangers) = (pool.clone(), tasks.clone(), strangers.clone());
            tasks.spawn("tsh.local", async move {
                serve(stream, peer, guard, &pool, &tasks_too, &strangers).await;
                drop(place);
            });
        }
    }

    async fn accept(&self) -> Result<(TcpStream, SocketAddr), Error> {
        match &self.v6 {
            Some(v6) => tokio::select! {
                accepted = self.v4.accept() => accepted,
                accepted = v6.accept() => accepted,
            },
            None => self.v4.accept().await,
        }
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => taken(address).into(),
        ErrorKind::PermissionDenied => Refused::new(format!("you may not listen on {address}"))
            .hint("choose a port above 1023, or none: then a free one is taken")
            .into(),
        _ => anyhow::Error::from(error).context(format!("cannot listen on {address}")),
    })
}

fn taken(address: SocketAddr) -> Refused {
    Refused::new(format!("another program listens on {address} already"))
        .hint("choose another --port, or none: then a free one is taken")
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    guard: Guard,
    pool: &Pool,
    tasks: &Tasks,
    strangers: &Brief,
) {
    let ours = match stream.local_addr() {
        Ok(ours) => ours,
        Err(error) => {
            tracing::debug!(%error, "a client is gone already");
            return;
        }
    };
    if guard == Guard::Owner
        && let Err(stranger) = peer::check(peer, ours).await
    {
        strangers.note(&format!("refused a connection: {stranger}"));
        return;
    }
    // Small messages must not wait for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot switch off Nagle's algorithm");
    }
    let service =
        service_fn(async |request| Ok::<_, Infallible>(exchange::answer(request, pool).await));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = tasks.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a client's connection broke");
    }
}

#[cfg(test)]
mod tests;
