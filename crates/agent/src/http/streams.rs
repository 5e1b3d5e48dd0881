//! Which message of a session goes to which of a client's requests. No I/O.
//!
//! A session is one conversation; over HTTP it is many streams. An answer goes where its request came from,
//! progress where its token came from, and what belongs to no request to the newest request that waits, or
//! else to the stream that listens (GET). Each message goes to one of them only.

mod stream;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mcp::alias::{self, Place};
use mcp::error::{self, code};
use mcp::limits::Limits;
use mcp::method::name;
use mcp::session::CANCELLED_REQUESTS;
use mcp::{Body, Era, Id, Message, Method, Notification, Outcome, Raw, Refused, Request, Revision};
use tokio::time::Instant;

pub(crate) use self::stream::First;
use self::stream::Stream;
use super::accepts::Accepts;

/// The stream of what belongs to no request.
pub(crate) const GENERAL: u64 = 0;
/// For so long a stream can be resumed after its end,
const REPLAY_TIME: Duration = Duration::from_secs(60);
/// and so many of them.
const REPLAY_STREAMS: usize = 16;

/// The streams of one session.
#[derive(Debug)]
pub(crate) struct Streams {
    era: Era,
    /// The client's requests that are not answered.
    open: HashMap<Id<'static>, Open>,
    tokens: HashMap<Id<'static>, u64>,
    /// Those that were taken back, oldest first, and their streams; some have been answered since.
    cancelled: VecDeque<(Id<'static>, u64)>,
    streams: BTreeMap<u64, Stream>,
    next: u64,
    /// What `initialize` agreed on.
    pub(crate) revision: Option<Revision>,
    /// Why no more will come.
    over: Option<String>,
}

/// An open request.
#[derive(Debug)]
struct Open {
    stream: u64,
    token: Option<Id<'static>>,
    begins: bool,
    /// What the client calls it, where the session knows it by another name.
    names: Option<Names>,
}

/// As JSON.
#[derive(Debug, Clone)]
struct Names {
    id: String,
    token: Option<String>,
}

/// What becomes of a post.
#[derive(Debug)]
pub(crate) struct Posted {
    /// What the session is to read.
    pub(crate) line: Bytes,
    /// Where the answers come; nothing when there will be none.
    pub(crate) stream: Option<u64>,
}

/// Why a stream cannot be listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// Somebody does already.
    Taken,
    /// Nobody knows any more what came after this event.
    Unknown,
}

// === impl Streams ===

impl Streams {
    pub(crate) fn new(era: Era) -> Self {
        let mut streams = BTreeMap::new();
        if era == Era::Legacy {
            streams.insert(GENERAL, Stream::general(GENERAL));
        }
        Self {
            era,
            open: HashMap::new(),
            tokens: HashMap::new(),
            cancelled: VecDeque::new(),
            streams,
            next: GENERAL + 1,
            revision: None,
            over: None,
        }
    }

    /// Notes the requests of a post.
    pub(crate) fn post(
        &mut self,
        text: &Bytes,
        messages: &[Message<'_>],
        accepts: Accepts,
    ) -> Result<Posted, Refused> {
        let requests = || {
            messages.iter().filter_map(|message| match &message.body {
                Body::Request(request) => Some(request),
                _ => None,
            })
        };
        let due = requests().count();
        if self.era == Era::Legacy {
            messages.iter().for_each(|message| self.take_back(&message.body));
        }
        if due == 0 {
            return Ok(Posted { line: text.clone(), stream: None });
        }
        if self.streams.len() > 2 * REPLAY_STREAMS {
            self.forget(Instant::now());
        }
        let number = self.next;
        self.next += 1;
        let mut stream = Stream::post(number, due, messages.len() == 1, accepts);
        let mut line = text.clone();
        if self.era == Era::Modern {
            stream = stream.not_resumable();
            if let Some(request) = requests().next() {
                stream.listens = matches!(request.method, Method::Listen);
                line = self.rename(request, messages.first(), number)?;
            }
        } else {
            if requests().any(|request| self.open.contains_key(&request.id)) {
                let first = requests().find(|request| self.open.contains_key(&request.id));
                let id = first.map(|request| request.id.to_static());
                return Err(Refused { reason: mcp::Reason::IdInUse, id });
            }
            for request in requests() {
                let token = token_of(request);
                if let Some(token) = &token {
                    self.tokens.insert(token.clone(), number);
                }
                let begins = request.method == Method::Initialize;
                let open = Open { stream: number, token, begins, names: None };
                self.open.insert(request.id.to_static(), open);
            }
        }
        self.streams.insert(number, stream);
        Ok(Posted { line, stream: Some(number) })
    }

    /// What was taken back need not be answered, and would be waited for without end. It may be answered all
    /// the same: the newest are remembered, as many as in [`mcp::session::Pending`].
    fn take_back(&mut self, body: &Body<'_>) {
        let Body::Notification(notification) = body else { return };
        if notification.method.as_str() != name::CANCELLED {
            return;
        }
        let Ok(id) = mcp::request::cancelled(&notification.params) else { return };
        let id = id.to_static();
        let Some(stream) = self.open.get(&id).map(|open| open.stream) else { return };
        self.cancelled.push_back((id, stream));
        if self.cancelled.len() > CANCELLED_REQUESTS
            && let Some((id, number)) = self.cancelled.pop_front()
            && self.open.get(&id).is_some_and(|open| open.stream == number)
        {
            if let Some(token) = self.open.remove(&id).and_then(|open| open.token) {
                self.tokens.remove(&token);
            }
            let Some(stream) = self.streams.get_mut(&number) else { return };
            stream.give_up_one();
            if stream.is_forgotten() {
                self.streams.remove(&number);
            }
        }
    }

    /// Many clients share a session in the modern era: the number of its stream is the name of a request.
    fn rename(
        &mut self,
        request: &Request<'_>,
        message: Option<&Message<'_>>,
        number: u64,
    ) -> Result<Bytes, Refused> {
        let text = message.map_or("", |message| message.text);
        let mut names = Names { id: request.id.to_string(), token: None };
        let line = alias::rewrite(text, &mut |place, raw| match place {
            Place::Id => Some(number.to_string()),
            Place::Token => {
                names.token = Some(raw.as_str().to_owned());
                Some(number.to_string())
            }
            Place::Subscription | Place::Cancelled => None,
        })
        .map_err(|reason| reason.under(&request.id))?;
        let id = Id::Number(i64::try_from(number).unwrap_or(i64::MAX));
        let token = names.token.is_some().then(|| id.clone());
        if let Some(token) = &token {
            self.tokens.insert(token.clone(), number);
        }
        let open = Open { stream: number, token, begins: false, names: Some(names) };
        self.open.insert(id, open);
        Ok(line.into())
    }

    /// Puts a message of the session where it belongs. Gives the stream.
    pub(crate) fn deliver(&mut self, line: &[u8]) -> Option<u64> {
        let message = match Message::parse(line, &Limits::SERVER) {
            Ok(message) => message,
            Err(refused) => {
                tracing::warn!(%refused, "a session's line is no message");
                let id = mcp::message::answered_id(line)?;
                let words = format!("the answer cannot be passed on: {}", refused.reason);
                let answer = error::response(Some(&id), code::INTERNAL_ERROR, &words, None);
                return self.answer(&id, &String::from_utf8_lossy(&answer));
            }
        };
        match &message.body {
            Body::Response(response) => {
                let id = response.id.as_ref()?;
                if self.open.get(id).is_some_and(|open| open.begins)
                    && let Outcome::Result(answer) = &response.outcome
                {
                    self.revision = agreed(answer.raw());
                }
                self.answer(id, message.text)
            }
            Body::Request(_) => self.aside(None, message.text),
            Body::Notification(notification) => {
                let number = self.place_of(notification);
                self.aside(number, message.text)
            }
        }
    }

    fn answer(&mut self, id: &Id<'_>, text: &str) -> Option<u64> {
        let restored = self.restored(text);
        let open = self.open.remove(&id.to_static())?;
        if let Some(token) = &open.token {
            self.tokens.remove(token);
        }
        let stream = self.streams.get_mut(&open.stream)?;
        stream.answer(restored.as_deref().unwrap_or(text).as_bytes());
        if stream.is_forgotten() {
            self.streams.remove(&open.stream);
        }
        Some(open.stream)
    }

    fn aside(&mut self, number: Option<u64>, text: &str) -> Option<u64> {
        let able = |number: &u64| self.streams.get(number).is_some_and(Stream::takes_asides);
        let number = number.filter(able).or_else(|| self.newest()).unwrap_or(GENERAL);
        let restored = self.restored(text);
        let stream = self.streams.get_mut(&number)?;
        stream.aside(restored.as_deref().unwrap_or(text).as_bytes());
        Some(number)
    }

    /// The request that a notification belongs to.
    fn place_of(&self, notification: &Notification<'_>) -> Option<u64> {
        let params = &notification.params;
        let id = |raw: Option<Raw<'_>>| Id::read(raw?).ok().map(|id| id.to_static());
        if notification.method.as_str() == name::PROGRESS {
            return self.tokens.get(&id(params.progress_token())?).copied();
        }
        if self.era == Era::Legacy {
            return None;
        }
        let named = match notification.method.as_str() {
            name::CANCELLED => params.request_id(),
            _ => params.meta().ok().flatten().and_then(|meta| meta.subscription_id),
        };
        self.open.get(&id(named)?).map(|open| open.stream)
    }

    /// The newest request that waits for its answer and can take other messages before it.
    fn newest(&self) -> Option<u64> {
        let able = |(number, stream): &(&u64, &Stream)| {
            **number != GENERAL && stream.due > 0 && !stream.listens && stream.takes_asides()
        };
        self.streams.iter().rev().find(able).map(|(number, _)| *number)
    }

    /// The message with the names that the client gave, if they are others.
    fn restored(&self, text: &str) -> Option<String> {
        if self.era == Era::Legacy {
            return None;
        }
        let names =
            |raw: Raw<'_>| self.open.get(&Id::read(raw).ok()?.to_static())?.names.as_ref().cloned();
        alias::rewrite(text, &mut |place, raw| match place {
            Place::Id | Place::Subscription | Place::Cancelled => Some(names(raw)?.id),
            Place::Token => names(raw)?.token,
        })
        .ok()
    }

    /// How much waits in the stream for somebody who reads it.
    pub(crate) fn backlog(&self, number: u64) -> usize {
        self.streams.get(&number).map_or(0, Stream::backlog)
    }

    /// Whoever reads it is too slow.
    pub(crate) fn expel(&mut self, number: u64) {
        if let Some(stream) = self.streams.get_mut(&number) {
            stream.expel();
        }
    }

    /// What comes first for a post.
    pub(crate) fn poll_first(&mut self, number: u64, cx: &Context<'_>) -> Poll<Option<First>> {
        match self.streams.get_mut(&number) {
            Some(stream) => stream.poll_first(cx).map(Some),
            None => Poll::Ready(None),
        }
    }

    /// It took long: a post that can be answered by events is, from now on.
    pub(crate) fn begin_events(&mut self, number: u64) {
        let primes = self.revision.is_some_and(|revision| revision >= Revision::V2025_11_25);
        if let Some(stream) = self.streams.get_mut(&number).filter(|stream| stream.accepts.events) {
            stream.begin_events(primes);
        }
    }

    /// Reads a stream on.
    pub(crate) fn poll_next(
        &mut self,
        number: u64,
        reader: u64,
        cx: &Context<'_>,
    ) -> Poll<Option<Bytes>> {
        match self.streams.get_mut(&number) {
            Some(stream) => stream.poll_next(reader, cx),
            None => Poll::Ready(None),
        }
    }

    /// Forgets the stream of requests that were never sent: whoever asked is gone, and their ids are free again.
    pub(crate) fn withdraw(&mut self, number: u64) {
        self.open.retain(|_, open| open.stream != number);
        self.tokens.retain(|_, stream| *stream != number);
        self.streams.remove(&number);
    }

    /// A reader is gone. Gives the requests that are cancelled by that: in the modern era, all that were
    /// asked on the stream.
    pub(crate) fn leave(&mut self, number: u64, reader: u64) -> Vec<Id<'static>> {
        let Some(stream) = self.streams.get_mut(&number) else { return Vec::new() };
        stream.leave(reader);
        let mut cancelled = Vec::new();
        if self.era == Era::Modern && !stream.is_read() {
            let of_stream =
                |(id, open): (&Id<'static>, &Open)| (open.stream == number).then(|| id.clone());
            cancelled = self.open.iter().filter_map(of_stream).collect();
            for id in &cancelled {
                self.open.remove(id);
            }
            self.tokens.retain(|_, stream| *stream != number);
            self.streams.remove(&number);
        } else if stream.is_forgotten() {
            self.streams.remove(&number);
        }
        cancelled
    }

    /// What the reader of a stream is told who must not go on: in the modern era that ends its requests, else
    /// the stream can be taken up again.
    pub(crate) fn farewell(&self, number: u64, words: &str) -> Vec<Bytes> {
        let of_stream =
            |(id, open): (&Id<'static>, &Open)| (open.stream == number).then(|| id.clone());
        let refused = |id: Id<'static>| {
            let answer = error::response(Some(&id), code::INTERNAL_ERROR, words, None);
            let restored = self.restored(&String::from_utf8_lossy(&answer));
            restored.map_or(answer, String::into_bytes)
        };
        let mut told: Vec<Vec<u8>> = match self.era {
            Era::Modern => self.open.iter().filter_map(of_stream).map(refused).collect(),
            Era::Legacy => Vec::new(),
        };
        if told.is_empty() {
            told.push(ending(words));
        }
        told.iter().map(|message| mcp::sse::encode(message, Some(stream::MESSAGE), None)).collect()
    }

    /// Listens to what belongs to no request, or goes on where a stream broke off.
    pub(crate) fn listen(&mut self, last: Option<&str>) -> Result<(u64, u64), Unheard> {
        let Some(last) = last else {
            let stream = self.streams.get_mut(&GENERAL).ok_or(Unheard::Unknown)?;
            if stream.is_read() {
                return Err(Unheard::Taken);
            }
            return Ok((GENERAL, stream.join()));
        };
        let parsed = last.split_once('-').and_then(|(number, event)| {
            Some((number.parse::<u64>().ok()?, event.parse::<u64>().ok()?))
        });
        let (number, event) = parsed.ok_or(Unheard::Unknown)?;
        let stream = self.streams.get_mut(&number).ok_or(Unheard::Unknown)?;
        let reader = stream.resume(event).ok_or(Unheard::Unknown)?;
        Ok((number, reader))
    }

    /// The session is over: whoever waits is told.
    pub(crate) fn finish(&mut self, words: &str) {
        self.over = Some(words.to_owned());
        let open: Vec<Id<'static>> = self.open.keys().cloned().collect();
        for id in open {
            let answer = error::response(Some(&id), code::INTERNAL_ERROR, words, None);
            let text = String::from_utf8_lossy(&answer).into_owned();
            self.answer(&id, &text);
        }
        if let Some(general) = self.streams.get_mut(&GENERAL) {
            general.aside(&ending(words));
        }
        for stream in self.streams.values_mut() {
            stream.finish();
        }
    }

    /// Why no more will come, if it is so.
    pub(crate) fn over(&self) -> Option<&str> {
        self.over.as_deref()
    }

    /// Whether nobody waits and nobody listens. What is open all the same may never be answered: its client
    /// took it back, or is gone.
    pub(crate) fn is_idle(&self) -> bool {
        !self.streams.values().any(Stream::is_read)
    }

    /// Forgets streams that ended long ago.
    pub(crate) fn forget(&mut self, now: Instant) {
        let ended = |stream: &Stream| stream.done.filter(|_| !stream.is_read());
        let old = |stream: &Stream| ended(stream).is_some_and(|done| now >= done + REPLAY_TIME);
        self.streams.retain(|number, stream| *number == GENERAL || !old(stream));
        let over: Vec<u64> = self
            .streams
            .iter()
            .filter(|(number, stream)| **number != GENERAL && ended(stream).is_some())
            .map(|(number, _)| *number)
            .collect();
        for number in over.iter().take(over.len().saturating_sub(REPLAY_STREAMS)) {
            self.streams.remove(number);
        }
    }
}

/// Why a stream ends, for who is owed no answer.
fn ending(words: &str) -> Vec<u8> {
    let params = serde_json::json!({"level": "error", "logger": "tessera", "data": words});
    error::notification(name::MESSAGE, params)
}

/// The revision that `initialize` agreed on.
fn agreed(result: Raw<'_>) -> Option<Revision> {
    #[derive(serde::Deserialize)]
    struct Initialized<'a> {
        #[serde(borrow, rename = "protocolVersion")]
        revision: std::borrow::Cow<'a, str>,
    }
    let result: Initialized<'_> = serde_json::from_str(result.as_str()).ok()?;
    Revision::parse(&result.revision)
}

/// By what progress of a request is told.
fn token_of(request: &Request<'_>) -> Option<Id<'static>> {
    let token = request.params.meta().ok()??.progress_token?;
    Id::read(token).ok().map(|id| id.to_static())
}

#[cfg(test)]
mod tests;
