//! Keeping up with the clusters that are trusted: telling each that this one is there and what its authorities
//! are, and learning the same of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use api::wire::ClusterExchange;
use api::{Client, Error, ErrorKind};
use audit::record::{Change, UserMetadata};
use resource::AuthorityType::{Host, User};
use resource::{Kind, Resource, TrustedCluster};
use runtime::{Backoff, TaskScope};

use super::{authorities, contact, trusted};
use crate::core::Core;
use crate::events;
use crate::records::Condition;

/// How often, drawn evenly between these.
const EVERY: [Duration; 2] = [Duration::from_millis(4500), Duration::from_millis(5500)];
/// Delays between attempts that fail.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MOST: Duration = Duration::from_secs(30);

/// What is done about one cluster.
struct Following {
    /// How it is reached. Another way needs another connection.
    way: TrustedCluster,
    _ends_when_dropped: TaskScope,
}

/// Keeps up with all clusters that are trusted, for ever.
pub(crate) async fn exchange_all(core: Arc<Core>) {
    let mut changes = core.replica.changes();
    let mut following: HashMap<String, Following> = HashMap::new();
    loop {
        changes.mark_unchanged();
        let snapshot = core.replica.snapshot();
        let enabled =
            |name: &str| snapshot.trusted_clusters.get(name).filter(|cluster| cluster.spec.enabled);
        following.retain(|name, one| {
            enabled(name).is_some_and(|cluster| {
                cluster.spec == one.way.spec && cluster.status == one.way.status
            })
        });
        for cluster in snapshot.trusted_clusters.values().filter(|cluster| cluster.spec.enabled) {
            following.entry(cluster.name().to_owned()).or_insert_with(|| {
                let way = TrustedCluster::clone(cluster);
                let scope = core.tasks.scope();
                let task = follow(core.clone(), way.clone(), scope.tasks().clone());
                scope.spawn_until_cancelled("auth.cluster", task);
                Following { way, _ends_when_dropped: scope }
            });
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Keeps up with one, until it is not to be trusted any more.
async fn follow(core: Arc<Core>, cluster: TrustedCluster, tasks: runtime::Tasks) {
    let client = match contact::known(&core, &cluster, &tasks) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(cluster = cluster.name(), cause = error.cause(), "cannot be reached");
            return;
        }
    };
    let mut keys = core.authorities.changes();
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    let mut told = None;
    loop {
        keys.mark_unchanged();
        let pause = match exchange(&core, cluster.name(), &client).await {
            Ok(()) => {
                if told.take().is_some() {
                    tracing::info!(cluster = cluster.name(), "a trusted cluster is reached again");
                }
                backoff.reset();
                let [least, most] = EVERY;
                rand::random_range(least..=most)
            }
            Err(error) => {
                // The same trouble is told once.
                let words = error.message().to_owned();
                if told.as_ref() != Some(&words) {
                    tracing::warn!(
                        cluster = cluster.name(),
                        %error,
                        cause = error.cause(),
                        "a trusted cluster is not kept up with"
                    );
                }
                told = Some(words);
                // With an older certificate, or to another of its proxies, it may not go on.
                client.renew_connection().await;
                backoff.next_delay()
            }
        };
        tokio::select! {
            () = core.clock.sleep(pause) => {}
            changed = keys.changed() => if changed.is_err() { return },
        }
    }
}

async fn exchange(core: &Core, name: &str, client: &Client) -> Result<(), Error> {
    // Before it is asked: who writes the trust anew meanwhile has the last word.
    let Some(Resource::TrustedCluster(mut cluster)) =
        core.records.find(Kind::TrustedCluster, name).await?
    else {
        return Ok(());
    };
    let own = core.authorities.current().wire();
    let welcome = client.exchange_cluster(&ClusterExchange { authorities: own }).await?;
    if welcome.cluster != name {
        return Err(Error::internal(format!("cluster {:?} answers instead", welcome.cluster)));
    }
    let foreign = authorities::check(core, name, &welcome.authorities)?;
    if foreign.users.is_empty() {
        return Err(Error::internal("no authority is told that certifies users"));
    }
    let writes = authorities::writes(core, &foreign, &[User, Host]).await?;
    let status = trusted::status(&welcome);
    if !cluster.spec.enabled || (writes.is_empty() && status == cluster.status) {
        return Ok(());
    }
    let keys_change = !writes.is_empty();
    cluster.status = status;
    let Some(revision) = cluster.metadata.revision.clone() else {
        return Err(Error::internal("a stored resource has no revision"));
    };
    let resource = Resource::from(cluster);
    // Whom this cluster believes is different from then on.
    if keys_change {
        let actor = UserMetadata::system(&format!("cluster {name}"));
        events::changed(&core.audit, &actor, Change::Updated, &resource).await?;
    }
    match core.records.write(&resource, Condition::At(revision), writes).await {
        Err(error) if error.kind() != ErrorKind::Conflict => Err(error),
        _ => Ok(()),
    }
}
