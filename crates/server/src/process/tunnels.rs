//! To which proxies this process's agent keeps tunnels: all that are up, and until one is known,
//! the one that the configuration names.

use std::sync::Arc;

use api::{HostLocks, PROXY_SERVER_NAME, Replica, Snapshot};
use runtime::{Clock, Tasks};
use tokio::sync::watch;
use tunnel::{ALPN_TUNNEL, Dialer, Handler, Target, Up};

use crate::config::Join;
use crate::identity::{HostIdentity, Peers};

/// Keeps tunnels, as tasks of `tasks`; gives what counts those that are up.
pub(super) fn keep(
    identity: &HostIdentity,
    join: Option<&Join>,
    has_proxy: bool,
    replica: &Replica,
    clock: Clock,
    handler: Arc<dyn Handler>,
    tasks: &Tasks,
) -> Up {
    let wanted = Wanted {
        peers: identity.peers(),
        own_host: identity.host_id.clone(),
        first: join
            .filter(|join| join.contact.through_proxy && !has_proxy)
            .map(|join| join.contact.addresses.clone())
            .unwrap_or_default(),
    };
    let (publish, targets) = watch::channel(Vec::new());
    let replica = replica.clone();
    let locks = HostLocks::new(replica.clone(), clock);
    tasks.spawn_until_cancelled("server.tunnels", async move {
        replica.ready().await;
        let mut changes = replica.changes();
        let mut seen = None;
        loop {
            let snapshot = replica.snapshot();
            if !seen.as_ref().is_some_and(|seen| snapshot.proxies.is_same(seen)) {
                publish_if_new(&publish, wanted.targets(&snapshot));
                seen = Some(snapshot.proxies.clone());
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    });
    let dialer =
        Dialer::new(tasks.clone(), handler, targets).renewed_by(identity.reissues()).heeding(locks);
    let up = dialer.up();
    tasks.spawn("server.dialer", dialer.run());
    up
}

struct Wanted {
    peers: Peers,
    own_host: String,
    first: Vec<String>,
}

impl Wanted {
    fn targets(&self, snapshot: &Snapshot) -> Vec<Target> {
        let mut targets = Vec::new();
        for proxy in snapshot.proxies.values() {
            if proxy.spec.host_id == self.own_host {
                continue;
            }
            // Its own name, so that nobody else answers for it; the configured address as a second
            // way, for a proxy that is known by another address here.
            let name = format!("{}.{}", proxy.spec.host_id, self.peers.cluster());
            let mut addresses = vec![proxy.spec.tunnel_addr.clone()];
            addresses
                .extend(self.first.iter().filter(|one| **one != proxy.spec.tunnel_addr).cloned());
            self.push(&mut targets, &proxy.spec.host_id, addresses, &name);
        }
        if targets.is_empty() && !self.first.is_empty() {
            self.push(&mut targets, "configured", self.first.clone(), PROXY_SERVER_NAME);
        }
        targets
    }

    fn push(&self, targets: &mut Vec<Target>, key: &str, addresses: Vec<String>, name: &str) {
        match self.peers.endpoint(addresses, name, ALPN_TUNNEL) {
            Ok(endpoint) => targets.push(Target { key: key.to_owned(), endpoint }),
            Err(error) => tracing::warn!(proxy = key, %error, "cannot keep a tunnel"),
        }
    }
}

fn publish_if_new(publish: &watch::Sender<Vec<Target>>, targets: Vec<Target>) {
    let describe = |targets: &[Target]| -> Vec<(String, String)> {
        targets.iter().map(|t| (t.key.clone(), t.endpoint.describe())).collect()
    };
    publish.send_if_modified(|current| {
        let changed = describe(current) != describe(&targets);
        if changed {
            *current = targets;
        }
        changed
    });
}
