//! One stream of a client's: what it is still to get, and what it may ask for again.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::time::Instant;

use crate::http::accepts::Accepts;

/// So much of a stream is kept for a client that lost its connection,
pub(crate) const REPLAY_BYTES: usize = 256 * 1024;
/// and so many events.
pub(crate) const REPLAY_EVENTS: usize = 256;

/// The name of events that are messages. Some clients heed no other.
pub(super) const MESSAGE: &str = "message";

/// One stream.
#[derive(Debug)]
pub(super) struct Stream {
    number: u64,
    pub(super) accepts: Accepts,
    /// Carries changes, nothing of other requests.
    pub(super) listens: bool,
    /// Whether events have ids, by which the stream can be resumed.
    resumable: bool,
    /// Answers that are still to come.
    pub(super) due: usize,
    /// One request, which can be answered by one message.
    single: bool,
    form: Form,
    kept: VecDeque<Bytes>,
    kept_bytes: usize,
    /// The number of the first event that is kept,
    first: u64,
    /// and of the one that is sent next.
    next: u64,
    unsent_bytes: usize,
    reader: Option<Reader>,
    readers: u64,
    /// Since when nothing more will come.
    pub(super) done: Option<Instant>,
}

/// How a request is answered.
#[derive(Debug)]
enum Form {
    /// That depends on what comes first.
    Open,
    /// By one message.
    Answer(Bytes),
    Events,
    /// Nobody waits any more, and nobody can ask again.
    Dropped,
}

#[derive(Debug)]
struct Reader {
    number: u64,
    waker: Option<Waker>,
}

/// What came first for a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    Answer(Bytes),
    /// Read as reader of this number.
    Events(u64),
}

// === impl Stream ===

impl Stream {
    /// The answer to a post; somebody waits for it.
    pub(super) fn post(number: u64, due: usize, single: bool, accepts: Accepts) -> Self {
        let reader = Some(Reader { number: 0, waker: None });
        Self { due, single, reader, ..Self::new(number, accepts, Form::Open) }
    }

    /// What belongs to no request; nobody listens yet.
    pub(super) fn general(number: u64) -> Self {
        Self::new(number, Accepts { json: false, events: true }, Form::Events)
    }

    fn new(number: u64, accepts: Accepts, form: Form) -> Self {
        Self {
            number,
            accepts,
            listens: false,
            resumable: true,
            due: 0,
            single: false,
            form,
            kept: VecDeque::new(),
            kept_bytes: 0,
            first: 0,
            next: 0,
            unsent_bytes: 0,
            reader: None,
            readers: 1,
            done: None,
        }
    }

    /// The same without ids of events.
    pub(super) fn not_resumable(self) -> Self {
        Self { resumable: false, ..self }
    }

    /// Whether messages beside answers can go this way now.
    pub(super) fn takes_asides(&self) -> bool {
        let alive = match self.form {
            Form::Open => self.accepts.events,
            Form::Events => self.reader.is_some(),
            Form::Answer(_) | Form::Dropped => false,
        };
        alive && self.done.is_none()
    }

    /// Whether somebody reads, or waits to.
    pub(super) const fn is_read(&self) -> bool {
        self.reader.is_some()
    }

    /// How much waits for somebody who reads.
    pub(super) fn backlog(&self) -> usize {
        if self.is_read() { self.unsent_bytes } else { 0 }
    }

    /// Whether nothing of it can be asked for any more.
    pub(super) fn is_forgotten(&self) -> bool {
        let over = self.done.is_some() && self.reader.is_none();
        over && (!self.resumable || !matches!(self.form, Form::Events))
    }

    /// A message that is no answer.
    pub(super) fn aside(&mut self, message: &[u8]) {
        self.begin_events(false);
        self.push(message);
    }

    /// An answer.
    pub(super) fn answer(&mut self, message: &[u8]) {
        self.due = self.due.saturating_sub(1);
        match self.form {
            Form::Open if self.single && self.accepts.json => {
                self.form = Form::Answer(Bytes::copy_from_slice(message));
            }
            Form::Open | Form::Events => {
                self.begin_events(false);
                self.push(message);
            }
            Form::Answer(_) | Form::Dropped => {}
        }
        if self.due == 0 {
            self.finish();
        }
    }

    /// One answer will not come.
    pub(super) fn give_up_one(&mut self) {
        self.due = self.due.saturating_sub(1);
        if self.due == 0 {
            self.finish();
        }
    }

    /// Decides for events. `primes` when the client is to know at once where it could resume: streamable
    /// HTTP of 2025-11-25, sending messages, 6.
    pub(super) fn begin_events(&mut self, primes: bool) {
        if matches!(self.form, Form::Open) {
            self.form = Form::Events;
            if primes && self.resumable {
                let event = mcp::sse::encode(b"", None, Some(&self.event_id()));
                self.keep(event);
            }
            self.wake();
        }
    }

    fn push(&mut self, message: &[u8]) {
        if !matches!(self.form, Form::Events) {
            return;
        }
        let id = self.resumable.then(|| self.event_id());
        self.keep(mcp::sse::encode(message, Some(MESSAGE), id.as_deref()));
        self.wake();
    }

    /// The id of the event that is kept next.
    fn event_id(&self) -> String {
        format!("{}-{}", self.number, self.first + self.kept.len() as u64)
    }

    fn keep(&mut self, event: Bytes) {
        self.kept_bytes += event.len();
        self.unsent_bytes += event.len();
        self.kept.push_back(event);
        self.trim();
    }

    /// Forgets what is too much: what was sent first, and of what was not only when nobody reads.
    fn trim(&mut self) {
        let too_much = |stream: &Self| {
            let long = stream.kept_bytes > REPLAY_BYTES || stream.kept.len() > REPLAY_EVENTS;
            // The last one may be the answer, however big.
            !stream.resumable || (long && stream.kept.len() > 1)
        };
        while too_much(self) && (self.first < self.next || self.reader.is_none()) {
            let Some(event) = self.kept.pop_front() else { return };
            self.kept_bytes -= event.len();
            if self.first >= self.next {
                self.unsent_bytes -= event.len();
                self.next += 1;
            }
            self.first += 1;
        }
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self) {
        self.done.get_or_insert_with(Instant::now);
        self.wake();
    }

    /// Nobody waits any more for what was not begun.
    pub(super) fn leave(&mut self, reader: u64) {
        if self.reader.as_ref().is_some_and(|one| one.number == reader) {
            self.reader = None;
            if matches!(self.form, Form::Open | Form::Answer(_)) {
                self.form = Form::Dropped;
            }
            self.trim();
        }
    }

    /// Whoever reads reads no more.
    pub(super) fn expel(&mut self) {
        if let Some(Reader { waker: Some(waker), .. }) = self.reader.take() {
            waker.wake();
        }
        self.trim();
    }

    /// Somebody reads what was not sent yet; the number is that of the reader.
    pub(super) fn join(&mut self) -> u64 {
        self.expel();
        let number = self.readers;
        self.readers += 1;
        self.reader = Some(Reader { number, waker: None });
        number
    }

    /// Somebody reads what came after an event; nothing when that cannot be told any more.
    pub(super) fn resume(&mut self, after: u64) -> Option<u64> {
        let end = self.first + self.kept.len() as u64;
        let from = after.checked_add(1).filter(|from| (self.first..=end).contains(from))?;
        if !self.resumable || !matches!(self.form, Form::Events) {
            return None;
        }
        let number = self.join();
        self.next = from;
        let skipped = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        self.unsent_bytes = self.kept.iter().skip(skipped).map(Bytes::len).sum();
        Some(number)
    }

    /// What came first.
    pub(super) fn poll_first(&mut self, cx: &Context<'_>) -> Poll<First> {
        match &self.form {
            Form::Answer(message) => Poll::Ready(First::Answer(message.clone())),
            Form::Events => Poll::Ready(First::Events(0)),
            Form::Open | Form::Dropped => {
                self.register(0, cx);
                Poll::Pending
            }
        }
    }

    /// The next event for a reader; the end when there is none, or when another reads.
    pub(super) fn poll_next(&mut self, reader: u64, cx: &Context<'_>) -> Poll<Option<Bytes>> {
        if self.reader.as_ref().is_none_or(|one| one.number != reader) {
            return Poll::Ready(None);
        }
        let at = usize::try_from(self.next - self.first).unwrap_or(usize::MAX);
        if let Some(event) = self.kept.get(at).cloned() {
            self.next += 1;
            self.unsent_bytes -= event.len();
            self.trim();
            return Poll::Ready(Some(event));
        }
        if self.done.is_some() {
            return Poll::Ready(None);
        }
        self.register(reader, cx);
        Poll::Pending
    }

    fn register(&mut self, reader: u64, cx: &Context<'_>) {
        if let Some(one) = self.reader.as_mut().filter(|one| one.number == reader) {
            one.waker = Some(cx.waker().clone());
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.reader.as_mut().and_then(|reader| reader.waker.take()) {
            waker.wake();
        }
    }
}
