//! Connections meant for the auth service pass through untouched: its TLS is end to end, so the
//! proxy sees neither what is said nor who says it.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// How long the auth service may take to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Relays between a client, whose first bytes are `hello`, and the auth service.
pub(crate) async fn run(client: TcpStream, hello: &[u8], auth: &[String]) -> io::Result<()> {
    let mut client = client;
    let mut upstream = connect(auth).await?;
    upstream.write_all(hello).await?;
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
