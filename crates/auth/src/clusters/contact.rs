//! How the auth service of a cluster that is to be trusted is reached.

use std::sync::Arc;

use api::{ALPN_AUTH, AUTH_SERVER_NAME, Client, Endpoint, Error, FirstContact};
use pki::tls::{self, ServerTrust};
use pki::{CaPin, CredentialsSlot};
use resource::TrustedCluster;
use runtime::Tasks;

use crate::core::Core;

/// A client that nobody knows yet, and by which authorities it believes the other side.
pub(super) async fn first(
    core: &Core,
    cluster: &TrustedCluster,
    tasks: &Tasks,
) -> Result<(Client, Vec<CaPin>), Error> {
    let addresses = addresses(cluster);
    let ca_pins = pins(cluster)?;
    let contact = FirstContact { addresses, through_proxy: true, ca_pins };
    let pins = contact.pins(tasks).await.map_err(|error| {
        error.hint(
            "set spec.ca_pins: `tctl status` prints the pins where the other cluster is administered",
        )
    })?;
    let client = client(core, cluster, ServerTrust::Pins(pins.clone()), None, tasks)?;
    Ok((client, pins))
}

/// A client of a cluster that is trusted already, by which ours shows who it is.
pub(super) fn known(core: &Core, cluster: &TrustedCluster, tasks: &Tasks) -> Result<Client, Error> {
    let trust = ServerTrust::Foreign(core.trust.clone(), cluster.name().to_owned());
    client(core, cluster, trust, Some(&core.own), tasks)
}

fn client(
    core: &Core,
    cluster: &TrustedCluster,
    trust: ServerTrust,
    own: Option<&CredentialsSlot>,
    tasks: &Tasks,
) -> Result<Client, Error> {
    let mut config = tls::client_config(trust, own, &[ALPN_AUTH]).map_err(Error::internal)?;
    let clock = core.clock.clone();
    config.time_provider = tls::time_provider(move || clock.now());
    let endpoint = Endpoint::Tls {
        addresses: addresses(cluster),
        server_name: tls::server_name(AUTH_SERVER_NAME).map_err(Error::internal)?,
        config: Arc::new(config),
    };
    Ok(Client::new(endpoint, tasks.clone()))
}

/// A proxy relays to its auth service, by whichever of its addresses it is reached.
fn addresses(cluster: &TrustedCluster) -> Vec<String> {
    let spec = &cluster.spec;
    let mut all = Vec::new();
    for address in
        [&spec.web_proxy_addr, &spec.tunnel_addr].into_iter().chain(&cluster.status.proxies)
    {
        if !address.is_empty() && !all.contains(address) {
            all.push(address.clone());
        }
    }
    all
}

/// The pins that a document names.
pub(super) fn pins(cluster: &TrustedCluster) -> Result<Vec<CaPin>, Error> {
    cluster
        .spec
        .ca_pins
        .iter()
        .map(|pin| pin.parse())
        .collect::<Result<_, _>>()
        .map_err(|error: pki::pin::InvalidPin| Error::invalid(format!("spec.ca_pins: {error}")))
}
