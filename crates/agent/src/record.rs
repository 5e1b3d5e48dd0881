//! What one session leaves in the audit log.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use audit::record::{
    McpInvalidHttpRequest, McpListen, McpNotification, McpRequest, McpSessionEnd, McpSessionFields,
    McpSessionStart, UserKind, UserMetadata,
};
use audit::redact::{Body, Query, Uri};
use audit::{Event, EventIndex, Headers, McpSession, Message, Outcome, Sink, Stamp, Stamper, Text};
use mcp::{Id, Notification, Raw, Request};
use parking_lot::Mutex;
use pki::UserIdentity;
use resource::App;
use serde_json::value::RawValue;

use crate::end::End;
use crate::tally::{Tallies, Tally};

/// What all sessions of an agent record with.
#[derive(Clone, Debug)]
pub(crate) struct Recording {
    pub(crate) sink: Arc<dyn Sink>,
    pub(crate) stamper: Stamper,
    pub(crate) host_id: Arc<str>,
    pub(crate) hostname: Arc<str>,
    /// Counts what is recorded of requests.
    pub(crate) tallies: Arc<Tallies>,
}

/// Records one session.
#[derive(Debug)]
pub(crate) struct Recorder {
    sink: Arc<dyn Sink>,
    stamper: Stamper,
    session: McpSession,
    index: EventIndex,
    transport: &'static str,
    remote: Option<String>,
    tally: Arc<Tally>,
    /// The start, until it is told: it has the first place, and waits for what the handshake tells.
    start: Mutex<Option<Stamp>>,
}

/// What of an HTTP request is recorded when it is not what it must be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invalid<'r> {
    pub(crate) method: &'r str,
    pub(crate) uri: &'r http::Uri,
    pub(crate) headers: &'r http::HeaderMap,
    pub(crate) body: Option<&'r [u8]>,
}

/// What the handshake told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// `name/version`
    pub(crate) client: Option<String>,
    /// `name/version`
    pub(crate) server: Option<String>,
    pub(crate) revision: Option<String>,
}

// === impl Recording ===

impl Recording {
    /// The records of a new session.
    pub(crate) fn session(
        &self,
        id: &str,
        user: &UserIdentity,
        app: &App,
        remote: Option<String>,
    ) -> io::Result<Recorder> {
        let who = UserMetadata {
            user: user.name.clone(),
            kind: match user.kind {
                pki::UserKind::Human => UserKind::Human,
                pki::UserKind::Bot => UserKind::Bot,
            },
            cluster: Some(user.cluster.clone()),
            roles: user.roles.clone(),
            traits: user.traits.clone(),
        };
        let session = McpSession::new(&McpSessionFields {
            session_id: id,
            user: &who,
            with_mfa: user.mfa.newest(),
            private_key_policy: None,
            app_name: app.name(),
            app_uri: Uri::new(&app.spec.uri),
            server_id: &self.host_id,
            server_hostname: &self.hostname,
            server_version: env!("CARGO_PKG_VERSION"),
            mcp_session_id: None,
        })?;
        let index = EventIndex::default();
        let start = Mutex::new(Some(self.stamper.stamp(index.next())));
        Ok(Recorder {
            sink: self.sink.clone(),
            stamper: self.stamper.clone(),
            session,
            index,
            transport: "stdio",
            remote,
            tally: self.tallies.of(app.name()),
            start,
        })
    }
}

// === impl Recorder ===

impl Recorder {
    /// A request, allowed or refused with these words.
    pub(crate) fn request(
        &self,
        request: &Request<'_>,
        refused: Option<&str>,
    ) -> io::Result<Event> {
        let id = request.id.to_json().to_string();
        let id: &RawValue = serde_json::from_str(&id)?;
        let params = raw_value(request.params.raw())?;
        self.tally.note(refused.is_none());
        self.event(&McpRequest {
            session: &self.session,
            message: Message::new(request.method.as_str(), Some(id), params),
            outcome: outcome(refused),
            headers: None,
        })
    }

    /// Something that was sent and refused before it could be told what it is.
    pub(crate) fn unreadable(
        &self,
        sent: &[u8],
        id: Option<&Id<'_>>,
        refused: &str,
    ) -> io::Result<Event> {
        let id = id.map(|id| serde_json::value::to_raw_value(&id.to_json())).transpose()?;
        self.tally.note(false);
        self.event(&McpRequest {
            session: &self.session,
            message: Message::unreadable(sent, id.as_deref()),
            outcome: outcome(Some(refused)),
            headers: None,
        })
    }

    /// A notification that is passed on.
    pub(crate) fn notification(&self, notification: &Notification<'_>) -> io::Result<Event> {
        let params = raw_value(notification.params.raw())?;
        self.event(&McpNotification {
            session: &self.session,
            message: Message::new(notification.method.as_str(), None, params),
            outcome: Outcome::Success,
            headers: None,
        })
    }

    /// An HTTP request, or a line, that cannot be what it claims to be.
    pub(crate) fn invalid(&self, request: Invalid<'_>, error: &str) -> io::Result<Event> {
        self.event(&McpInvalidHttpRequest {
            session: &self.session,
            path: Text::new(request.uri.path()),
            method: Text::new(request.method),
            raw_query: request.uri.query().map(Query::new),
            body: request.body.map(Body::new),
            headers: &headers(request.headers),
            error: Text::new(error),
        })
    }

    /// A stream that listens to the server was opened.
    pub(crate) fn listens(&self, sent: &http::HeaderMap) -> io::Result<Event> {
        self.event(&McpListen {
            session: &self.session,
            outcome: Outcome::Success,
            headers: Some(&headers(sent)),
        })
    }

    /// Writes an event, after the start unless the start is still to wait.
    pub(crate) async fn write(&self, event: &Event) -> io::Result<()> {
        self.sink.record(event).await
    }

    /// Tells the start, once, with what is known by now.
    pub(crate) async fn started(&self, handshake: &Handshake) -> io::Result<()> {
        let Some(stamp) = self.start.lock().take() else { return Ok(()) };
        let record = McpSessionStart {
            session: &self.session,
            remote_addr: self.remote.as_deref(),
            transport: self.transport,
            client_info: handshake.client.as_deref().map(Text::new),
            server_info: handshake.server.as_deref().map(Text::new),
            protocol_version: handshake.revision.as_deref().map(Text::new),
            egress_auth_type: None,
        };
        let event = self.stamper.event_at(stamp, &record)?;
        self.sink.record(&event).await
    }

    /// Tells the end.
    pub(crate) async fn ended(&self, end: &End) -> io::Result<()> {
        let said: Cow<'_, str> = match &end.detail {
            Some(detail) => format!("{} ({detail})", end.message).into(),
            None => end.message.as_str().into(),
        };
        let refused = (!end.is_success()).then_some(&*said);
        let record =
            McpSessionEnd { session: &self.session, outcome: outcome(refused), headers: None };
        let event = self.event(&record)?;
        self.sink.record(&event).await
    }

    fn event(&self, record: &impl audit::Record) -> io::Result<Event> {
        self.stamper.event_at(self.stamper.stamp(self.index.next()), record)
    }
}

fn headers(sent: &http::HeaderMap) -> Headers {
    Headers::new(sent.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}

fn outcome(refused: Option<&str>) -> Outcome<'_> {
    refused.map_or(Outcome::Success, |words| Outcome::Failure(Text::new(words)))
}

fn raw_value(raw: Option<Raw<'_>>) -> io::Result<Option<&RawValue>> {
    Ok(raw.map(|raw| serde_json::from_str(raw.as_str())).transpose()?)
}
