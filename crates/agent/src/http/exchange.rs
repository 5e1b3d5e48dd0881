//! One HTTP request, and what is known of it before anything is done.

use std::sync::Arc;

use api::{Body, Brought};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use mcp::error::code;
use mcp::header::{LAST_EVENT_ID, PROTOCOL_VERSION, SESSION_ID};
use mcp::limits::Limits;
use mcp::{Era, Message, Refused, Revision};

use super::accepts::Accepts;
use super::conversation::Asker;
use super::reply::{self, Stop};
use super::sessions::{Known, NoSession};
use super::visitor::Visitor;
use crate::agent::Shared;
use crate::record::Invalid;
use crate::served::Served;

/// A request by a visitor who may use the app.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) served: Arc<Served>,
    pub(crate) visitor: Arc<Visitor>,
    pub(crate) app: String,
    pub(crate) head: Parts,
    /// What the client has for the server itself.
    pub(crate) brought: Brought,
}

/// The revision that a request claims to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    Nothing,
    Known(Revision),
    /// None that we know.
    Unknown,
}

// === impl Exchange ===

impl Exchange {
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The headers, and what of them is for the server itself.
    pub(crate) fn said(&self) -> (&HeaderMap, Brought) {
        (&self.head.headers, self.brought.clone())
    }

    pub(crate) fn accepts(&self) -> Accepts {
        Accepts::of(&self.head.headers)
    }

    /// Who posts or listens.
    pub(crate) fn asker(&self) -> Asker<'_> {
        Asker { shared: &self.shared, visitor: &self.visitor }
    }

    /// The value of a header that is given once or not at all.
    fn once(&self, name: &'static str) -> Result<Option<&HeaderValue>, Stop> {
        let mut found = self.head.headers.get_all(name).iter();
        match (found.next(), found.next()) {
            (value, None) => Ok(value),
            _ => Err(reply::bad(&format!("the header {name} is given twice"))),
        }
    }

    /// Refuses, and records, what has two values where the protocol has one: others would read the
    /// other one.
    pub(crate) async fn single(&self) -> Result<(), Stop> {
        for name in [PROTOCOL_VERSION, SESSION_ID, LAST_EVENT_ID] {
            if let Err(stop) = self.once(name) {
                self.invalid(None, "a header is given twice that the protocol has once").await;
                return Err(stop);
            }
        }
        Ok(())
    }

    pub(crate) fn claim(&self) -> Result<Claim, Stop> {
        let Some(value) = self.once(PROTOCOL_VERSION)? else { return Ok(Claim::Nothing) };
        let revision = value.to_str().ok().and_then(Revision::parse);
        Ok(revision.map_or(Claim::Unknown, Claim::Known))
    }

    pub(crate) fn last_event_id(&self) -> Result<Option<&str>, Stop> {
        let value = self.once(LAST_EVENT_ID)?;
        Ok(value.map(|value| value.to_str().unwrap_or_default()))
    }

    /// The session that the request names; nothing when it names none.
    pub(crate) async fn session(&self) -> Result<Option<Arc<Known>>, Stop> {
        let Some(id) = self.once(SESSION_ID)? else { return Ok(None) };
        let id = id.to_str().unwrap_or_default();
        match self.shared.http.sessions.find(id, &self.visitor.owner, &self.app) {
            Ok(known) => Ok(Some(known)),
            Err(NoSession::Gone) => Err(reply::session_gone()),
            Err(NoSession::Foreign) => {
                self.invalid(None, "the session is another's").await;
                // Nobody learns that there is one.
                Err(reply::session_gone())
            }
        }
    }

    /// Reads what was posted. What can be read in two ways is recorded and goes no further.
    pub(crate) async fn parse<'b>(
        &self,
        body: &'b Bytes,
        batches: bool,
    ) -> Result<Vec<Message<'b>>, Stop> {
        let parsed = if batches {
            Message::parse_batch(body, &Limits::CLIENT)
        } else {
            Message::parse(body, &Limits::CLIENT).map(|message| vec![message])
        };
        match parsed {
            Ok(messages) => Ok(messages),
            Err(refused) => Err(self.refuse(Some(body), &refused).await),
        }
    }

    /// Records what is refused as a message, and says so.
    pub(crate) async fn refuse(&self, body: Option<&Bytes>, refused: &Refused) -> Stop {
        self.invalid(body, &refused.to_string()).await;
        // One that the client learns of before anything was done is told by the status, too.
        let status = match reply::status_of(refused.reason.code()) {
            StatusCode::OK => StatusCode::BAD_REQUEST,
            status => status,
        };
        Box::new(reply::json(status, refused.response()))
    }

    /// Records a request that is not what it must be.
    pub(crate) async fn invalid(&self, body: Option<&Bytes>, words: &str) {
        let request = Invalid {
            method: self.head.method.as_str(),
            uri: &self.head.uri,
            headers: &self.head.headers,
            body: body.map(|body| &body[..]),
        };
        let recorder = &self.visitor.recorder;
        let written = match recorder.invalid(request, words) {
            Ok(event) => recorder.write(&event).await,
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::error!(%error, "cannot record a refusal");
        }
    }

    /// Refuses a client that takes neither sort of answer, or not the one that there is.
    pub(crate) fn not_acceptable(words: &str) -> Stop {
        reply::stop(StatusCode::NOT_ACCEPTABLE, code::INVALID_REQUEST, None, words)
    }
}

// === impl Claim ===

impl Claim {
    pub(crate) fn era(self) -> Option<Era> {
        match self {
            Self::Known(revision) => Some(revision.era()),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

/// Tells the client the identifier of its session.
pub(crate) fn name_session(response: &mut Response<Body>, id: &str) {
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(HeaderName::from_static(SESSION_ID), value);
    }
}
