//! A cluster that wants to be one where users of this one may go: how it joins, and how it is heard of.

use api::wire::{ClusterExchange, ClusterJoin, ClusterWelcome};
use api::{Error, ErrorKind};
use audit::record::{Change, UserMetadata};
use pki::Foreign;
use resource::AuthorityType::Host;
use resource::{JoinRole, Kind, RemoteCluster, Resource, Secret};

use super::{authorities, heard, require_remote, welcome};
use crate::caller::Caller;
use crate::core::Core;
use crate::cx::OpCx;
use crate::join::{Admission, Refusal, Shown, admit_token};
use crate::records::Condition;
use crate::{events, gate, keys, service};

/// How often joining is tried again when somebody else writes the same.
const MAX_RETRIES: usize = 8;

/// How a cluster told what its authorities are.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// With a token, by which no cluster proves which one it is.
    ByJoining,
    /// With the certificate of the connection, by one of those that are known.
    ByExchange,
}

/// Takes in a cluster that shows a join token.
pub(crate) async fn join(cx: &OpCx, request: ClusterJoin) -> Result<ClusterWelcome, Error> {
    let ClusterJoin { token, cluster, authorities } = request;
    let core = cx.core();
    let shown = Shown { token: Secret::new(token), id_token: None };
    let admitted = admit(core, &shown, &cluster, &authorities).await;
    let foreign = match admitted {
        Ok(foreign) => foreign,
        Err(refusal) => {
            let role = JoinRole::TrustedCluster.as_str().to_owned();
            events::join_refused(cx, &cluster, &[role], &refusal).await?;
            return Err(refusal.error);
        }
    };
    let mut outcome = Ok(());
    for _ in 0..MAX_RETRIES {
        outcome = write(cx, &foreign, Told::ByJoining).await;
        match &outcome {
            Err(error)
                if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::AlreadyExists) => {}
            _ => break,
        }
    }
    outcome?;
    heard::note(core, &foreign.cluster).await?;
    super::settle(core, &foreign.cluster, true).await;
    Ok(welcome(core))
}

/// What lets a cluster in, if it is good for that, and if it is who it may be.
async fn admit(
    core: &Core,
    shown: &Shown,
    cluster: &str,
    authorities: &api::wire::Authorities,
) -> Result<Foreign, Refusal> {
    let admission: Admission = admit_token(core, shown).await?;
    if !admission.token.spec.roles.contains(&JoinRole::TrustedCluster) {
        let error = Error::denied("the join token is not for trusted clusters")
            .hint("make one that is: `tctl tokens add --type=trusted_cluster`");
        return Err(admission.refuse(error));
    }
    match fit(core, cluster, authorities).await {
        Ok(foreign) => {
            // No key is certified: whoever tells of the same cluster with the same authorities is the same.
            let told = keys::digest(&[cluster, &told_as_text(authorities)?]);
            admission.spend(core, &told, cluster).await?;
            Ok(foreign)
        }
        Err(error) => Err(admission.refuse(error)),
    }
}

fn told_as_text(authorities: &api::wire::Authorities) -> Result<String, Error> {
    serde_json::to_string(authorities).map_err(Error::internal)
}

/// Whether a cluster is one that can join.
async fn fit(core: &Core, cluster: &str, told: &api::wire::Authorities) -> Result<Foreign, Error> {
    if cluster == core.cluster {
        return Err(Error::denied(format!(
            "this cluster is called {cluster:?} too: two clusters that trust each other need two names"
        )));
    }
    resource::metadata::check_name(cluster).map_err(|error| Error::invalid(error.to_string()))?;
    service::check_name(cluster)?;
    let foreign = authorities::check(core, cluster, told)?;
    authorities::is_known(core, &foreign).await?;
    Ok(foreign)
}

/// Writes that a cluster is here, with its authorities; nothing, if all that is known.
async fn write(cx: &OpCx, foreign: &Foreign, told: Told) -> Result<(), Error> {
    let (core, cluster) = (cx.core(), foreign.cluster.as_str());
    // First: who makes the cluster known after this changes what these are written over.
    let mut writes = authorities::writes(core, foreign, &[Host]).await?;
    let before = core.records.find(Kind::RemoteCluster, cluster).await?;
    match told {
        Told::ByJoining if authorities::is_known(core, foreign).await? => writes = Vec::new(),
        Told::ByJoining => {}
        // It may have been removed since the certificate was believed, and another have joined by its name.
        Told::ByExchange => {
            let is_theirs = authorities::have_certified(core, cluster, cx.chain()).await?;
            if before.is_none() || !is_theirs {
                return Err(not_joined(core, cluster));
            }
            if !writes.is_empty() && authorities::are_new(core, cluster).await? {
                tracing::debug!(cluster, "tells of other authorities too soon; it will tell again");
                return Ok(());
            }
        }
    }
    let (resource, condition, change) = match before {
        None => {
            let resource = Resource::from(RemoteCluster::new(cluster));
            (resource, Condition::Absent, Change::Created)
        }
        Some(before) => match before.metadata().revision.clone() {
            _ if writes.is_empty() => return Ok(()),
            Some(revision) => (before, Condition::At(revision), Change::Updated),
            None => return Err(Error::internal("a stored resource has no revision")),
        },
    };
    let actor = UserMetadata::system(&format!("cluster {cluster}"));
    events::changed(&core.audit, &actor, change, &resource).await?;
    match core.records.write(&resource, condition, writes).await {
        Ok(written) => {
            let revision = written.metadata().revision.as_ref();
            core.settle(Kind::RemoteCluster, cluster, revision).await;
            Ok(())
        }
        Err(error) => {
            events::failed(cx, "change of remote_cluster", &error).await;
            Err(error)
        }
    }
}

fn not_joined(core: &Core, cluster: &str) -> Error {
    Error::denied(format!(
        "cluster {cluster:?} has not joined {:?}, or was removed there",
        core.cluster
    ))
    .hint("to join again, write the trusted_cluster anew with a new token")
}

/// Hears of a cluster that joined: what its authorities are now, and that it is there.
pub(crate) async fn exchange(cx: &OpCx, request: ClusterExchange) -> Result<ClusterWelcome, Error> {
    let core = cx.core();
    let Caller::ForeignAuth(caller) = cx.caller() else { return Err(gate::unauthenticated()) };
    let cluster = caller.cluster.as_str();
    if require_remote(core, cluster).is_err() {
        return Err(not_joined(core, cluster));
    }
    let foreign = authorities::check(core, cluster, &request.authorities)?;
    match write(cx, &foreign, Told::ByExchange).await {
        // Another of its auth services, or of ours, was faster; the next time it is looked at again.
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        outcome => outcome?,
    }
    heard::note(core, cluster).await?;
    Ok(welcome(core))
}
