//! Where a connection comes from: from its other end, or from where a proxy says that it relays it from.

use std::io;
use std::net::SocketAddr;

use api::{Prefixed, Relayed};
use pki::Service;
use tokio::net::TcpStream;

use crate::core::Core;
use crate::locks;

/// The connection as the client began it, and the client's address. A proxy is believed if it is one of this
/// cluster; whoever says something else is refused.
pub(super) async fn learn(
    core: &Core,
    mut stream: TcpStream,
    address: SocketAddr,
) -> io::Result<(Prefixed<TcpStream>, SocketAddr)> {
    let mut first = [0];
    let read = stream.peek(&mut first).await?;
    if read == 0 || !Relayed::begins_with(first[0]) {
        return Ok((Prefixed::new(Vec::new(), stream), address));
    }
    let relayed = Relayed::read(&mut stream).await?;
    let now = core.clock.now();
    let identity = core.trust.verify(&[relayed.certificate().clone()], now);
    let identity = identity.map_err(io::Error::other)?;
    let proxy = identity.as_service().filter(|_| identity.is_service(Service::Proxy));
    let proxy = proxy.ok_or_else(|| io::Error::other("who relays a connection is no proxy"))?;
    locks::refuse_service(&core.replica.snapshot(), now, proxy).map_err(io::Error::other)?;
    let (client, hello) = relayed.open(&core.cluster).map_err(io::Error::other)?;
    Ok((Prefixed::new(hello, stream), client))
}
