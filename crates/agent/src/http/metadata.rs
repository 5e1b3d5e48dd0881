//! Public documents of servers, by which clients learn how to sign in there (RFC 9728; RFC 8414). They pass as
//! they are: they are about the server, not about the gateway.

use api::stream_headers::{BELOW_PATH, METADATA, METADATA_NAMES};
use api::{Body, Brought};
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use mcp::error::code;
use resource::Transport;
use url::Url;

use super::exchange::Exchange;
use super::open::too_many;
use super::refusal_reply;
use super::reply::{self, Stop};
use crate::dial::{Caller, Confidences, Leave};

/// The longest document.
const BYTES: usize = 64 * 1024;
/// How long a server may take to send one.
const TIME: std::time::Duration = std::time::Duration::from_secs(10);

/// The name of the document that a request wants, if it wants one.
pub(super) fn wanted(exchange: &Exchange) -> Option<&HeaderValue> {
    exchange.headers().get(METADATA)
}

/// The document as the server gives it.
pub(super) async fn answer(
    exchange: &Exchange,
    name: &HeaderValue,
) -> Result<Response<Body>, Stop> {
    let target = exchange.served.target();
    let url = match target.transport() {
        Some(Transport::StreamableHttp { url } | Transport::Sse { url }) => place(url, name),
        Some(Transport::Stdio) | None => None,
    };
    let url = url.ok_or_else(nothing)?;
    let access = exchange.visitor.access(&exchange.shared.authorizer);
    let access = access.map_err(|refusal| refusal_reply(&refusal, &exchange.app))?;
    let permit = access.connect().into_result().map_err(|denial| {
        let (status, words) = (StatusCode::FORBIDDEN, denial.public_message());
        reply::stop(status, code::INTERNAL_ERROR, None, &words)
    })?;
    let user = exchange.visitor.owner.user();
    let place = exchange.shared.places.take(user);
    let _place = place.map_err(|full| too_many(&full.to_string()))?;
    let ill = |words: &str| reply::stop(StatusCode::BAD_GATEWAY, code::INTERNAL_ERROR, None, words);
    let dialler = target.dialler(&exchange.shared).await.map_err(|words| ill(&words))?;
    let assertions = exchange.shared.assertions.clone();
    let (visitor, app) = (&exchange.visitor, target.app.clone());
    let caller = Caller::new(visitor.identity(), visitor.evidence(), app, assertions);
    let mut request = Request::new(api::empty());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request.extensions_mut().insert(Brought::default());
    let asked = dialler.send_to(Leave::Permit(permit), &url, request, &caller);
    let read = async {
        let (head, body) = asked.await.map_err(|error| ill(&error.to_string()))?.into_parts();
        if head.status != StatusCode::OK {
            return Err(nothing());
        }
        let body = api::collect(body, BYTES).await;
        let body = body.map_err(|_e| ill("the document broke off, or is too long"))?;
        let confidences = head.extensions.get::<Confidences>().cloned().unwrap_or_default();
        Ok(confidences.hidden_in(&String::from_utf8_lossy(&body)))
    };
    let text = tokio::time::timeout(TIME, read).await;
    let text = text.map_err(|_elapsed| ill("the server took too long to send the document"))??;
    if serde_json::from_str::<serde::de::IgnoredAny>(&text).is_err() {
        return Err(nothing());
    }
    let mut response = Response::new(api::full(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

/// Where a server has a document; nothing when it is none of those that pass.
fn place(server: &Url, name: &HeaderValue) -> Option<Url> {
    let name = name.to_str().ok()?;
    let (known, path) = match name.strip_suffix(BELOW_PATH) {
        Some(known) => (known, server.path().trim_end_matches('/')),
        None => (name, ""),
    };
    let known = METADATA_NAMES.contains(&known).then_some(known)?;
    let mut url = server.clone();
    url.set_query(None);
    url.set_path(&format!("/.well-known/{known}{path}"));
    Some(url)
}

fn nothing() -> Stop {
    let words = "the MCP server has no such document";
    reply::stop(StatusCode::NOT_FOUND, code::INVALID_REQUEST, None, words)
}
