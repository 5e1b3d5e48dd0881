//! To the proxies of other clusters, where users of this one are let in.

use std::collections::VecDeque;
use std::sync::Arc;

use api::Body;
use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, Response, StatusCode};
use rand::seq::SliceRandom;

use super::deliver::deliver;
use super::forwarded::Forwarded;
use super::refusal::Refusal;
use super::route::Wanted;
use crate::clusters::{Stay, Visit};
use crate::connection::Peer;
use crate::service::Shared;

/// The answer of another cluster.
pub(super) async fn forward(
    cluster: &str,
    wanted: Wanted<'_>,
    (head, body): (&Parts, Body),
    peer: &Arc<Peer>,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Refusal> {
    if shared.replica.snapshot().remote_clusters.get(cluster).is_none() {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!(
                "this cluster is {:?} and knows no cluster {cluster:?}: `tsh clusters` lists those \
                 that it knows",
                shared.cluster
            ),
        ));
    }
    if wanted == Wanted::Apps && head.method != Method::GET {
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "the list is for GET"));
    }
    require_certificate(&head.headers, peer)?;
    super::require_user(peer, shared)?;
    let visit = Visit::new(cluster, wanted.app(), peer.clone());
    let good = shared.clusters.visits.of(&visit, shared).await?;
    let tunnels = shared.clusters.tunnels_of(cluster);
    let mut hosts = tunnels.hosts();
    hosts.shuffle(&mut rand::rng());
    let forwarded = Forwarded::new(head, wanted, peer.address, good.evidence())?;
    let (mut stay, body) = Stay::new(visit, good, shared.clone(), body);
    let answered = async {
        let content = super::content_of(head, body, hosts.len() > 1, shared).await?;
        deliver(&tunnels, VecDeque::from(hosts), content, forwarded).await
    };
    let answered = tokio::select! {
        biased;
        refusal = stay.over() => return Err(refusal),
        answered = answered => answered?,
    };
    match answered {
        Some(response) => Ok(stay.watch(response)),
        None => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("cluster {cluster:?} cannot be reached now; try again shortly"),
        )),
    }
}

/// Tokens are accepted by the cluster whose app they are for.
fn require_certificate(headers: &HeaderMap, peer: &Peer) -> Result<(), Refusal> {
    if !peer.chain.is_empty() {
        return Ok(());
    }
    if headers.contains_key(http::header::AUTHORIZATION) {
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "servers of other clusters are reached with a certificate, not with a token: use \
             `tsh mcp connect`",
        ));
    }
    Err(Refusal::nobody())
}
