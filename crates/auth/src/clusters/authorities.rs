//! The authorities of other clusters: checked as they come, kept as resources.

use std::time::Duration;

use api::wire::Authorities;
use api::{Error, certificates};
use pki::{CaCertificate, CaPin, Foreign, Trust, TrustStore};
use resource::{AuthorityType, CaKey, CertAuthority, Kind, Resource};
use rustls::pki_types::CertificateDer;
use store::Write;

use crate::core::Core;
use crate::records::Condition;

/// The most authorities of a kind that a cluster has: two while it changes its keys.
const MAX_AUTHORITIES: usize = 8;
/// How long a change of a cluster's authorities stands before that cluster can make another.
const BETWEEN_CHANGES: Duration = Duration::from_secs(20);

/// Reads what a cluster says its authorities are, and refuses what it may not say. In which order it says them,
/// and how often, makes no difference.
pub(super) fn check(
    core: &Core,
    cluster: &str,
    authorities: &Authorities,
) -> Result<Foreign, Error> {
    let Authorities { user, host } = authorities;
    if user.len() > MAX_AUTHORITIES || host.len() > MAX_AUTHORITIES {
        return Err(Error::invalid(format!(
            "a cluster has at most {MAX_AUTHORITIES} authorities of a kind"
        )));
    }
    if host.is_empty() {
        return Err(Error::invalid(
            "a cluster has an authority for its services, and none was told",
        ));
    }
    let read = |pems: &[String]| {
        let unreadable = |error: Error| {
            let reason = error.cause().unwrap_or_else(|| error.message());
            Error::invalid(format!("cluster {cluster:?}: {reason}"))
        };
        certificates(pems).map_err(unreadable)
    };
    let read = |pems: &[String]| {
        let mut certificates = read(pems)?;
        certificates.sort_by_cached_key(CaCertificate::to_pem);
        certificates.dedup();
        Ok::<_, Error>(certificates)
    };
    let foreign = Foreign { cluster: cluster.to_owned(), users: read(user)?, hosts: read(host)? };
    core.trust.trust().admitting(foreign.clone()).map_err(|error| {
        Error::denied(format!("the authorities of cluster {cluster:?} are not accepted: {error}"))
    })?;
    Ok(foreign)
}

/// Whether a cluster is known by the name of this one; refuses one that is another, or may be. Authorities are no
/// secret, so who tells some that are known and some that are not has proven nothing: new ones are heard of from
/// who holds an old one. What is left of a cluster that is not there any more counts for nothing.
pub(super) async fn is_known(core: &Core, foreign: &Foreign) -> Result<bool, Error> {
    let cluster = &foreign.cluster;
    let trusted = core.records.find(Kind::TrustedCluster, cluster).await?;
    let is_trusted = matches!(trusted, Some(Resource::TrustedCluster(one)) if one.spec.enabled);
    if !is_trusted && core.records.find(Kind::RemoteCluster, cluster).await?.is_none() {
        return Ok(false);
    }
    let Some(known) = find(core, AuthorityType::Host, cluster).await? else { return Ok(false) };
    let known: Vec<CaPin> = certificates(&pems(&known))?.iter().map(|one| one.pin()).collect();
    if known.is_empty() {
        return Ok(false);
    }
    if foreign.hosts.iter().all(|host| known.contains(&host.pin())) {
        return Ok(true);
    }
    Err(Error::denied(format!("another cluster is known here by the name {cluster:?}"))
        .hint(format!(
            "if it was made anew, or has changed its keys while it was away, remove the old one first: \
             `tctl rm rc/{cluster}`"
        )))
}

/// Whether one of the authorities for services that are kept of a cluster has certified this.
pub(super) async fn have_certified(
    core: &Core,
    cluster: &str,
    chain: &[CertificateDer<'_>],
) -> Result<bool, Error> {
    let Some(kept) = find(core, AuthorityType::Host, cluster).await? else { return Ok(false) };
    let hosts = certificates(&pems(&kept))?;
    let kept = Foreign { cluster: cluster.to_owned(), users: Vec::new(), hosts };
    let trust = Trust::nobody(&core.cluster).admitting(kept).map_err(|error| {
        Error::internal("the authorities that are kept of a cluster cannot be used").because(error)
    })?;
    Ok(TrustStore::new(trust).verify_foreign(chain, core.clock.now()).is_ok())
}

/// Whether those for services that are kept of a cluster were written a moment ago. A change of them concerns everybody
/// who is connected, and the cluster may tell of one as often as it likes.
pub(super) async fn are_new(core: &Core, cluster: &str) -> Result<bool, Error> {
    let kept = find(core, AuthorityType::Host, cluster).await?;
    let written = kept.iter().flat_map(|kept| &kept.spec.active_keys).filter_map(|key| key.created);
    Ok(written.max().is_some_and(|written| core.clock.now() < written + BETWEEN_CHANGES))
}

/// The writes that make these the authorities of a cluster, as far as they are not.
pub(super) async fn writes(
    core: &Core,
    foreign: &Foreign,
    kinds: &[AuthorityType],
) -> Result<Vec<Write>, Error> {
    let cluster = foreign.cluster.as_str();
    let mut writes = Vec::new();
    for &kind in kinds {
        let certificates = match kind {
            AuthorityType::User => &foreign.users,
            AuthorityType::Host => &foreign.hosts,
            AuthorityType::Jwt => continue,
        };
        let pems: Vec<String> = certificates.iter().map(CaCertificate::to_pem).collect();
        let before = find(core, kind, cluster).await?;
        if before.as_ref().is_some_and(|before| self::pems(before) == pems) {
            continue;
        }
        let keys = pems.into_iter().map(|pem| CaKey {
            certificate: Some(pem),
            public_key: None,
            private_key: None,
            created: Some(core.clock.now()),
        });
        let after = CertAuthority::new(kind, cluster, keys.collect());
        let revision = before.and_then(|before| before.metadata.revision);
        let condition = revision.map_or(Condition::Absent, Condition::At);
        writes.push(core.records.writing(&after.into(), condition)?);
    }
    Ok(writes)
}

/// The writes that leave nothing of them.
pub(super) async fn removals(
    core: &Core,
    cluster: &str,
    kinds: &[AuthorityType],
) -> Result<Vec<Write>, Error> {
    let mut writes = Vec::new();
    for &kind in kinds {
        if let Some(found) = find(core, kind, cluster).await? {
            writes.extend(core.records.deleting(&found.into())?);
        }
    }
    Ok(writes)
}

/// Whether both kinds are known, as far as users of a cluster are believed.
pub(super) async fn are_there(core: &Core, cluster: &str) -> Result<bool, Error> {
    let user = find(core, AuthorityType::User, cluster).await?;
    Ok(user.is_some() && find(core, AuthorityType::Host, cluster).await?.is_some())
}

async fn find(
    core: &Core,
    kind: AuthorityType,
    cluster: &str,
) -> Result<Option<CertAuthority>, Error> {
    let name = CertAuthority::name_of(kind, cluster);
    let found = core.records.find(Kind::CertAuthority, &name).await?;
    Ok(found.and_then(|found| match found {
        Resource::CertAuthority(authority) => Some(authority),
        _ => None,
    }))
}

fn pems(authority: &CertAuthority) -> Vec<String> {
    authority.spec.active_keys.iter().filter_map(|key| key.certificate.clone()).collect()
}
