//! A request as the agent gets it: what the protocol needs of the client's headers, and the evidence.

use api::Body;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use tunnel::{CLIENT_ADDRESS, EVIDENCE};

use super::refusal::Refusal;
use crate::connection::Peer;

/// Requests of the modern era by which nothing happens at a server.
const ONLY_ASK: [&str; 5] =
    ["server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"];

/// All of a request but its body.
#[derive(Debug)]
pub(super) struct Forwarded {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

// === impl Forwarded ===

impl Forwarded {
    pub(super) fn new(
        head: &Parts,
        app: &str,
        peer: &Peer,
        evidence: &HeaderValue,
    ) -> Result<Self, Refusal> {
        let unusable =
            |_error| Refusal::new(StatusCode::BAD_REQUEST, "the request cannot be passed on");
        let path = format!("https://agent/v1/mcp/apps/{}", api::escape(app));
        let uri =
            path.parse().map_err(|error: http::uri::InvalidUri| unusable(error.to_string()))?;
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|error| unusable(error.to_string()));
        let mut headers = HeaderMap::new();
        for (name, value) in &head.headers {
            if api::stream_headers::travels(name) {
                headers.append(name, value.clone());
            }
        }
        headers.insert(HeaderName::from_static(EVIDENCE), evidence.clone());
        let address = value(&peer.address.to_string())?;
        headers.insert(HeaderName::from_static(CLIENT_ADDRESS), address);
        Ok(Self { method: head.method.clone(), uri, headers })
    }

    /// Whether nothing happens twice if two agents answer it. The headers say so, and an agent refuses a message
    /// that is another than they say; a session is at one agent alone.
    pub(super) fn only_asks(&self) -> bool {
        let header = |name| {
            let mut values = self.headers.get_all(name).iter();
            let first = values.next().filter(|_| values.next().is_none());
            first.and_then(|value| value.to_str().ok())
        };
        let method = header(mcp::header::METHOD);
        self.method == Method::POST
            && header(mcp::header::PROTOCOL_VERSION).is_some_and(is_modern)
            && method.is_some_and(|method| ONLY_ASK.contains(&method))
    }

    /// One attempt's request.
    pub(super) fn request(&self, body: Body) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn is_modern(revision: &str) -> bool {
    mcp::Revision::parse(revision).is_some_and(|revision| revision.era() == mcp::Era::Modern)
}

#[cfg(test)]
mod tests;
