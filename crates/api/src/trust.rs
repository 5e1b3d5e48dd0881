//! Whom a service or a tool trusts, from what the auth service says of the cluster's authorities.

use pki::{CaCertificate, CaKind, Trust, TrustStore};
use resource::AuthorityType;
use runtime::Tasks;
use tokio::sync::watch;

use crate::error::Error;
use crate::replica::Replica;
use crate::snapshot::Snapshot;
use crate::wire::Authorities;

/// Trust in the authorities that came with credentials.
///
/// # Errors
/// A certificate cannot be read, or is no authority of this cluster.
pub fn trust_of(cluster: &str, authorities: &Authorities) -> Result<Trust, Error> {
    let read = |list: &[String]| {
        list.iter()
            .map(|pem| CaCertificate::from_pem(pem))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::internal(format!("an authority cannot be read: {error}")))
    };
    Trust::new(cluster, read(&authorities.user)?, read(&authorities.host)?)
        .map_err(|error| Error::internal(format!("the authorities cannot be trusted: {error}")))
}

/// Follows the replicated authorities into `trust`, as a task of `tasks`, and tells each generation of it
/// to whoever has to look again at what was believed before.
///
/// A copy without an authority of one of the two kinds changes nothing: a service that trusts
/// nobody could never learn better.
pub fn follow_trust(tasks: &Tasks, replica: &Replica, trust: TrustStore) -> watch::Receiver<u64> {
    let (tell, told) = watch::channel(trust.generation());
    let replica = replica.clone();
    let mut changes = replica.changes();
    tasks.spawn_until_cancelled("api.trust", async move {
        loop {
            let snapshot = replica.snapshot();
            match read(&snapshot, &trust.cluster()) {
                // Replacing trust by an equal one costs nothing and forgets nothing.
                Ok(Some(new)) => {
                    trust.replace(new);
                    let generation = trust.generation();
                    tell.send_if_modified(|told| std::mem::replace(told, generation) != generation);
                }
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(error = error.cause(), "authorities left as they were");
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    });
    told
}

fn read(snapshot: &Snapshot, cluster: &str) -> Result<Option<Trust>, Error> {
    let mut authorities = Authorities::default();
    for authority in snapshot.authorities.values() {
        if authority.spec.cluster_name != cluster {
            continue;
        }
        let list = match authority.spec.authority {
            AuthorityType::User => &mut authorities.user,
            AuthorityType::Host => &mut authorities.host,
            AuthorityType::Jwt => continue,
        };
        let keys = authority.spec.active_keys.iter().chain(&authority.spec.additional_trusted_keys);
        list.extend(keys.filter_map(|key| key.certificate.clone()));
    }
    if authorities.user.is_empty() || authorities.host.is_empty() {
        return Ok(None);
    }
    trust_of(cluster, &authorities).map(Some)
}

/// The authorities of a trust, as they travel.
#[must_use]
pub fn authorities_of(trust: &Trust) -> Authorities {
    let list = |kind| trust.authorities(kind).map(CaCertificate::to_pem).collect();
    Authorities { user: list(CaKind::User), host: list(CaKind::Host) }
}
