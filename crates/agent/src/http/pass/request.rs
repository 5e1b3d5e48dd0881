//! Requests to the server.

use std::sync::Arc;

use api::{Body, Brought};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use mcp::Era;
use mcp::header::{METHOD, NAME, PARAM_PREFIX, SESSION_ID};

use crate::dial::{Caller, DialError, Leave};
use crate::end::End;
use crate::http::passage::Passage;
use crate::http::visitor::Visitor;

/// Why there is no answer of the server's.
#[derive(Debug)]
pub(super) enum Unanswered {
    Dial(DialError),
    /// The app cannot be dialled, for this reason.
    App(String),
    /// The client must not go on.
    Ended(End),
}

// === impl Unanswered ===

impl Unanswered {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Dial(error) => error.to_string(),
            Self::App(words) => words.clone(),
            Self::Ended(end) => end.message.clone(),
        }
    }
}

// === impl Passage ===

impl Passage {
    /// Sends a request to the server, in the place of the client's, and waits for the beginning of the
    /// answer; no longer than the client may.
    pub(super) async fn send(
        self: &Arc<Self>,
        opener: &Arc<Visitor>,
        leave: Leave<'_>,
        method: Method,
        (client, brought): (&HeaderMap, Brought),
        body: Body,
    ) -> Result<Response<Body>, Unanswered> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = self.headers(client);
        request.extensions_mut().insert(brought);
        tokio::select! {
            biased;
            response = self.dial(leave, request) => response,
            end = self.clone().ended(opener.clone()) => Err(Unanswered::Ended(end)),
        }
    }

    /// Sends a request as it is.
    pub(super) async fn dial(
        &self,
        leave: Leave<'_>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Unanswered> {
        let dialler = self.target.dialler(&self.shared).await.map_err(Unanswered::App)?;
        let (visitor, shared) = (&self.visitor, &self.shared);
        let app = self.target.app.clone();
        let assertions = shared.assertions.clone();
        let caller = Caller::new(visitor.identity(), visitor.evidence(), app, assertions);
        dialler.send(leave, request, &caller).await.map_err(Unanswered::Dial)
    }

    /// The client's headers, but for the name of the session, and in the legacy era for those that say of a
    /// message what nobody has compared with it.
    fn headers(&self, client: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(client.len());
        let says_what =
            |name: &str| name == METHOD || name == NAME || name.starts_with(PARAM_PREFIX);
        let is_kept =
            |name: &str| name != SESSION_ID && (self.era == Era::Modern || !says_what(name));
        for (name, value) in client {
            if api::stream_headers::travels(name) && is_kept(name.as_str()) {
                headers.append(name.clone(), value.clone());
            }
        }
        if self.era == Era::Legacy
            && let Some(session) = self.session()
        {
            headers.insert(HeaderName::from_static(SESSION_ID), session);
        }
        headers
    }
}

/// The headers of a request of our own.
pub(super) fn own_headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    let json = HeaderValue::from_static("application/json");
    headers.insert(http::header::CONTENT_TYPE, json);
    let both = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(http::header::ACCEPT, both);
    headers
}
