//! Writing a trusted cluster: it is joined first, and what came of that is written with it.

use std::time::Duration;

use api::wire::{ClusterJoin, ClusterWelcome};
use api::{Error, ErrorKind};
use pki::Foreign;
use policy::RoleMap;
use resource::AuthorityType::{Host, User};
use resource::{Kind, Resource, Secret, TrustedCluster, TrustedClusterStatus};
use store::Write;

use super::{MAX_PROXIES, authorities, contact, removal};
use crate::core::Core;
use crate::cx::OpCx;

/// How long an answer waits until this service believes, or not any more, whom it was told of.
const SETTLE: Duration = Duration::from_millis(500);

/// What came of joining a cluster.
pub(crate) struct Joined {
    welcome: ClusterWelcome,
    /// Its authorities, read.
    foreign: Foreign,
}

/// Joins the cluster that a resource is to make trusted, unless it was joined before in the same way. The
/// resource gets the cluster's name.
pub(crate) async fn establish(cx: &OpCx, resource: &mut Resource) -> Result<Option<Joined>, Error> {
    let Resource::TrustedCluster(cluster) = resource else { return Ok(None) };
    let core = cx.core();
    check(core, cluster)?;
    let before = match core.records.find(Kind::TrustedCluster, cluster.name()).await? {
        Some(Resource::TrustedCluster(before)) => Some(before),
        _ => None,
    };
    keep_token(cluster, before.as_ref());
    if !cluster.spec.enabled {
        if before.is_none() {
            refuse_alias(core, cluster).await?;
        }
        return Ok(None);
    }
    if let Some(before) = &before
        && is_same_way(before, cluster)
        && authorities::are_there(core, cluster.name()).await?
    {
        return Ok(None);
    }
    let joined = join(core, cluster).await?;
    let name = &joined.welcome.cluster;
    if let Some(before) = before.filter(|before| before.name() != name) {
        return Err(Error::invalid(format!(
            "the address leads to cluster {name:?}, and this is the trust in {:?}",
            before.name()
        ))
        .hint("write a resource of its own for the other cluster"));
    }
    // The name is the other cluster's word: it takes nobody else's.
    if cluster.name() != name && core.records.find(Kind::TrustedCluster, name).await?.is_some() {
        return Err(Error::invalid(format!(
            "the address leads to a cluster that calls itself {name:?}, and there is trust in one of that \
             name already; this document is called {:?}",
            cluster.name()
        ))
        .hint(format!("if it is the same one, name the document {name:?}")));
    }
    cluster.metadata.name.clone_from(name);
    Ok(Some(joined))
}

/// Fills in what the service knows better.
pub(crate) fn prepare(
    cluster: &mut TrustedCluster,
    before: Option<&Resource>,
    joined: Option<&Joined>,
) -> Result<(), Error> {
    let before = before.and_then(|before| match before {
        Resource::TrustedCluster(before) => Some(before),
        _ => None,
    });
    keep_token(cluster, before);
    cluster.status = match (joined, before) {
        (Some(joined), _) => status(&joined.welcome),
        (None, Some(before)) if cluster.spec.enabled => before.status.clone(),
        _ => TrustedClusterStatus::default(),
    };
    if cluster.spec.enabled && joined.is_none() && before.is_none_or(|before| !before.spec.enabled)
    {
        // It was there, and is not any more, or is not enabled: nothing was joined.
        return Err(crate::records::conflict(Kind::TrustedCluster, cluster.name()));
    }
    Ok(())
}

/// What is written with a trusted cluster: its authorities, or that there are none.
pub(crate) async fn companions(
    core: &Core,
    cluster: &TrustedCluster,
    joined: Option<&Joined>,
) -> Result<Vec<Write>, Error> {
    match joined {
        _ if !cluster.spec.enabled => removal::of_trusted(core, cluster.name()).await,
        Some(joined) => authorities::writes(core, &joined.foreign, &[User, Host]).await,
        None => Ok(Vec::new()),
    }
}

/// What is known of a trusted cluster once it told.
pub(super) fn status(welcome: &ClusterWelcome) -> TrustedClusterStatus {
    let is_fit = |address: &&String| address.len() <= 300 && address.contains(':');
    let proxies = welcome.proxies.iter().filter(is_fit).take(MAX_PROXIES);
    TrustedClusterStatus { proxies: proxies.cloned().collect() }
}

/// Waits until another cluster is believed by this service, or not any more.
pub(crate) async fn settle(core: &Core, cluster: &str, believed: bool) {
    let mut changes = core.authorities.changes();
    let is_so =
        |_: &_| core.trust.trust().foreign_clusters().any(|known| known == cluster) == believed;
    if tokio::time::timeout(SETTLE, changes.wait_for(is_so)).await.is_err() {
        tracing::debug!(cluster, "the trust in a cluster does not show a write yet");
    }
}

fn check(core: &Core, cluster: &TrustedCluster) -> Result<(), Error> {
    if cluster.name() == core.cluster {
        return Err(Error::invalid("metadata.name: a cluster needs no trust in itself"));
    }
    RoleMap::for_trusted_cluster(&cluster.spec.role_map)
        .map_err(|error| Error::invalid(format!("spec.role_map: {error}")))?;
    contact::pins(cluster).map(drop)
}

/// Whoever switches trust off by a document whose name is not the cluster's would leave it on.
async fn refuse_alias(core: &Core, cluster: &TrustedCluster) -> Result<(), Error> {
    let (all, _cursor) = core.records.list(Kind::TrustedCluster).await?;
    let same = all.iter().find_map(|other| match other {
        Resource::TrustedCluster(other)
            if other.spec.enabled
                && !cluster.spec.web_proxy_addr.is_empty()
                && other.spec.web_proxy_addr == cluster.spec.web_proxy_addr =>
        {
            Some(other)
        }
        _ => None,
    });
    let Some(same) = same else { return Ok(()) };
    Err(Error::invalid(format!(
        "metadata.name: the cluster at {} is {:?}, and this would leave it as it is",
        cluster.spec.web_proxy_addr,
        same.name()
    ))
    .hint(format!("name the document {:?}", same.name())))
}

/// A token that is not shown is the one that was there.
fn keep_token(cluster: &mut TrustedCluster, before: Option<&TrustedCluster>) {
    if cluster.is_masked() || cluster.spec.token.expose().is_empty() {
        let kept = before.map(|before| before.spec.token.clone());
        cluster.spec.token = kept.unwrap_or_else(|| Secret::new(String::new()));
    }
}

/// Whether nothing has changed in how a cluster is joined.
fn is_same_way(before: &TrustedCluster, after: &TrustedCluster) -> bool {
    let (before, after) = (&before.spec, &after.spec);
    before.enabled
        && before.token == after.token
        && before.tunnel_addr == after.tunnel_addr
        && before.web_proxy_addr == after.web_proxy_addr
        && before.ca_pins == after.ca_pins
}

async fn join(core: &Core, cluster: &TrustedCluster) -> Result<Joined, Error> {
    if cluster.spec.token.expose().is_empty() {
        return Err(Error::invalid("spec.token: missing, and needed to join the other cluster").hint(
            "`tctl tokens add --type=trusted_cluster` makes one where the other cluster is administered",
        ));
    }
    // What is opened for this ends with it.
    let scope = core.tasks.scope();
    let (client, pins) =
        contact::first(core, cluster, scope.tasks()).await.map_err(|error| told(&error))?;
    let request = ClusterJoin {
        token: cluster.spec.token.expose().clone(),
        cluster: core.cluster.clone(),
        authorities: core.authorities.current().wire(),
    };
    let welcome = client.join_cluster(&request).await.map_err(|error| told(&error))?;
    let name = &welcome.cluster;
    if *name == core.cluster {
        return Err(Error::invalid("the address leads to this cluster itself"));
    }
    resource::metadata::check_name(name)
        .map_err(|error| Error::invalid(format!("the other cluster's name: {error}")))?;
    let foreign = authorities::check(core, name, &welcome.authorities)?;
    if foreign.users.is_empty() {
        return Err(Error::invalid(format!(
            "cluster {name:?} has told no authority that certifies users"
        )));
    }
    if !foreign.hosts.iter().any(|host| pins.contains(&host.pin())) {
        return Err(Error::denied(format!(
            "cluster {name:?} has told other authorities than the one that it was checked by"
        )));
    }
    if core.records.find(Kind::RemoteCluster, name).await?.is_some() {
        authorities::is_known(core, &foreign).await?;
    }
    Ok(Joined { welcome, foreign })
}

/// What the other cluster says is not about whoever asks here: their own evidence was fine.
fn told(error: &Error) -> Error {
    let words = format!("the cluster could not be joined: {}", error.message());
    let said = match error.kind() {
        // A token or a pin, and what is advised about either is for those who join as something else.
        ErrorKind::Unauthenticated => Error::denied(words).hint(
            "`tctl tokens add --type=trusted_cluster` prints a token, and the pins for spec.ca_pins, where the other \
             cluster is administered",
        ),
        kind => error.hints().iter().fold(Error::new(kind, words), |said, hint| said.hint(hint)),
    };
    match error.cause() {
        Some(cause) => said.because(cause),
        None => said,
    }
}
