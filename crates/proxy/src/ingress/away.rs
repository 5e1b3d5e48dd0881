//! To the proxies of other clusters, where users of this one are let in.

use std::collections::VecDeque;
use std::sync::Arc;

use api::{Body, Host};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use rand::seq::SliceRandom;

use super::deliver::deliver;
use super::forwarded::Forwarded;
use super::refusal::Refusal;
use super::route::Wanted;
use super::token;
use crate::clusters::{Stay, Visit};
use crate::connection::Peer;
use crate::service::Shared;

/// Headers of another cluster's answers that go on, besides the protocol's own.
const KEPT: [HeaderName; 10] = [
    ALLOW,
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    HeaderName::from_static(api::stream_headers::ERROR_ORIGIN),
    HeaderName::from_static(api::stream_headers::NEEDED),
    HeaderName::from_static("x-accel-buffering"),
];

/// The answer of another cluster.
pub(super) async fn forward(
    cluster: &str,
    wanted: Wanted<'_>,
    (head, body): (&Parts, Body),
    peer: &Arc<Peer>,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Refusal> {
    let visit = visit_of(cluster, wanted, head, (peer, shared))?;
    let good = shared.clusters.visits.of(&visit, shared).await?;
    // Whoever is known need not leave as strangers must.
    peer.stay_until(good.until(), shared.clock.now());
    let tunnels = shared.clusters.tunnels_of(cluster);
    let mut hosts = tunnels.hosts();
    let (snapshot, now) = (shared.replica.snapshot(), shared.clock.now());
    hosts.retain(|host| !Host::with_id(host).is_locked(&snapshot, now));
    hosts.shuffle(&mut rand::rng());
    let forwarded = Forwarded::new(head, wanted, peer.address, good.evidence())?;
    let (mut stay, body) = Stay::new(visit, good, shared, body);
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
        Some(mut response) => {
            keep_harmless(response.headers_mut());
            Ok(stay.watch(response))
        }
        None => Err(Refusal::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("cluster {cluster:?} cannot be reached now; try again shortly"),
        )),
    }
}

/// Leaves of another cluster's headers what MCP needs: it answers at this proxy's address, where a page or a cookie
/// of its own would pass for ours.
fn keep_harmless(headers: &mut HeaderMap) {
    let kept = |name: &HeaderName| {
        KEPT.contains(name) || name.as_str().starts_with(api::stream_headers::MCP_PREFIX)
    };
    let dropped: Vec<HeaderName> = headers.keys().filter(|name| !kept(name)).cloned().collect();
    for name in dropped {
        headers.remove(name);
    }
    headers
        .insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Who goes there: whom the client's certificate names, or its tokens.
fn visit_of(
    cluster: &str,
    wanted: Wanted<'_>,
    head: &Parts,
    (peer, shared): (&Arc<Peer>, &Shared),
) -> Result<Visit, Refusal> {
    if peer.chain.is_empty() {
        let tokens = token::for_elsewhere(&head.headers, shared)?;
        let app = wanted.app().ok_or_else(|| {
            Refusal::new(
                StatusCode::UNAUTHORIZED,
                "a token is for one MCP server: the list needs a certificate, use `tsh mcp ls`",
            )
        })?;
        // Whether there is such a cluster, the auth service says to whom it knows.
        return Ok(Visit::by_tokens(cluster, app, peer.clone(), tokens));
    }
    // Before anything is told: which clusters there are is for those who may go there.
    super::require_user(peer, shared)?;
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
    Ok(Visit::new(cluster, wanted.app(), peer.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_cluster_sets_no_cookie_and_shows_no_page_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("set-cookie", "__Host-tessera-form=x"),
            ("set-cookie", "y=z"),
            ("location", "https://evil.test/"),
            ("access-control-allow-origin", "*"),
            ("clear-site-data", "*"),
            ("content-security-policy", "script-src *"),
            ("content-type", "text/html"),
            ("mcp-session-id", "s"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        keep_harmless(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        let expected =
            ["content-security-policy", "content-type", "mcp-session-id", "x-content-type-options"];
        assert_eq!(left, expected);
        assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
    }
}
