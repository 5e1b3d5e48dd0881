//! Other clusters: those whose users may come here, and those where users of this one may go.
//!
//! Trust in another cluster is one resource: `trusted_cluster/ROOT` where its users come, `remote_cluster/LEAF`
//! where they are from. The authorities of the other side are kept beside it, written and deleted with it, and
//! believed only while it is there.

mod admission;
mod authorities;
mod contact;
mod exchange;
mod heard;
mod removal;
mod trusted;
mod visit;
mod visitor;

use api::wire::{ClusterInfo, ClusterList, ClusterWelcome};
use api::{Error, Snapshot};
use resource::ClusterConnection;

pub(crate) use self::admission::{exchange, join};
pub(crate) use self::exchange::exchange_all;
pub(crate) use self::heard::observe;
pub(crate) use self::removal::{of_remote, of_trusted};
pub(crate) use self::trusted::{Joined, companions, establish, prepare, settle};
pub(crate) use self::visit::{Recorded, Use, certify, record as record_visit, visit};
pub(crate) use self::visitor::list as list_for_visitor;
use crate::core::Core;

/// The clusters that users of this one can reach.
pub(crate) async fn list(core: &Core) -> Result<ClusterList, Error> {
    let online = ClusterConnection::Online.as_str().to_owned();
    let name = core.cluster.clone();
    let own = ClusterInfo { name, status: online, own: true, labels: Default::default() };
    let snapshot = core.replica.snapshot();
    let heard = heard::all(core).await?;
    let others = snapshot.remote_clusters.values().map(|cluster| {
        let status = heard.status_of(cluster.name());
        let connection = status.connection.unwrap_or(ClusterConnection::Offline);
        ClusterInfo {
            name: cluster.name().to_owned(),
            status: connection.as_str().to_owned(),
            own: false,
            labels: cluster.metadata.labels.clone().into_iter().collect(),
        }
    });
    let mut others: Vec<_> = others.collect();
    others.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(ClusterList { clusters: std::iter::once(own).chain(others).collect() })
}

/// Refuses a cluster where users of this one may not go now.
pub(crate) fn require_remote(core: &Core, cluster: &str) -> Result<(), Error> {
    let snapshot = core.replica.snapshot();
    let now = core.clock.now();
    let known = snapshot.remote_clusters.get(cluster);
    if known.is_some_and(|known| known.metadata.expires.is_none_or(|end| now < end)) {
        return Ok(());
    }
    Err(Error::not_found(format!("cluster {cluster:?} not found"))
        .hint("`tsh clusters` lists the clusters that can be reached"))
}

/// What another cluster is told of this one.
fn welcome(core: &Core) -> ClusterWelcome {
    ClusterWelcome {
        cluster: core.cluster.clone(),
        authorities: core.authorities.current().wire(),
        proxies: proxies(&core.replica.snapshot()),
    }
}

/// Where proxies take tunnels.
fn proxies(snapshot: &Snapshot) -> Vec<String> {
    let address = |spec: &resource::proxy::ProxySpec| {
        let tunnel = Some(&spec.tunnel_addr).filter(|addr| !addr.is_empty());
        tunnel.unwrap_or(&spec.public_addr).clone()
    };
    let all = snapshot.proxies.values().map(|proxy| address(&proxy.spec));
    let mut all: Vec<String> = all.filter(|addr| !addr.is_empty()).take(MAX_PROXIES).collect();
    all.sort();
    all.dedup();
    all
}

/// The most proxies of which another cluster is told, and of which one is believed that tells.
const MAX_PROXIES: usize = 64;
