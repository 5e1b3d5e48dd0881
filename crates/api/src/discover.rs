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
    let client = Client::new(proxy_endpoint(address, trust)?, tasks.clone());
    let ping = client.ping().await.map_err(|error| match error.kind() {
        ErrorKind::Unauthenticated => error.hint(format!(
            "pass the pin that `tctl status` prints on the auth host (--ca-pin sha256:…), \
             or --insecure to trust whatever answers at {address}"
        )),
        _ => error,
    })?;
    checked(ping, address)
}

/// What a proxy says of its cluster, if it can be so: people are asked for their password by the cluster's name.
fn checked(ping: Ping, address: &str) -> Result<Ping, Error> {
    match resource::metadata::check_name(&ping.cluster) {
        Ok(()) => Ok(ping),
        Err(error) => Err(Error::new(
            ErrorKind::Unauthenticated,
            format!("what answers at {address} tells a name that no cluster has: {error}"),
        )
        .hint("see that the address is that of a Tessera proxy")),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(cluster: &str) -> Ping {
        let (cluster, version) = (cluster.to_owned(), String::new());
        let (ca_pins, host_authorities) = (Vec::new(), Vec::new());
        Ping { cluster, version, ca_pins, host_authorities, sign_in: None }
    }

    #[test]
    fn a_cluster_is_called_as_clusters_are() {
        assert_eq!(checked(ping("a.b-c_d"), "p:1").unwrap().cluster, "a.b-c_d");
        for name in ["", "a\u{1b}[2J", "a\nPassword: ", "a/b", "a\u{202e}b", &"x".repeat(256)] {
            let refused = checked(ping(name), "p:1").unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{name:?}");
            assert!(!refused.message().contains(resource::plain::steers), "{name:?}");
        }
    }
}
