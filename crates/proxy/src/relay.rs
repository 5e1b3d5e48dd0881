//! Connections meant for the auth service pass through untouched: its TLS is end to end, so the
//! proxy sees neither what is said nor who says it. It says before where the client is.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use api::Relayed;
use pki::vouch::Origin;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::service::Shared;

/// How long the auth service may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Relays between a client, whose first bytes are `hello`, and the auth service.
pub(crate) async fn run(
    client: TcpStream,
    address: SocketAddr,
    hello: &[u8],
    shared: &Shared,
) -> io::Result<()> {
    let mut client = client;
    let own = shared.credentials.current();
    let own = own.ok_or_else(|| io::Error::other("the proxy has no certificate yet"))?;
    let origin = Origin { cluster: &shared.cluster, client: address, hello };
    let preface = Relayed::write(&own, &origin)?;
    let mut upstream = connect(&shared.auth_addresses).await?;
    upstream.write_all(&preface).await?;
    tokio::io::copy_bidirectional(&mut client, &mut upstream).await.map(drop)
}

async fn connect(addresses: &[String]) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no auth service is configured");
    for address in addresses {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_elapsed) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}
