//! When other clusters were last heard of. It is kept beside their resources: a note every few seconds would
//! be a change of which every proxy and every agent is told.

use std::collections::HashMap;
use std::time::Duration;

use api::Error;
use bytes::Bytes;
use resource::{ClusterConnection, RemoteClusterStatus, Resource};
use time::OffsetDateTime;

use crate::core::Core;
use crate::{fault, keys};

/// How long a cluster counts as being there. It is heard of every five seconds, and every thirty when it has
/// trouble.
const ONLINE_FOR: Duration = Duration::from_secs(35);

/// When each cluster was heard of, as of now.
pub(super) struct Heard {
    at: HashMap<String, OffsetDateTime>,
    now: OffsetDateTime,
}

/// A cluster is heard of now.
pub(super) async fn note(core: &Core, cluster: &str) -> Result<(), Error> {
    let now = core.clock.now().unix_timestamp().to_string();
    let key = keys::heard_cluster(cluster)?;
    let put = core.records.store().put(&key, Bytes::from(now), None).await;
    put.map(drop).map_err(|error| fault::store(&error))
}

/// When each was.
pub(super) async fn all(core: &Core) -> Result<Heard, Error> {
    let range = core.records.store().range(&keys::heard_clusters()?).await;
    let range = range.map_err(|error| fault::store(&error))?;
    let read = |item: &store::Item| {
        let cluster = item.key.segments().nth(1)?.into_owned();
        let at: i64 = std::str::from_utf8(&item.value).ok()?.parse().ok()?;
        Some((cluster, OffsetDateTime::from_unix_timestamp(at).ok()?))
    };
    let at = range.items.iter().filter_map(read).collect();
    Ok(Heard { at, now: core.clock.now() })
}

/// Fills in, for people, what was heard of remote clusters.
pub(crate) async fn observe(core: &Core, resources: &mut [Resource]) -> Result<(), Error> {
    if !resources.iter().any(|resource| matches!(resource, Resource::RemoteCluster(_))) {
        return Ok(());
    }
    let heard = all(core).await?;
    for resource in resources {
        if let Resource::RemoteCluster(cluster) = resource {
            cluster.status = heard.status_of(cluster.name());
        }
    }
    Ok(())
}

// === impl Heard ===

impl Heard {
    pub(super) fn status_of(&self, cluster: &str) -> RemoteClusterStatus {
        let last_heartbeat = self.at.get(cluster).copied();
        let online = last_heartbeat.is_some_and(|at| self.now < at + ONLINE_FOR);
        let connection =
            if online { ClusterConnection::Online } else { ClusterConnection::Offline };
        RemoteClusterStatus { connection: Some(connection), last_heartbeat }
    }
}
