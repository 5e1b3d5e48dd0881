//! A stream of the server's events, as the client may have them.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use api::{Body, BoxError};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::Method;
use mcp::error::{self, code};
use mcp::limits::{Limits, MESSAGE_BYTES};
use mcp::method::name;
use mcp::sse::{Decoder, Frame, OVERHEAD_BYTES, SseError};
use mcp::{Era, Id, Message};

use super::request::own_headers;
use super::watch::{Read, Watched};
use crate::dial::Leave;
use crate::end::{End, Reason};
use crate::http::passage::{Passage, Reading};
use crate::http::visitor::Visitor;
use crate::relay::FromServer;

/// The name of events that are messages.
const MESSAGE: &str = "message";

/// What a client reads.
pub(super) struct Events {
    passage: Arc<Passage>,
    _reading: Reading,
    server: Watched,
    decoder: Decoder,
    waits: Waits,
    /// Whether it may end without an answer: it can be taken up again where it broke off (the legacy era, and the
    /// server has said where), or it is a subscription.
    may_end: bool,
    queue: VecDeque<Bytes>,
    /// The record of the beginning, and what comes after it.
    begun: Option<(BoxFuture<'static, io::Result<()>>, Bytes)>,
    done: bool,
}

/// What a client waits for on a stream.
#[derive(Clone, Debug)]
pub(super) enum Waits {
    /// Answers to these requests.
    Answers(Vec<Id<'static>>),
    /// What belongs to no request.
    Nothing,
    /// What it lost.
    Again,
}

// === impl Events ===

impl Events {
    /// `answers` are our own, to what the server was not asked.
    pub(super) fn new(
        passage: Arc<Passage>,
        opener: Arc<Visitor>,
        body: Body,
        waits: Waits,
        answers: &[Vec<u8>],
    ) -> Self {
        let own = |answer: &Vec<u8>| mcp::sse::encode(answer, Some(MESSAGE), None);
        Self {
            _reading: passage.reading(),
            server: Watched::new(passage.clone(), opener, body),
            decoder: Decoder::new(MESSAGE_BYTES + OVERHEAD_BYTES),
            waits,
            may_end: false,
            queue: answers.iter().map(own).collect(),
            begun: None,
            done: false,
            passage,
        }
    }

    /// What the server sent becomes what the client gets.
    fn frame(&mut self, frame: &Frame) {
        let id = frame.event.as_ref().and_then(|event| event.id.as_deref());
        if let Some(id) = id {
            self.may_end = !id.is_empty() && self.passage.era == Era::Legacy;
        }
        let data = frame.event.as_ref().map(|event| &event.data).filter(|data| !data.is_empty());
        let Some(data) = data else {
            // It keeps the connection alive, or says where the stream can be resumed.
            self.queue.push_back(frame.clean());
            return;
        };
        let access = match self.passage.access() {
            Ok(access) => access,
            Err(refusal) => return self.server.cut(refusal.into()),
        };
        let limits = Limits { bytes: MESSAGE_BYTES, ..Limits::SERVER };
        let parsed = self.passage.relay.lock().read(data, &limits);
        let messages = match parsed {
            Ok(messages) => messages,
            Err(refused) => {
                if let Some(answer) = self.passage.relay.lock().unreadable(data, &refused) {
                    self.queue.push_back(frame.with_data(&answer));
                }
                return;
            }
        };
        let batch = data.trim_ascii_start().first() == Some(&b'[');
        let (mut texts, mut begun) = (Vec::new(), false);
        for message in &messages {
            let released = {
                let mut relay = self.passage.relay.lock();
                if relay.lists_tools(message) {
                    self.passage.target.listed_tools(message);
                }
                match self.waits {
                    Waits::Again => relay.again(message, &access),
                    Waits::Answers(_) | Waits::Nothing => relay.server(message, &access),
                }
            };
            match released {
                FromServer::Pass(text) => texts.push(text),
                FromServer::Begun(text) => {
                    begun = true;
                    texts.push(text);
                }
                FromServer::Answer(answer) => self.answer_server(answer),
                FromServer::Drop => {}
            }
            self.note(message);
        }
        let untouched = texts.len() == messages.len()
            && texts.iter().all(|text| matches!(text, Cow::Borrowed(_)));
        let bytes = match texts.as_slice() {
            [] => return,
            _ if untouched => frame.clean(),
            [one] if !batch => frame.with_data(one),
            several => frame.with_data(&[b"[".as_slice(), &several.join(&b','), b"]"].concat()),
        };
        if begun {
            let visitor = self.passage.visitor.clone();
            let handshake = self.passage.relay.lock().handshake().clone();
            let record = async move { visitor.recorder.started(&handshake).await };
            self.begun = Some((Box::pin(record), bytes));
        } else {
            self.queue.push_back(bytes);
        }
    }

    /// An answer that came is not waited for any more.
    fn note(&mut self, message: &Message<'_>) {
        if let mcp::Body::Notification(notification) = &message.body
            && notification.method.as_str() == name::SUBSCRIPTIONS_ACKNOWLEDGED
        {
            self.may_end = true;
        }
        if let (Waits::Answers(ids), mcp::Body::Response(response)) =
            (&mut self.waits, &message.body)
        {
            ids.retain(|id| response.id.as_ref() != Some(id));
        }
    }

    /// The server's request is answered by us.
    fn answer_server(&self, answer: Vec<u8>) {
        let Ok(place) = self.passage.answers.clone().try_acquire_owned() else {
            let words = "the MCP server asks faster than it takes the answers";
            return self.server.cut(End::limit(words));
        };
        let passage = self.passage.clone();
        self.passage.shared.tasks.spawn_until_cancelled("agent.http.answer", async move {
            let (headers, body) = (own_headers(), api::full(answer));
            let said = (&headers, passage.brought());
            let visitor = &passage.visitor;
            let sent = passage.send(visitor, Leave::Housekeeping, Method::POST, said, body).await;
            drop(place);
            if let Err(unanswered) = sent {
                tracing::debug!(reason = unanswered.words(), "a server's request stays unanswered");
            }
        });
    }

    /// A frame that cannot be read. Nobody can tell what it was, unless only one answer is due.
    fn unreadable(&mut self, error: SseError) {
        let words = format!("the MCP server's answer cannot be passed on: {error}");
        match error {
            // The connection broke within an event; the client sees that it did.
            SseError::Unfinished { .. } => {}
            SseError::TooLong { .. } => self.server.cut(End::limit(words)),
        }
    }

    /// Ends the stream and says why.
    fn end(&mut self, end: &End) {
        self.done = true;
        let words = end.message.as_str();
        if let Waits::Answers(ids) = &mut self.waits {
            for id in ids.drain(..) {
                if self.passage.relay.lock().give_up(&id) {
                    let answer = error::response(Some(&id), code::INTERNAL_ERROR, words, None);
                    self.queue.push_back(mcp::sse::encode(&answer, Some(MESSAGE), None));
                }
            }
        } else {
            let params = serde_json::json!({"level": "error", "logger": "tessera", "data": words});
            let told = error::notification(name::MESSAGE, params);
            self.queue.push_back(mcp::sse::encode(&told, Some(MESSAGE), None));
        }
    }

    /// The server's stream has ended. What it has not answered then, nobody will, unless it is taken up again.
    fn broke_off(&mut self) {
        let is_due = matches!(&self.waits, Waits::Answers(ids) if !ids.is_empty());
        if is_due && !self.may_end {
            let words = "the MCP server broke off before it had answered";
            self.end(&End::new(Reason::ServerEnded, words));
        }
        self.done = true;
    }

    fn poll_begun(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((record, _)) = &mut self.begun else { return Poll::Ready(()) };
        let recorded = ready!(record.as_mut().poll(cx));
        match (recorded, self.begun.take()) {
            (Ok(()), Some((_, bytes))) => self.queue.push_back(bytes),
            _ => self.server.cut(End::not_recorded()),
        }
        Poll::Ready(())
    }

    /// Reads on; ready when something has changed.
    fn poll_server(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match ready!(self.server.poll(cx)) {
            Read::Cut(end) => self.end(&end),
            Read::Frame(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    self.decoder.push(&bytes);
                }
            }
            Read::Frame(Some(Err(_)) | None) => {
                if let Some(Ok(frame)) = self.decoder.finish() {
                    self.frame(&frame);
                }
                self.broke_off();
            }
        }
        Poll::Ready(())
    }
}

/// Whoever goes away before the answers came may come back for them.
impl Drop for Events {
    fn drop(&mut self) {
        if let Waits::Answers(ids) = &self.waits {
            self.passage.relay.lock().leave(ids);
        }
    }
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        loop {
            ready!(this.poll_begun(cx));
            if let Some(bytes) = this.queue.pop_front() {
                return Poll::Ready(Some(Ok(http_body::Frame::data(bytes))));
            }
            if this.done {
                return Poll::Ready(None);
            }
            // Before what was read: a server that always has more to say must not keep it going.
            if let Some(end) = this.server.end() {
                this.end(&end);
                continue;
            }
            match this.decoder.next() {
                Some(Ok(frame)) => {
                    this.frame(&frame);
                    continue;
                }
                Some(Err(error)) => {
                    this.unreadable(error);
                    continue;
                }
                None => {}
            }
            ready!(this.poll_server(cx));
        }
    }
}
