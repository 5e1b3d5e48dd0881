//! Whom a service or a tool trusts, from what the auth service says of the cluster's authorities.

use std::collections::BTreeMap;

use pki::{CaCertificate, CaKind, Foreign, Trust, TrustStore};
use resource::{AuthorityType, Metadata};
use runtime::{Clock, Tasks};
use time::OffsetDateTime;
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
    Trust::new(cluster, certificates(&authorities.user)?, certificates(&authorities.host)?)
        .map_err(|error| Error::internal(format!("the authorities cannot be trusted: {error}")))
}

/// Authorities as they travel, read.
///
/// # Errors
/// One cannot be.
pub fn certificates(pems: &[String]) -> Result<Vec<CaCertificate>, Error> {
    pems.iter()
        .map(|pem| CaCertificate::from_pem(pem))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::internal(format!("an authority cannot be read: {error}")))
}

/// Follows the replicated authorities into `trust`, as a task of `tasks`, and tells each generation of it
/// to whoever has to look again at what was believed before.
///
/// A copy without an authority of one of the two kinds changes nothing: a service that trusts
/// nobody could never learn better. What another cluster is trusted by may have an end, which comes whether the auth
/// service is there to say so or not.
pub fn follow_trust(
    tasks: &Tasks,
    replica: &Replica,
    trust: TrustStore,
    clock: Clock,
) -> watch::Receiver<u64> {
    let (tell, told) = watch::channel(trust.generation());
    let replica = replica.clone();
    let mut changes = replica.changes();
    tasks.spawn_until_cancelled("api.trust", async move {
        loop {
            let snapshot = replica.snapshot();
            let now = clock.now();
            match read(&snapshot, &trust.cluster(), now) {
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
            let next_end = ends(&snapshot).filter(|end| *end > now).min();
            let ended = async {
                match next_end {
                    Some(end) => clock.sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                () = ended => {}
            }
        }
    });
    told
}

/// When what other clusters are trusted by ends.
fn ends(snapshot: &Snapshot) -> impl Iterator<Item = OffsetDateTime> {
    let trusted = snapshot.trusted_clusters.values().filter_map(|one| one.metadata.expires);
    trusted.chain(snapshot.remote_clusters.values().filter_map(|one| one.metadata.expires))
}

fn read(snapshot: &Snapshot, cluster: &str, now: OffsetDateTime) -> Result<Option<Trust>, Error> {
    let authorities = authorities_in(snapshot, cluster);
    if authorities.user.is_empty() || authorities.host.is_empty() {
        return Ok(None);
    }
    trust_of(cluster, &authorities).map(|own| Some(with_foreign(own, snapshot, now)))
}

/// A cluster's trust, and the other clusters of a copy as far as they are trusted at `now`: of a cluster whose users may
/// come here both kinds of authorities, of one where users of this one may go those of its services. None but
/// by the resource that says so.
///
/// A cluster whose authorities cannot be used is left out: the others have nothing to do with it.
#[must_use]
pub fn with_foreign(own: Trust, snapshot: &Snapshot, now: OffsetDateTime) -> Trust {
    let lasts = |metadata: &Metadata| metadata.expires.is_none_or(|end| end > now);
    let trusted = snapshot.trusted_clusters.values();
    let trusted = trusted.filter(|cluster| cluster.spec.enabled && lasts(&cluster.metadata));
    let remote = snapshot.remote_clusters.values().filter(|cluster| lasts(&cluster.metadata));
    let mut names: BTreeMap<&str, bool> = remote.map(|cluster| (cluster.name(), false)).collect();
    names.extend(trusted.map(|cluster| (cluster.name(), true)));
    let mut trust = own;
    for (name, users) in names {
        let admitted = foreign(snapshot, name, users).and_then(|foreign| match foreign {
            None => Ok(trust.clone()),
            Some(foreign) => trust.clone().admitting(foreign).map_err(Error::internal),
        });
        match admitted {
            Ok(more) => trust = more,
            Err(error) => {
                tracing::error!(
                    cluster = name,
                    cause = error.cause(),
                    "a cluster cannot be trusted"
                );
            }
        }
    }
    trust
}

fn foreign(snapshot: &Snapshot, cluster: &str, users: bool) -> Result<Option<Foreign>, Error> {
    let Authorities { user, host } = authorities_in(snapshot, cluster);
    if host.is_empty() {
        return Ok(None);
    }
    let user = if users { certificates(&user)? } else { Vec::new() };
    Ok(Some(Foreign { cluster: cluster.to_owned(), users: user, hosts: certificates(&host)? }))
}

/// The authorities of one cluster in a copy.
fn authorities_in(snapshot: &Snapshot, cluster: &str) -> Authorities {
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
    authorities
}

/// The authorities of a trust, as they travel.
#[must_use]
pub fn authorities_of(trust: &Trust) -> Authorities {
    let list = |kind| trust.authorities(kind).map(CaCertificate::to_pem).collect();
    Authorities { user: list(CaKind::User), host: list(CaKind::Host) }
}

#[cfg(test)]
mod tests;
