//! First contact with a cluster: what its proxy says of it, believed only over a connection that
//! was checked.

use std::sync::Arc;

use pki::CaPin;
use pki::tls::{self, ServerTrust};
use runtime::Tasks;
use rustls::pki_types::ServerName;

use crate::client::Client;
use crate::connect::{Endpoint, PROXY_SERVER_NAME};
use crate::error::{Error, ErrorKind};
use crate::wire::Ping;

/// How a proxy that was never spoken to is checked.
#[derive(Clone, Debug)]
pub enum ProxyTrust {
    /// Its certificate leads to an authority with one of these pins.
    Pins(Vec<CaPin>),
    /// Its certificate is one that this machine's web browsers would believe.
    SystemRoots,
    /// Not at all: whoever sits on the wire may be the proxy.
    Insecure,
}

/// Asks the proxy at `address` (`host:port`) about its cluster.
///
/// # Errors
/// It cannot be reached or is not to be trusted; a hint then says how to go on.
pub async fn discover(address: &str, trust: &ProxyTrust, tasks: &Tasks) -> Result<Ping, Error> {
    Client::new(proxy_endpoint(address, trust)?, tasks.clone()).ping().await.map_err(|error| {
        match error.kind() {
            ErrorKind::Unauthenticated => error.hint(format!(
                "pass the pin that `tctl status` prints on the auth host (--ca-pin sha256:…), \
                 or --insecure to trust whatever answers at {address}"
            )),
            _ => error,
        }
    })
}

/// The web endpoint of a proxy, checked as `trust` says.
///
/// # Errors
/// The address is not a host name or IP address with a port, or the machine has no trusted roots.
pub fn proxy_endpoint(address: &str, trust: &ProxyTrust) -> Result<Endpoint, Error> {
    let internal = || {
        ServerName::try_from(PROXY_SERVER_NAME)
            .map_err(|error| Error::internal(format!("{PROXY_SERVER_NAME}: {error}")))
    };
    let (server_trust, server_name) = match trust {
        ProxyTrust::Pins(pins) => (ServerTrust::Pins(pins.clone()), internal()?),
        ProxyTrust::SystemRoots => (ServerTrust::SystemRoots, host_name(address)?),
        ProxyTrust::Insecure => (ServerTrust::InsecureAnything, internal()?),
    };
    let config = tls::client_config(server_trust, None, &[b"h2"])
        .map_err(|error| Error::unavailable(error.to_string()))?;
    let addresses = vec![address.to_owned()];
    Ok(Endpoint::Tls { addresses, server_name, config: Arc::new(config) })
}

fn host_name(address: &str) -> Result<ServerName<'static>, Error> {
    let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned())
        .map_err(|_invalid| Error::invalid(format!("{host:?} is not a host name or an IP address")))
}
