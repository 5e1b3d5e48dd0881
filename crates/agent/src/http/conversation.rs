//! A session that is spoken to by HTTP requests, whatever its server is: they become the lines of one
//! [`Session`](crate::session::Session), and what it writes is put onto their answers.

mod events;

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use api::Brought;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::BodyExt;
use mcp::framing::LineReader;
use mcp::limits::{ADDED_BYTES, MESSAGE_BYTES};
use mcp::{Era, Id, Message, Refused};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

pub(crate) use self::events::EventBody;
use super::accepts::Accepts;
use super::inlet::{Closed, Inlet, InletBody, inlet};
use super::streams::{First, Streams, Unheard};
use super::visitor::Visitor;
use crate::agent::Shared;
use crate::end::End;
use crate::evidence::Evidence;
use crate::limits::Limits;
use crate::newest::Newest;
use crate::outbox::{Outbox, OutboxBody, outbox};

/// So much may wait for a slow reader of a stream before the server is no longer read,
const ROOM: usize = 256 * 1024;
/// and for so long, before the reader is let go.
const STUCK: Duration = Duration::from_secs(10);
/// A server may read nothing for so long before requests that need not go to its session are sent to another.
/// Longer than one that reads its answers slowly holds up the others.
const CLOGGED: Duration = Duration::from_secs(12);
/// A request that takes longer is answered by a stream, which can be resumed.
const SOON: Duration = Duration::from_secs(2);
/// How often it is looked, at most, whether a session is used.
const LOOK: Duration = Duration::from_secs(30);

/// A session behind HTTP requests.
#[derive(Debug)]
pub(crate) struct Conversation {
    inlet: Inlet,
    /// Guards what goes where; held for one message.
    state: Mutex<State>,
    /// Something of a stream was read, or its reader is gone.
    read: Notify,
    closing: CancellationToken,
    idle: Duration,
    era: Era,
    /// By whose certificate it was begun.
    evidence: Evidence,
    /// What its client has for the server itself.
    brought: Newest,
}

/// Who posts or listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) visitor: &'a Arc<Visitor>,
}

#[derive(Debug)]
struct State {
    streams: Streams,
    used: Instant,
}

/// The ends of a conversation that its session and its driver hold.
#[derive(Debug)]
pub(crate) struct Ends {
    pub(crate) body: InletBody,
    pub(crate) out: Outbox,
    lines: OutboxBody,
}

/// How a post is answered.
#[derive(Debug)]
pub(crate) enum Answer {
    /// There is none.
    Accepted,
    Message(Bytes),
    Events(EventBody),
}

/// Why a post is not answered by the session.
#[derive(Debug)]
pub(crate) enum Unposted {
    Refused(Refused),
    /// Nothing of it was sent, for this reason.
    Unsent(String),
    /// The session is over, for this reason.
    Over(String),
}

/// Waits for what comes first, and leaves when nobody waits any more.
struct Waiting<'c> {
    conversation: &'c Arc<Conversation>,
    stream: u64,
    /// The session has nothing of the request yet.
    unsent: bool,
    left: bool,
}

// === impl Conversation ===

impl Conversation {
    pub(crate) fn new(
        era: Era,
        evidence: Evidence,
        brought: Newest,
        limits: &Limits,
    ) -> (Arc<Self>, Ends) {
        let (inlet, body) = inlet();
        let (out, lines) = outbox();
        let state = State { streams: Streams::new(era), used: Instant::now() };
        let conversation = Self {
            inlet,
            state: Mutex::new(state),
            read: Notify::new(),
            closing: CancellationToken::new(),
            idle: match era {
                Era::Modern => limits.held_session_idle_timeout,
                Era::Legacy => limits.session_idle_timeout,
            },
            era,
            evidence,
            brought,
        };
        (Arc::new(conversation), Ends { body, out, lines })
    }

    /// Puts what the session writes where it belongs, until it is over or nobody uses it.
    pub(crate) async fn drive(&self, mut ends: OutboxBody) {
        let mut lines = LineReader::new(MESSAGE_BYTES + ADDED_BYTES);
        let mut look = tokio::time::interval(LOOK.min(self.idle));
        let words = 'over: loop {
            tokio::select! {
                () = self.closing.cancelled() => break End::client_done().message,
                frame = ends.frame() => match frame.map(|frame| frame.map(http_body::Frame::into_data)) {
                    Some(Ok(Ok(bytes))) => {
                        lines.push(&bytes);
                        while let Some(line) = lines.next_line() {
                            match line {
                                Ok(line) => self.deliver(&line).await,
                                // Nobody can tell whose answer it was, and who waits must not wait for ever.
                                Err(error) => {
                                    break 'over format!("an answer cannot be passed on: {error}");
                                }
                            }
                        }
                    }
                    Some(Ok(Err(frame))) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            break words_of(&trailers);
                        }
                    }
                    Some(Err(_)) | None => break "the session broke off".to_owned(),
                },
                _ = look.tick() => if self.look() {
                    break "the session was not used for long; begin a new one".to_owned();
                },
            }
        };
        self.state.lock().streams.finish(&words);
    }

    async fn deliver(&self, line: &[u8]) {
        let Some(stream) = self.state.lock().streams.deliver(line) else { return };
        let room = async {
            loop {
                let read = self.read.notified();
                if self.state.lock().streams.backlog(stream) <= ROOM {
                    return;
                }
                read.await;
            }
        };
        let stuck = tokio::select! {
            room = timeout(STUCK, room) => room.is_err(),
            () = self.closing.cancelled() => false,
        };
        if stuck {
            tracing::info!("a client does not read its stream and loses it");
            self.state.lock().streams.expel(stream);
        }
    }

    /// Forgets what is old; says whether the session is not used any more.
    fn look(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state.lock();
        state.streams.forget(now);
        state.streams.is_idle() && now >= state.used + self.idle
    }

    /// Ends the session.
    pub(crate) fn close(&self) {
        self.closing.cancel();
    }

    /// Since when nobody uses it, if it is so.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.streams.is_idle().then_some(state.used)
    }

    /// Why the session is over, if it is.
    pub(crate) fn over(&self) -> Option<String> {
        self.state.lock().streams.over().map(str::to_owned)
    }

    /// What `initialize` agreed on.
    pub(crate) fn revision(&self) -> Option<mcp::Revision> {
        self.state.lock().streams.revision
    }

    /// What the client has for the server itself from now on.
    pub(crate) fn brings(&self, brought: &Brought) {
        self.brought.brings(brought);
    }

    /// Whether it was begun with the same certificate, from the same address.
    fn is_begun_by(&self, visitor: &Visitor) -> bool {
        let evidence = visitor.evidence();
        evidence.chain == self.evidence.chain && evidence.client_ip() == self.evidence.client_ip()
    }

    /// Passes on what was posted, and waits for how it is answered.
    pub(crate) async fn post(
        self: &Arc<Self>,
        text: &Bytes,
        messages: &[Message<'_>],
        accepts: Accepts,
        asker: Asker<'_>,
    ) -> Result<Answer, Unposted> {
        let posted = {
            let mut state = self.state.lock();
            state.used = Instant::now();
            if let Some(words) = state.streams.over() {
                return Err(Unposted::Unsent(words.to_owned()));
            }
            state.streams.post(text, messages, accepts).map_err(Unposted::Refused)?
        };
        let mut waiting = posted.stream.map(|stream| Waiting {
            conversation: self,
            stream,
            unsent: true,
            left: false,
        });
        self.pass_on(&posted.line).await.map_err(Unposted::Unsent)?;
        match &mut waiting {
            None => Ok(Answer::Accepted),
            Some(waiting) => {
                waiting.unsent = false;
                waiting.answer(accepts, asker).await.ok_or_else(|| Unposted::Over(self.words()))
            }
        }
    }

    /// Passes a line on once there is room. Who has a session of its own waits for that until the session ends.
    async fn pass_on(&self, line: &[u8]) -> Result<(), String> {
        let passed = self.inlet.post(line);
        let passed = match self.era {
            Era::Legacy => passed.await,
            Era::Modern => timeout(CLOGGED, passed)
                .await
                .map_err(|_elapsed| "the MCP server reads nothing of what it is sent".to_owned())?,
        };
        passed.map_err(|Closed| self.words())
    }

    /// Why the session is over.
    fn words(&self) -> String {
        self.over().unwrap_or_else(|| "the session is over".to_owned())
    }

    /// Listens to what belongs to no request, or goes on where a stream broke off.
    pub(crate) fn listen(
        self: &Arc<Self>,
        last: Option<&str>,
        asker: Asker<'_>,
    ) -> Result<EventBody, Unheard> {
        let mut state = self.state.lock();
        state.used = Instant::now();
        let (stream, reader) = state.streams.listen(last)?;
        drop(state);
        Ok(EventBody::new(self.clone(), stream, reader, asker.visitor, asker.shared))
    }

    /// A reader is gone. What is cancelled by that is told to the server.
    fn leave(&self, stream: u64, reader: u64) {
        let cancelled = {
            let mut state = self.state.lock();
            state.used = Instant::now();
            state.streams.leave(stream, reader)
        };
        self.read.notify_one();
        for id in cancelled {
            if let Err(Closed) = self.inlet.push(&cancellation(&id)) {
                return;
            }
        }
    }
}

// === impl Ends ===

impl Ends {
    /// The ends of the session, and that of the driver.
    pub(crate) fn split(self) -> (InletBody, Outbox, OutboxBody) {
        (self.body, self.out, self.lines)
    }
}

// === impl Waiting ===

impl Waiting<'_> {
    async fn answer(&mut self, accepts: Accepts, asker: Asker<'_>) -> Option<Answer> {
        let first = match timeout(SOON, self.first()).await {
            Ok(first) => first,
            Err(_elapsed) => {
                if accepts.events {
                    self.conversation.state.lock().streams.begin_events(self.stream);
                }
                self.first().await
            }
        };
        match first? {
            First::Answer(message) => Some(Answer::Message(message)),
            First::Events(reader) => {
                self.left = true;
                let (conversation, stream) = (self.conversation.clone(), self.stream);
                let Asker { visitor, shared } = asker;
                let events = EventBody::new(conversation, stream, reader, visitor, shared);
                Some(Answer::Events(events))
            }
        }
    }

    async fn first(&self) -> Option<First> {
        std::future::poll_fn(|cx| -> Poll<Option<First>> {
            self.conversation.state.lock().streams.poll_first(self.stream, cx)
        })
        .await
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.unsent {
            self.conversation.state.lock().streams.withdraw(self.stream);
        } else if !self.left {
            self.conversation.leave(self.stream, 0);
        }
    }
}

fn cancellation(id: &Id<'_>) -> Vec<u8> {
    let params = serde_json::json!({"requestId": id.to_json()});
    mcp::error::notification(mcp::method::name::CANCELLED, params)
}

/// Why a session ended, in words.
fn words_of(trailers: &HeaderMap) -> String {
    let words = trailers.get(tunnel::END_MESSAGE).and_then(|value| value.to_str().ok());
    words.map_or_else(|| "the session is over".to_owned(), api::unescape)
}
