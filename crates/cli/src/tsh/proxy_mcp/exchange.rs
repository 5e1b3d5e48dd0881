//! One request of a local client, carried to the cluster and back.

use std::time::Duration;

use api::stream_headers::{
    BELOW_PATH, ERROR_ORIGIN, MCP_PREFIX, METADATA, METADATA_NAMES, travels,
};
use api::{Body, BoxError, Brought, Unfit, brought};
use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName,
    RETRY_AFTER, TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use mcp::limits::MESSAGE_BYTES;
use mcp::{Id, Limits, Message, sse};
use tokio::time::timeout;

use super::local;
use super::pool::Pool;
use super::tail::{Events, Tail};
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::repeatable::is_repeatable;
use crate::tsh::way::{Way, told};

/// How long a client may take to send a message.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;
/// Where the MCP server is; everything else is nowhere.
const PATHS: [&str; 2] = ["/", "/mcp"];
/// What a client learns of an answer's headers, beside the protocol's own.
const TOLD: [HeaderName; 7] = [
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    CACHE_CONTROL,
    RETRY_AFTER,
    ALLOW,
    WWW_AUTHENTICATE,
];

/// Why a request is not carried any further.
struct Refusal {
    status: StatusCode,
    /// The request's, if it is known.
    id: Option<Id<'static>>,
    message: String,
    data: Option<serde_json::Value>,
}

/// Answers a request.
pub(super) async fn answer(request: Request<Incoming>, pool: &Pool) -> Response<Body> {
    let (head, body) = request.into_parts();
    let codings = head.headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes);
    if !mcp::http::is_plainly_framed(&codings.collect::<Vec<_>>()) {
        let words = "the header Transfer-Encoding must be \"chunked\", once";
        let mut response = Refusal::new(StatusCode::NOT_IMPLEMENTED, words).into_response();
        // What follows may be something else to others.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        return response;
    }
    match carry(&head, body, pool).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(),
    }
}

async fn carry(head: &Parts, body: Incoming, pool: &Pool) -> Result<Response<Body>, Refusal> {
    local::check(head).map_err(|why| Refusal::new(StatusCode::FORBIDDEN, why))?;
    if !PATHS.contains(&head.uri.path()) && document(head).is_none() {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "the MCP server is at /mcp"));
    }
    let body = match head.method {
        Method::POST => {
            require_json(&head.headers)?;
            read(body).await?
        }
        Method::GET | Method::DELETE => Bytes::new(),
        _ => {
            let words = "MCP servers are spoken to by POST, GET and DELETE";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, words));
        }
    };
    let asked = Asked::read(&head.method, &body);
    own_headers(&head.headers, Brought::default())
        .map_err(|unfit| Refusal::new(StatusCode::BAD_REQUEST, unfit.to_string()))?;
    let sent = pool.send(asked.if_again, |way| request(head, body.clone(), way)).await;
    let (response, place) = sent.map_err(|fault| asked.refusal(&fault))?;
    let is_the_servers = response.headers().contains_key(ERROR_ORIGIN);
    if response.status() == StatusCode::UNAUTHORIZED && !is_the_servers {
        // To a client this would mean that it has to sign in itself, which it cannot.
        let way = pool.way(true).ok();
        return Err(asked.refusal(&unauthorized(way.as_ref(), response.into_body()).await));
    }
    let (far, body) = response.into_parts();
    let is_stream = far.headers.get(CONTENT_TYPE).is_some_and(|value| {
        value.to_str().is_ok_and(|text| text.trim_start().starts_with(sse::CONTENT_TYPE))
    });
    let plain = !far.headers.contains_key(CONTENT_ENCODING);
    let events = (is_stream && plain).then(|| asked.last_words()).flatten().map(Events::new);
    let mut near = Response::new(api::boxed(Tail::new(body, place, events)));
    *near.status_mut() = far.status;
    for (name, value) in &far.headers {
        if TOLD.contains(name) || name.as_str().starts_with(MCP_PREFIX) {
            near.headers_mut().append(name, value.clone());
        }
    }
    Ok(near)
}

/// Pages can send other content without asking first, as forms do.
fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|text| text.split(';').next()).unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let words = "a message to an MCP server is application/json";
    Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, words))
}

async fn read(body: Incoming) -> Result<Bytes, Refusal> {
    let collected = Limited::new(body, MESSAGE_BYTES).collect();
    match timeout(BODY_TIMEOUT, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the message is longer than {MESSAGE_BYTES} bytes"),
        )),
        Ok(Err(error)) => Err(broken(&error)),
        Err(_elapsed) => {
            let seconds = BODY_TIMEOUT.as_secs();
            let words = format!("the message did not arrive within {seconds} seconds");
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, words))
        }
    }
}

fn broken(error: &BoxError) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, format!("the message broke off: {error}"))
}

/// The request as the cluster gets it.
fn request(head: &Parts, body: Bytes, way: &Way) -> Result<Request<Body>, Fault> {
    let body = if body.is_empty() { api::empty() } else { api::full(body) };
    let mut request = Request::builder()
        .method(head.method.clone())
        .uri(way.uri())
        .body(body)
        .map_err(|error| Fault::new(Cause::Other, error.to_string()))?;
    for (name, value) in head.headers.iter().filter(|(name, _)| passes(name)) {
        request.headers_mut().append(name, value.clone());
    }
    if let Some(name) = document(head).and_then(|name| name.parse().ok()) {
        request.headers_mut().insert(METADATA, name);
    }
    let brought = own_headers(&head.headers, way.brought.clone())
        .map_err(|unfit| Fault::new(Cause::Other, unfit.to_string()))?;
    brought.write(request.headers_mut());
    request.headers_mut().insert(api::stream_headers::PROOF, way.prover.header()?);
    Ok(request)
}

/// The public document of the MCP server's that is asked for, if one is.
fn document(head: &Parts) -> Option<&str> {
    let name =
        head.uri.path().strip_prefix("/.well-known/").filter(|_| head.method == Method::GET)?;
    let known = name.strip_suffix(BELOW_PATH).unwrap_or(name);
    METADATA_NAMES.contains(&known).then_some(name)
}

/// Whether a header of a local client is for the cluster as well.
fn passes(name: &HeaderName) -> bool {
    travels(name) && *name != METADATA && !name.as_str().starts_with(brought::PREFIX)
}

/// What the MCP server itself is to be told. A local client needs nothing to speak to us, a credential least
/// of all: what it says beside the protocol it says to the server. What we were started with comes first.
fn own_headers(client: &HeaderMap, mut all: Brought) -> Result<Brought, Unfit> {
    let ours = all.clone();
    for (name, value) in client {
        // A client that does as it would at the cluster's own door means the same.
        let addressed = name.as_str().strip_prefix(brought::PREFIX);
        let name = addressed.unwrap_or(name.as_str());
        let known = addressed.is_some() || brought::admits(name);
        if known && !ours.has(name) {
            all.add(name, value.clone())?;
        }
    }
    Ok(all)
}

/// The sentence in the cluster's body, under the cause that can be mended here; nothing of it where nobody knows any
/// more whose it is.
async fn unauthorized(way: Option<&Way>, body: Incoming) -> Fault {
    let bytes = api::collect(api::boxed(body), MAX_REFUSAL).await.unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let message = value.pointer("/error/message").and_then(serde_json::Value::as_str);
    let message = way.zip(message).map(|(way, message)| told(way.elsewhere.as_deref(), message));
    let unsaid = || "the cluster does not accept the certificate".to_owned();
    Fault::new(Cause::Login, message.unwrap_or_else(unsaid))
}

/// What a client waits for.
struct Asked {
    /// The request's, which is answered even when the cluster cannot.
    id: Option<Id<'static>>,
    /// Whether it can be asked twice.
    if_again: bool,
}

// === impl Asked ===

impl Asked {
    fn read(method: &Method, body: &Bytes) -> Self {
        if *method != Method::POST {
            return Self { id: None, if_again: *method == Method::GET };
        }
        match Message::parse(body, &Limits::CLIENT).map(|message| message.body) {
            Ok(mcp::Body::Request(request)) => {
                Self { id: Some(request.id.to_static()), if_again: is_repeatable(&request) }
            }
            _ => Self { id: None, if_again: false },
        }
    }

    /// A request is answered as such, so that its client shows what happened: clients treat a status of HTTP
    /// as they like, and some wait on.
    fn refusal(&self, fault: &Fault) -> Refusal {
        let status = match (&self.id, fault.cause) {
            (Some(_), _) => StatusCode::OK,
            (None, Cause::Login) => StatusCode::FORBIDDEN,
            (None, Cause::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            (None, _) => StatusCode::BAD_GATEWAY,
        };
        let (message, data) = (fault.text(), Some(fault.data()));
        Refusal { status, id: self.id.clone(), message, data }
    }

    /// The event that ends a stream on which no answer will come.
    fn last_words(&self) -> Option<Bytes> {
        self.id.as_ref()?;
        let message = "the connection to the cluster was lost before the answer came; whether the request \
                       was carried out is not known";
        let words = self.refusal(&Fault::new(Cause::Network, message)).body();
        Some(sse::encode(&words, None, None))
    }
}

// === impl Refusal ===

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, id: None, message: message.into(), data: None }
    }

    fn body(&self) -> Vec<u8> {
        let code = mcp::error::code::INTERNAL_ERROR;
        mcp::error::response(self.id.as_ref(), code, &self.message, self.data.clone())
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(api::full(self.body()));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let methods = HeaderValue::from_static("POST, GET, DELETE");
            response.headers_mut().insert(ALLOW, methods);
        }
        response
    }
}
