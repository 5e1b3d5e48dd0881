//! MCP traffic: from a client with a certificate to an agent that serves the app.
//!
//! The route is `/mcp/apps/<app>`, or `/mcp/sites/<cluster>/apps/<app>`. The client's certificate
//! travels along as evidence; the agent verifies it again and decides.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::Incoming;
use rand::seq::SliceRandom;
use rustls::pki_types::CertificateDer;
use serde_json::json;
use tunnel::{APP_NOT_SERVED, CLIENT_ADDRESS, EVIDENCE, SendError};

use api::Body;

use crate::connection::Peer;
use crate::lock;
use crate::service::Shared;

/// JSON-RPC 2.0, section 5.1: internal error. What a client gets that is not let in.
const INTERNAL_ERROR: i64 = -32603;

/// Where a request wants to go.
struct Route<'a> {
    app: &'a str,
    cluster: Option<&'a str>,
}

/// Why a request goes nowhere.
struct Refusal {
    status: StatusCode,
    message: String,
}

/// Whether a path belongs to MCP.
pub(crate) fn is_mcp(path: &str) -> bool {
    path.starts_with("/mcp/")
}

/// Answers an MCP request.
pub(crate) async fn answer(
    request: Request<Incoming>,
    peer: &Peer,
    shared: &Shared,
) -> Response<Body> {
    match forward(request, peer, shared).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn forward(
    request: Request<Incoming>,
    peer: &Peer,
    shared: &Shared,
) -> Result<Response<Body>, Refusal> {
    let path = request.uri().path().to_owned();
    let route = Route::parse(&path)?;
    if let Some(cluster) = route.cluster
        && cluster != shared.cluster
    {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!("this cluster is {:?} and knows no cluster {cluster:?}", shared.cluster),
        ));
    }
    require_user(peer, shared)?;
    require_stdio(&request)?;
    let hosts = hosts_of(route.app, shared)?;
    let mut request = prepare(request, route.app, peer)?;
    for host in &hosts {
        match shared.registry.send(host, request).await {
            Ok(response) if response.headers().contains_key(APP_NOT_SERVED) => {
                // The agent read nothing of the body, but it is spent all the same: the record
                // that led here is about to vanish.
                return Err(Refusal::no_agent(route.app));
            }
            Ok(response) => return Ok(response),
            Err(SendError::NotConnected(unsent)) => request = *unsent,
            Err(SendError::Lost(error)) => {
                tracing::info!(agent = host, %error, "agent lost while a client connected");
                return Err(Refusal::new(
                    StatusCode::BAD_GATEWAY,
                    "the agent that serves this MCP server was lost; connect again",
                ));
            }
        }
    }
    Err(Refusal::no_agent(route.app))
}

fn require_user(peer: &Peer, shared: &Shared) -> Result<(), Refusal> {
    if peer.chain.is_empty() {
        return Err(Refusal::new(
            StatusCode::UNAUTHORIZED,
            "no client certificate: sign in with `tsh login`, then use `tsh mcp connect`",
        ));
    }
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

fn require_stdio(request: &Request<Incoming>) -> Result<(), Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{} is not a method of this route: POST", request.method()),
        ));
    }
    let is_stdio = request
        .headers()
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes() == mcp::framing::STDIO_CONTENT_TYPE.as_bytes());
    if !is_stdio {
        return Err(Refusal::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!(
                "this route carries {} only: launch `tsh mcp connect` from the client",
                mcp::framing::STDIO_CONTENT_TYPE
            ),
        ));
    }
    if request.version() != Version::HTTP_2 {
        return Err(Refusal::new(
            StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            "both directions at once need HTTP/2",
        ));
    }
    Ok(())
}

/// The hosts of the agents that serve an app and can be reached, in random order.
fn hosts_of(app: &str, shared: &Shared) -> Result<Vec<String>, Refusal> {
    let (snapshot, now) = (shared.replica.snapshot(), shared.clock.now());
    let mut known = false;
    let mut hosts = Vec::new();
    for server in snapshot.servers_of(app) {
        known = true;
        let host_id = &server.spec.host_id;
        if shared.registry.is_connected(host_id) && !lock::is_locked(&snapshot, now, host_id) {
            hosts.push(server.spec.host_id.clone());
        }
    }
    if !known {
        return Err(Refusal::new(
            StatusCode::NOT_FOUND,
            format!(
                "no MCP server {app:?} here, or none that you may use: `tsh mcp ls` lists them"
            ),
        ));
    }
    hosts.shuffle(&mut rand::rng());
    Ok(hosts)
}

/// The request as the agent gets it: nothing of the client's headers but the content type, and the
/// evidence.
fn prepare(request: Request<Incoming>, app: &str, peer: &Peer) -> Result<Request<Body>, Refusal> {
    let unusable =
        |_error| Refusal::new(StatusCode::BAD_REQUEST, "the request cannot be passed on");
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let mut forwarded = Request::builder()
        .method(Method::POST)
        .uri(format!("https://agent/v1/mcp/apps/{}", api::escape(app)))
        .body(api::boxed(request.into_body()))
        .map_err(|error| unusable(error.to_string()))?;
    let evidence = HeaderValue::from_str(&encode_chain(&peer.chain))
        .map_err(|error| unusable(error.to_string()))?;
    let address = HeaderValue::from_str(&peer.address.to_string())
        .map_err(|error| unusable(error.to_string()))?;
    let headers = forwarded.headers_mut();
    headers.insert(HeaderName::from_static(EVIDENCE), evidence);
    headers.insert(HeaderName::from_static(CLIENT_ADDRESS), address);
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, content_type);
    }
    Ok(forwarded)
}

fn encode_chain(chain: &[CertificateDer<'static>]) -> String {
    chain.iter().map(|der| STANDARD.encode(der)).collect::<Vec<_>>().join(",")
}

// === impl Route ===

impl<'a> Route<'a> {
    fn parse(path: &'a str) -> Result<Self, Refusal> {
        let mut segments = path.strip_prefix("/mcp/").unwrap_or_default().split('/');
        let route = match (segments.next(), segments.next(), segments.next(), segments.next()) {
            (Some("apps"), Some(app), None, None) => Some(Self { app, cluster: None }),
            (Some("sites"), Some(cluster), Some("apps"), Some(app)) => {
                Some(Self { app, cluster: Some(cluster) })
            }
            _ => None,
        };
        match route {
            Some(route) if segments.next().is_none() && is_name(route.app) => Ok(route),
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "MCP servers are at /mcp/apps/<name> and /mcp/sites/<cluster>/apps/<name>",
            )),
        }
    }
}

/// App names need no escaping in a path; what does is no app's name.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

// === impl Refusal ===

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    fn no_agent(app: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("no agent that serves {app:?} can be reached now; try again shortly"),
        )
    }

    fn into_response(self) -> Response<Body> {
        let body = json!({
            "jsonrpc": "2.0",
            "id": null,
            "error": { "code": INTERNAL_ERROR, "message": self.message },
        });
        let mut response = Response::new(api::full(body.to_string()));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

#[cfg(test)]
mod tests;
