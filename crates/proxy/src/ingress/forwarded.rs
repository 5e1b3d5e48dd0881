//! A request as the agent gets it: what the protocol needs of the client's headers, and the evidence.

use std::net::SocketAddr;

use api::Body;
use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri};
use tunnel::{CLIENT_ADDRESS, EVIDENCE};

use super::refusal::Refusal;
use super::route::Wanted;

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

/// Whether another attempt may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    OneOfMore,
    Last,
}

// === impl Forwarded ===

impl Forwarded {
    pub(super) fn new(
        head: &Parts,
        wanted: Wanted<'_>,
        client: SocketAddr,
        evidence: &HeaderValue,
    ) -> Result<Self, Refusal> {
        let unusable =
            |_error| Refusal::new(StatusCode::BAD_REQUEST, "the request cannot be passed on");
        let uri = format!("https://agent{}", wanted.path());
        let uri = Uri::from_maybe_shared(Bytes::from(uri));
        let uri = uri.map_err(|error| unusable(error.to_string()))?;
        let value =
            |text: &str| HeaderValue::from_str(text).map_err(|error| unusable(error.to_string()));
        // And the two of ours.
        let mut headers = HeaderMap::with_capacity(head.headers.len() + 2);
        for (name, value) in &head.headers {
            if api::stream_headers::travels(name) {
                headers.append(name, value.clone());
            }
        }
        headers.insert(HeaderName::from_static(EVIDENCE), evidence.clone());
        let address = value(&client.to_string())?;
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

    /// One attempt's request. After the last there is no other, and the headers need not be copied.
    pub(super) fn request(&mut self, body: Body, attempt: Attempt) -> Request<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = match attempt {
            Attempt::Last => std::mem::take(&mut self.headers),
            Attempt::OneOfMore => self.headers.clone(),
        };
        request
    }
}

fn is_modern(revision: &str) -> bool {
    mcp::Revision::parse(revision).is_some_and(|revision| revision.era() == mcp::Era::Modern)
}

#[cfg(test)]
mod tests;
