//! MCP traffic: from a client with a certificate to an agent that serves the app.
//!
//! The route is `/mcp/apps/<app>`, or `/mcp/sites/<cluster>/apps/<app>`. It carries streamable HTTP, and the
//! lines of `tsh mcp connect`. The client's certificate travels along as evidence; the agent verifies it
//! again and decides. What is another cluster's goes to a proxy of that cluster, with evidence for the visit.

mod away;
mod challenge;
mod content;
mod deliver;
mod forwarded;
mod origin;
mod refusal;
mod route;
mod token;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use rand::seq::SliceRandom;

use api::{Body, Host};

use self::content::Content;
pub(crate) use self::content::Held;
use self::deliver::deliver;
use self::forwarded::Forwarded;
pub(crate) use self::refusal::Refusal;
use self::route::Route;
pub(crate) use self::route::Wanted;
pub(crate) use self::token::Tokens;
use crate::connection::Peer;
use crate::service::Shared;

/// Whether a path belongs to MCP.
pub(crate) fn is_mcp(path: &str) -> bool {
    path.starts_with("/mcp/")
}

/// Answers a request whose end others could see elsewhere. What follows on its connection is not read.
pub(crate) fn not_framed() -> Response<Body> {
    let words = "the header Transfer-Encoding must be \"chunked\", once";
    let mut response = Refusal::new(StatusCode::NOT_IMPLEMENTED, words).into_response();
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Answers an MCP request.
pub(crate) async fn answer(
    request: Request<Body>,
    peer: &Arc<Peer>,
    shared: &Arc<Shared>,
) -> Response<Body> {
    let uri = request.uri().clone();
    let answered = forward(request, peer, shared).await;
    let answered = match answered {
        Ok(response) if peer.chain.is_empty() => challenge::replace(response, uri.path(), shared),
        answered => answered,
    };
    match answered {
        Ok(response) => response,
        Err(refusal) => challenge::lead(refusal, uri.path(), shared).into_response(),
    }
}

async fn forward(
    request: Request<Body>,
    peer: &Arc<Peer>,
    shared: &Arc<Shared>,
) -> Result<Response<Body>, Refusal> {
    let (head, body) = request.into_parts();
    let route = Route::parse(head.uri.path())?;
    origin::check(&head.headers, &shared.public_addr)?;
    if let Some(cluster) = route.cluster
        && cluster != shared.cluster
    {
        return away::forward(cluster, route.wanted, (&head, body), peer, shared).await;
    }
    let Wanted::App(app) = route.wanted else {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            "the servers of this cluster are listed by its API: use `tsh mcp ls`",
        ));
    };
    let evidence = evidence_of(&head.headers, app, peer, shared).await?;
    to_agents(&head, body, (app, peer.address, &evidence), shared).await
}

/// The answer of an agent of this cluster that serves an app, to who shows this evidence at this address.
pub(crate) async fn to_agents(
    head: &Parts,
    body: Body,
    (app, client, evidence): (&str, SocketAddr, &HeaderValue),
    shared: &Shared,
) -> Result<Response<Body>, Refusal> {
    let forwarded = Forwarded::new(head, Wanted::App(app), client, evidence)?;
    let session = session_of(&head.headers)?;
    let hosts = VecDeque::from(hosts_of(app, session, shared)?);
    let content = content_of(head, body, hosts.len() > 1, shared).await?;
    if let Some(response) = deliver(&shared.registry, hosts, content, forwarded).await? {
        return Ok(response);
    }
    // A session is nowhere else.
    Err(session.map_or_else(|| Refusal::no_agent(app), |_| Refusal::session_gone()))
}

async fn content_of(
    head: &Parts,
    body: Body,
    several: bool,
    shared: &Shared,
) -> Result<Content, Refusal> {
    if !is_stdio(&head.headers) {
        return Content::of(head, body, several, &shared.held).await;
    }
    require_both_directions(&head.method, head.version)?;
    Ok(Content::stream(body))
}

/// What the agent is shown for who asks: the client's certificate, or what is given for its token.
async fn evidence_of(
    headers: &HeaderMap,
    app: &str,
    peer: &Peer,
    shared: &Shared,
) -> Result<HeaderValue, Refusal> {
    if !peer.chain.is_empty() {
        require_user(peer, shared)?;
        return Ok(peer.evidence.clone());
    }
    let found = shared.tokens.evidence(headers, app, peer, shared).await?;
    let Some(evidence) = found else { return Err(Refusal::nobody()) };
    // Whoever is known need not leave as strangers must.
    peer.stay_until(evidence.until, shared.clock.now());
    Ok(evidence.header)
}

fn require_user(peer: &Peer, shared: &Shared) -> Result<(), Refusal> {
    match shared.trust.verify(&peer.chain, shared.clock.now()) {
        Ok(identity) if identity.as_user().is_some() => Ok(()),
        Ok(_) => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "this is a service's certificate; MCP servers are for users",
        )),
        Err(error) => Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            format!("the client certificate is not accepted ({error}): run `tsh login` again"),
        )),
    }
}

/// Whether the request is the one stream of `tsh mcp connect`.
fn is_stdio(headers: &HeaderMap) -> bool {
    let stdio = mcp::framing::STDIO_CONTENT_TYPE.as_bytes();
    headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == stdio)
}

fn require_both_directions(method: &Method, version: Version) -> Result<(), Refusal> {
    if *method != Method::POST {
        return Err(Refusal::method(method));
    }
    if version != Version::HTTP_2 {
        return Err(Refusal::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "both directions at once need HTTP/2",
        ));
    }
    Ok(())
}

/// The session that a request belongs to. There is none in the modern era, whatever the header says.
fn session_of(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let modern = |value: &HeaderValue| {
        let revision = value.to_str().ok().and_then(mcp::Revision::parse);
        revision.is_some_and(|revision| revision.era() == mcp::Era::Modern)
    };
    if headers.get(mcp::header::PROTOCOL_VERSION).is_some_and(modern) {
        return Ok(None);
    }
    let mut found = headers.get_all(mcp::header::SESSION_ID).iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => Ok(Some(value.to_str().unwrap_or_default())),
        (Some(_), Some(_)) => {
            Err(Refusal::new(StatusCode::BAD_REQUEST, "Mcp-Session-Id is given twice"))
        }
    }
}

/// The hosts of the agents that serve an app and can be reached, in random order. A session is with one of
/// them and no other: its identifier begins with the host's.
fn hosts_of(app: &str, session: Option<&str>, shared: &Shared) -> Result<Vec<String>, Refusal> {
    let (snapshot, now) = (shared.replica.snapshot(), shared.clock.now());
    let servers = snapshot.servers_of(app);
    if servers.is_empty() {
        return match session {
            Some(_) => Err(Refusal::session_gone()),
            None => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                format!(
                    "no MCP server {app:?} here, or none that you may use: `tsh mcp ls` lists them"
                ),
            )),
        };
    }
    let hosts = servers.iter().map(|server| server.spec.host_id.as_str());
    let reached = hosts.filter(|host| {
        shared.registry.is_connected(host) && !Host::with_id(host).is_locked(&snapshot, now)
    });
    let mut hosts: Vec<String> = reached.map(str::to_owned).collect();
    if let Some(session) = session {
        let own = session.rsplit_once('.').map(|(host, _)| host);
        hosts.retain(|host| Some(host.as_str()) == own);
        return if hosts.is_empty() { Err(Refusal::session_gone()) } else { Ok(hosts) };
    }
    hosts.shuffle(&mut rand::rng());
    Ok(hosts)
}
