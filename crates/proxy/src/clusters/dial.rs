//! Tunnels to the proxies of clusters whose users come here. This cluster dials, never the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Endpoint, PROXY_SERVER_NAME};
use pki::ServerTrust;
use resource::TrustedCluster;
use runtime::Tasks;
use tokio::sync::watch;
use tunnel::{ALPN_CLUSTER, Dialer, Target};

use super::guests::Guests;
use crate::service::Shared;

/// A cluster whose proxies are dialled.
struct Dialled {
    tasks: Tasks,
    addresses: Vec<String>,
    publish: watch::Sender<Vec<Target>>,
}

/// Follows which clusters are trusted until shutdown. Tunnels are replaced whenever `renewals` changes.
pub(crate) async fn run(shared: Arc<Shared>, renewals: watch::Receiver<u64>) {
    shared.replica.ready().await;
    let mut changes = shared.replica.changes();
    let mut dialled: BTreeMap<String, Dialled> = BTreeMap::new();
    let mut seen = None;
    loop {
        changes.mark_unchanged();
        let trusted = shared.replica.snapshot().trusted_clusters.clone();
        if seen.as_ref().is_none_or(|seen| !trusted.is_same(seen)) {
            let enabled: Vec<_> = trusted.values().filter(|cluster| cluster.spec.enabled).collect();
            dialled.retain(|name, one| {
                let keep = enabled.iter().any(|cluster| cluster.name() == name);
                if !keep {
                    tracing::info!(cluster = name, "a cluster is not trusted any more");
                    one.tasks.cancel();
                }
                keep
            });
            for cluster in enabled {
                let one = dialled
                    .entry(cluster.name().to_owned())
                    .or_insert_with(|| begin(cluster.name(), &shared, renewals.clone()));
                one.follow(cluster, &shared);
            }
            seen = Some(trusted);
        }
        tokio::select! {
            () = shared.tasks.cancelled() => return,
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

fn begin(name: &str, shared: &Arc<Shared>, renewals: watch::Receiver<u64>) -> Dialled {
    let tasks = shared.tasks.child();
    let (publish, targets) = watch::channel(Vec::new());
    let guests = Arc::new(Guests::new(name, shared.clone()));
    let dialer = Dialer::new(tasks.clone(), guests, targets).renewed_by(renewals);
    tasks.spawn("proxy.cluster", dialer.run());
    Dialled { tasks, addresses: Vec::new(), publish }
}

// === impl Dialled ===

impl Dialled {
    fn follow(&mut self, cluster: &TrustedCluster, shared: &Shared) {
        let addresses = cluster.tunnel_addresses();
        if addresses == self.addresses {
            return;
        }
        match targets(cluster.name(), &addresses, shared) {
            Ok(targets) => {
                self.addresses = addresses;
                self.publish.send_replace(targets);
            }
            Err(error) => {
                tracing::error!(cluster = cluster.name(), %error, "the cluster cannot be dialled");
            }
        }
    }
}

fn targets(
    cluster: &str,
    addresses: &[String],
    shared: &Shared,
) -> Result<Vec<Target>, pki::tls::TlsError> {
    // That cluster's own proxies, and nobody else's.
    let trust = ServerTrust::Foreign(shared.trust.clone(), cluster.to_owned());
    let config = pki::tls::client_config(trust, Some(&shared.credentials), &[ALPN_CLUSTER])?;
    let config = Arc::new(config);
    let server_name = pki::tls::server_name(PROXY_SERVER_NAME)?;
    let target = |address: &String| Target {
        key: address.clone(),
        endpoint: Endpoint::Tls {
            addresses: vec![address.clone()],
            server_name: server_name.clone(),
            config: config.clone(),
        },
    };
    Ok(addresses.iter().map(target).collect())
}
