//! Requests to the server.

use api::Body;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use mcp::Era;
use mcp::header::SESSION_ID;

use crate::dial::{DialError, Leave, Tokens};
use crate::end::End;
use crate::http::passage::Passage;

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
        self: &std::sync::Arc<Self>,
        leave: Leave<'_>,
        method: Method,
        client: &HeaderMap,
        body: Body,
    ) -> Result<Response<Body>, Unanswered> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.headers_mut() = self.headers(client);
        tokio::select! {
            biased;
            response = self.dial(leave, request) => response,
            end = self.clone().ended() => Err(Unanswered::Ended(end)),
        }
    }

    /// Sends a request as it is.
    pub(super) async fn dial(
        &self,
        leave: Leave<'_>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Unanswered> {
        let dialler = self.target.dialler(&self.shared).await.map_err(Unanswered::App)?;
        let identity = self.visitor.identity();
        let Some(user) = identity.as_user() else {
            return Err(Unanswered::App("only users use MCP servers".to_owned()));
        };
        let assertion = match &self.target.app.spec.rewrite {
            Some(_) => self.shared.assertions.get(&self.visitor.evidence(), &self.target.app).await,
            None => {
                return dialler
                    .send(leave, request, user, Tokens::default())
                    .await
                    .map_err(Unanswered::Dial);
            }
        };
        let assertion = assertion.map_err(|error| Unanswered::App(error.to_string()))?;
        let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
        let (jwt, id_token) = (text(&assertion.jwt), assertion.id_token.as_ref().and_then(text));
        let tokens = Tokens { jwt: jwt.as_deref(), id_token: id_token.as_deref() };
        dialler.send(leave, request, user, tokens).await.map_err(Unanswered::Dial)
    }

    /// The client's headers, but for the name of the session.
    fn headers(&self, client: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(client.len());
        for (name, value) in client {
            if api::stream_headers::travels(name) && name.as_str() != SESSION_ID {
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
