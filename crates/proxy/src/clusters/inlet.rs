//! Tunnels of the proxies of clusters where users of this one go.

use std::sync::Arc;

use api::Host;
use pki::{Service, ServiceIdentity};
use time::OffsetDateTime;

use crate::connection::{Peer, TlsStream};
use crate::service::Shared;

/// Proxies of one other cluster that are taken: it certifies them itself.
const MOST_PROXIES: usize = 64;

/// Serves the tunnel of another cluster's proxy until it ends, or that cluster is not known any more.
pub(crate) async fn serve(stream: Box<TlsStream>, peer: &Peer, shared: &Arc<Shared>) {
    let proxy = match proxy_of(peer, shared, shared.clock.now()) {
        Ok(proxy) => proxy,
        Err(why) => {
            tracing::warn!(peer = %peer.address, why, "refused a cluster's tunnel");
            return;
        }
    };
    let (cluster, host_id) = (proxy.cluster.as_str(), proxy.host_id.as_str());
    tracing::info!(cluster, proxy = host_id, "a cluster's proxy connected");
    let over = async {
        let why = until_refused(peer, shared, proxy.expires).await;
        tracing::warn!(cluster, proxy = host_id, why, "a cluster's tunnel ends");
    };
    let tunnels = shared.clusters.tunnels_of(cluster);
    if !tunnels.is_connected(host_id) && tunnels.hosts().len() >= MOST_PROXIES {
        tracing::warn!(cluster, proxy = host_id, "refused a cluster's tunnel: too many proxies");
        return;
    }
    let outcome = tokio::select! {
        () = shared.tasks.cancelled() => Ok(()),
        outcome = tunnels.run_tunnel(host_id.to_owned(), stream, &shared.tasks, over) => outcome,
    };
    match outcome {
        Ok(()) => tracing::info!(cluster, proxy = host_id, "a cluster's proxy disconnected"),
        Err(error) => tracing::info!(cluster, proxy = host_id, %error, "a cluster's tunnel broke"),
    }
}

/// The proxy of another cluster that this is, if users of this one go there.
fn proxy_of(peer: &Peer, shared: &Shared, at: OffsetDateTime) -> Result<ServiceIdentity, String> {
    let identity =
        shared.trust.verify_foreign(&peer.chain, at).map_err(|error| error.to_string())?;
    let service = identity.as_service().filter(|_| identity.is_service(Service::Proxy));
    let service = service.ok_or("the identity is not a proxy's")?;
    let snapshot = shared.replica.snapshot();
    if snapshot.remote_clusters.get(&service.cluster).is_none() {
        return Err(format!("there is no remote_cluster {:?}", service.cluster));
    }
    // What it joined by is a name of the other cluster's, and none of ours.
    if Host::with_id(&service.host_id).is_locked(&snapshot, shared.clock.now()) {
        return Err("the proxy is locked".to_owned());
    }
    Ok(service.clone())
}

/// Waits until a proxy would be refused. That its certificate ends is another matter: it comes with a new one.
async fn until_refused(peer: &Peer, shared: &Shared, expires: OffsetDateTime) -> String {
    let (mut trust, mut changes) = (shared.trust_changes.clone(), shared.replica.changes());
    loop {
        trust.mark_unchanged();
        changes.mark_unchanged();
        if let Err(why) = proxy_of(peer, shared, shared.clock.now().min(expires)) {
            return why;
        }
        let followed = tokio::select! {
            changed = trust.changed() => changed.is_ok(),
            changed = changes.changed() => changed.is_ok(),
        };
        if !followed {
            // The copy is not kept any more: the proxy ends.
            return std::future::pending().await;
        }
    }
}
