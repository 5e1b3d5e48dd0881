//! One exchange of requests and answers by HTTP, in each of the dialects.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use mcp::error::{self, code};
use mcp::framing::LineError;
use mcp::limits::{Limits, MESSAGE_BYTES};
use mcp::message::Message;
use mcp::{Era, Id, Revision, framing, header};
use parking_lot::Mutex;
use serde::Deserialize;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use url::Url;

use super::answer::{Kind, Refusal};
use super::outline::Outline;
use super::pipe::Pipe;
use super::stream::{Events, LONGEST_PAUSE, Place};
use super::{Dialect, Line};
use crate::dial::{DialError, Leave};
use crate::served::Speech;

/// How long a server may go on with a stream after the answer that it was for.
const LINGER: Duration = Duration::from_secs(5);
/// How often in a row a stream that broke is asked for without its saying anything.
const RESUMES: u32 = 8;
/// How long it may take to end a session.
const DELETE_TIMEOUT: Duration = Duration::from_secs(3);

const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");
pub(super) const EVENTS: HeaderValue = HeaderValue::from_static(mcp::sse::CONTENT_TYPE);
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What all exchanges of a conversation share.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) line: Line,
    pub(super) pipe: Arc<Pipe>,
    /// Guards what the server said of the session; held for a copy.
    pub(super) session: Mutex<Session>,
    /// What others wait for has been said.
    pub(super) unblocked: Notify,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    id: Option<HeaderValue>,
    revision: Option<HeaderValue>,
    /// Where messages are posted, if not at the app's address.
    pub(super) endpoint: Option<Url>,
}

/// A message on its way.
#[derive(Debug)]
pub(super) struct Posted {
    pub(super) text: Bytes,
    pub(super) outline: Outline,
}

/// What came of an exchange, beside what the session was given.
#[derive(Debug)]
pub(super) enum Done {
    Fine,
    /// The handshake is over.
    Ready,
    /// The server has forgotten the session, and refused this message.
    Lost(Option<Bytes>),
    /// It may be a server of the first revision. If not, that is what to say.
    Older(Posted, Refusal),
    /// It is, and this is its stream.
    Opened(Events),
    Over(String),
}

/// Why there is no stream.
pub(super) enum NoStream {
    /// The server has none.
    None,
    Lost,
    Later,
}

#[derive(Deserialize)]
struct Begun {
    result: Agreed,
}

#[derive(Deserialize)]
struct Agreed {
    #[serde(rename = "protocolVersion")]
    revision: String,
}

// === impl Wire ===

impl Wire {
    pub(super) fn new(line: Line, pipe: Arc<Pipe>) -> Self {
        Self { line, pipe, session: Mutex::default(), unblocked: Notify::new() }
    }

    pub(super) fn outline(&self, text: &[u8]) -> Outline {
        Outline::of(text, &self.line.target)
    }

    /// Posts a message and hands on what is answered.
    pub(super) async fn post(self: Arc<Self>, dialect: Dialect, posted: Posted) -> Done {
        if posted.outline.is_set_level {
            self.line.logs.want();
        }
        let heard = self.line.logs.heard();
        let session = self.session.lock().clone();
        let request = request_for(dialect, &posted, &session);
        let endpoint = session.endpoint.as_ref().filter(|_| dialect == Dialect::Sse);
        let url = endpoint.unwrap_or(self.line.dialler.url());
        let sent = self
            .line
            .dialler
            .send_to(Leave::Permitted, url, self.line.fit(request), &self.line.caller)
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => {
                self.unreachable(&posted.outline, &error).await;
                return Done::Fine;
            }
        };
        let is_lost = response.status() == StatusCode::NOT_FOUND && session.id.is_some();
        if is_lost && dialect == Dialect::Legacy {
            return Done::Lost(Some(posted.text));
        }
        if !response.status().is_success() {
            return self.refused(dialect, posted, Refusal::read(response).await).await;
        }
        self.accepted(dialect, &posted.outline, response, heard).await;
        if posted.outline.is_initialized { Done::Ready } else { Done::Fine }
    }

    async fn unreachable(&self, outline: &Outline, error: &DialError) {
        let words = error.to_string();
        self.pipe.note_fault();
        self.line.faults.note(&words, None);
        if let Some(id) = &outline.id {
            self.fail(id, &words).await;
        }
    }

    /// Answers a request in the place of the server.
    async fn fail(&self, id: &Id<'_>, words: &str) {
        let answer = error::response(Some(id), code::INTERNAL_ERROR, words, None);
        self.pipe.give(None, Ok(answer.into())).await;
    }

    async fn refused(&self, dialect: Dialect, posted: Posted, refusal: Refusal) -> Done {
        let may_be_older = matches!(
            refusal.status,
            StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        );
        let begins = posted.outline.is_initialize && dialect == Dialect::Legacy;
        if may_be_older && begins && !refusal.is_of_the_protocol() {
            return Done::Older(posted, refusal);
        }
        if dialect == Dialect::Sse
            && matches!(refusal.status, StatusCode::NOT_FOUND | StatusCode::GONE)
        {
            return Done::Over("the MCP server no longer knows the session".to_owned());
        }
        self.tell_refusal(posted.outline.id.as_ref(), &refusal).await;
        Done::Fine
    }

    pub(super) async fn tell_refusal(&self, id: Option<&Id<'_>>, refusal: &Refusal) {
        let is_fault = refusal.status.is_server_error()
            || matches!(refusal.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            || !refusal.is_of_the_protocol();
        if is_fault {
            self.line.faults.note(&refusal.to_string(), Some(refusal.status));
        }
        if refusal.says_nothing() {
            self.pipe.note_fault();
        }
        match id {
            Some(id) => self.pipe.give(None, Ok(refusal.line(id))).await,
            None => tracing::debug!(status = %refusal.status, "a server refused a notification"),
        }
    }

    /// `heard` is what was logged until the request was sent.
    async fn accepted(
        &self,
        dialect: Dialect,
        outline: &Outline,
        response: Response<Body>,
        heard: u64,
    ) {
        if outline.is_initialize {
            let id = response.headers().get(header::SESSION_ID).cloned();
            self.session.lock().id = id.filter(|_| dialect == Dialect::Legacy);
        }
        // In the first revision answers come on the stream.
        let Some(id) = outline.id.as_ref().filter(|_| dialect != Dialect::Sse) else { return };
        match Kind::of(&response) {
            Kind::Json => self.json(id, outline, response.into_body(), heard).await,
            Kind::Events => {
                let events = Events::new(response.into_body(), Place::default());
                self.events(dialect, id, outline, events, heard).await;
            }
            Kind::Nothing => self.fail(id, "the MCP server answered nothing").await,
            Kind::Other => {
                let words = "the MCP server answered something that is not of the protocol";
                self.line.faults.note(words, None);
                self.fail(id, words).await;
            }
        }
    }

    async fn json(&self, id: &Id<'_>, outline: &Outline, body: Body, heard: u64) {
        let time = self.line.dialler.answer_timeout();
        match timeout(time, api::collect(body, MESSAGE_BYTES)).await {
            Ok(Ok(whole)) => {
                self.line.logs.hear_first(heard).await;
                if Self::is_modern(outline) {
                    self.line.target.learn_headers(&whole);
                }
                self.hand_on(outline, &whole).await;
            }
            Ok(Err(_too_long_or_broken)) => {
                let words = "the MCP server's answer broke off, or is too long";
                self.fail(id, words).await;
            }
            Err(_elapsed) => {
                let seconds = time.as_secs();
                let words = format!("the MCP server's answer took longer than {seconds} seconds");
                self.fail(id, &words).await;
            }
        }
    }

    /// Hands on events until the answer has come and the stream has ended. A stream that breaks
    /// before its answer is taken up again, if that can be done.
    async fn events(
        &self,
        dialect: Dialect,
        id: &Id<'_>,
        outline: &Outline,
        mut events: Events,
        logged: u64,
    ) {
        let mut silent = 0;
        loop {
            let (answered, heard) = self.read_events(id, outline, &mut events, logged).await;
            if answered {
                return;
            }
            silent = if heard { 0 } else { silent + 1 };
            let mut place = events.place.clone();
            if dialect != Dialect::Legacy || place.id.is_none() || silent > RESUMES {
                return self.fail(id, "the MCP server broke off before it had answered").await;
            }
            loop {
                sleep(place.pause()).await;
                match self.stream(&place).await {
                    Ok(next) => break events = next,
                    Err(NoStream::Later) if silent < RESUMES => silent += 1,
                    Err(_) => {
                        let words =
                            "the MCP server broke off, and does not take its answer up again";
                        return self.fail(id, words).await;
                    }
                }
                place.retry_later();
            }
        }
    }

    /// Reads a stream to its end. Says whether the answer came, and whether anything did.
    async fn read_events(
        &self,
        id: &Id<'_>,
        outline: &Outline,
        events: &mut Events,
        logged: u64,
    ) -> (bool, bool) {
        let (mut ends, mut heard) = (None, false);
        loop {
            let next = match ends {
                None => events.next().await,
                // A server that does not end its stream after the answer is not waited for.
                Some(at) => timeout_at(at, events.next()).await.unwrap_or(None),
            };
            match next {
                None => return (ends.is_some(), heard),
                Some(Err(too_long)) => self.pipe.give(None, Err(too_long)).await,
                Some(Ok(event)) => {
                    let answered = ends.is_none() && answers(&event.data, id);
                    if answered {
                        // What was told on this stream has come before.
                        if !heard {
                            self.line.logs.hear_first(logged).await;
                        }
                        if Self::is_modern(outline) {
                            self.line.target.learn_headers(&event.data);
                        }
                    }
                    heard = true;
                    self.hand_on(outline, &event.data).await;
                    if answered {
                        ends = Some(Instant::now() + LINGER);
                        if outline.is_initialize {
                            self.unblocked.notify_one();
                        }
                    }
                }
            }
        }
    }

    /// Only modern requests name what they are in headers.
    fn is_modern(outline: &Outline) -> bool {
        outline.era == Some(Era::Modern)
    }

    pub(super) async fn hand_on(&self, outline: &Outline, text: &[u8]) {
        if text.len() > MESSAGE_BYTES {
            let error = LineError::TooLong { limit: MESSAGE_BYTES };
            return match mcp::message::answered_id(text) {
                Some(id) => {
                    let words = format!("the MCP server's answer cannot be passed on: {error}");
                    self.fail(&id, &words).await;
                }
                None => self.pipe.give(None, Err(error)).await,
            };
        }
        if outline.is_initialize
            && let Ok(Begun { result }) = serde_json::from_slice(text)
            && Revision::parse(&result.revision).is_some()
        {
            self.session.lock().revision = HeaderValue::from_str(&result.revision).ok();
        }
        let line = match framing::line(text) {
            std::borrow::Cow::Borrowed(line) => Bytes::copy_from_slice(line),
            std::borrow::Cow::Owned(line) => line.into(),
        };
        self.pipe.give(outline.id.as_ref(), Ok(line)).await;
    }

    /// Asks for a stream, or for one to go on.
    pub(super) async fn stream(&self, place: &Place) -> Result<Events, NoStream> {
        let session = self.session.lock().clone();
        let mut request = Request::new(api::empty());
        *request.method_mut() = Method::GET;
        request.headers_mut().insert(ACCEPT, EVENTS);
        session.name(&mut request);
        if let Some(last) = &place.id {
            let value = HeaderValue::from_bytes(last.as_bytes()).map_err(|_e| NoStream::None)?;
            request.headers_mut().insert(HeaderName::from_static(header::LAST_EVENT_ID), value);
        }
        let dialler = &self.line.dialler;
        let response =
            dialler.send(Leave::Housekeeping, self.line.fit(request), &self.line.caller).await;
        let response = response.map_err(|_unreachable| NoStream::Later)?;
        match response.status() {
            StatusCode::OK if Kind::of(&response) == Kind::Events => {
                Ok(Events::new(response.into_body(), place.clone()))
            }
            StatusCode::NOT_FOUND if session.id.is_some() => Err(NoStream::Lost),
            status if status.is_server_error() => Err(NoStream::Later),
            StatusCode::TOO_MANY_REQUESTS => Err(NoStream::Later),
            _ => Err(NoStream::None),
        }
    }

    /// Answers requests that nobody else will.
    pub(super) async fn give_up(
        self: Arc<Self>,
        ids: Vec<Id<'static>>,
        words: &'static str,
    ) -> Done {
        for id in ids {
            self.fail(&id, words).await;
        }
        Done::Fine
    }

    /// Says whatever has to be said of a failure that concerns all.
    pub(super) fn note(&self, words: &str) {
        self.pipe.note_fault();
        self.line.faults.note(words, None);
    }

    /// What is spoken was found out.
    pub(super) fn learn(&self, speech: Speech) {
        self.line.target.learn(Some(speech));
    }

    /// It may not be what is spoken any more.
    pub(super) fn forget_speech(&self) {
        if self.line.target.speech() == Some(Speech::Sse) {
            self.line.target.learn(None);
        }
    }

    /// Nothing is known of the server's session any more.
    pub(super) fn forget(&self) {
        *self.session.lock() = Session::default();
    }

    /// Ends the session at the server.
    pub(super) async fn goodbye(&self) {
        let session = std::mem::take(&mut *self.session.lock());
        if session.id.is_none() {
            return;
        }
        let mut request = Request::new(api::empty());
        *request.method_mut() = Method::DELETE;
        session.name(&mut request);
        let sent =
            self.line.dialler.send(Leave::Housekeeping, self.line.fit(request), &self.line.caller);
        // Servers may keep their sessions to themselves.
        _ = timeout(DELETE_TIMEOUT, sent).await;
    }
}

/// The request that posts a message.
fn request_for(dialect: Dialect, posted: &Posted, session: &Session) -> Request<Body> {
    let mut request = Request::new(api::full(posted.text.clone()));
    *request.method_mut() = Method::POST;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(ACCEPT, BOTH);
    match dialect {
        Dialect::Sse => {}
        Dialect::Legacy if posted.outline.is_initialize => {}
        Dialect::Legacy => session.name(&mut request),
        Dialect::Modern => {
            for (name, value) in &posted.outline.headers {
                let name = HeaderName::from_bytes(name.as_bytes());
                if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                    headers.insert(name, value);
                }
            }
        }
    }
    request
}

pub(super) fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(LONGEST_PAUSE)
}

fn answers(text: &[u8], id: &Id<'_>) -> bool {
    let Ok(message) = Message::parse(text, &Limits::SERVER) else { return false };
    matches!(&message.body, mcp::Body::Response(response) if response.id.as_ref() == Some(id))
}

// === impl Session ===

impl Session {
    /// Says in a request which session it belongs to.
    fn name<B>(&self, request: &mut Request<B>) {
        let headers = request.headers_mut();
        if let Some(id) = &self.id {
            headers.insert(HeaderName::from_static(header::SESSION_ID), id.clone());
        }
        if let Some(revision) = &self.revision {
            headers.insert(HeaderName::from_static(header::PROTOCOL_VERSION), revision.clone());
        }
    }
}
