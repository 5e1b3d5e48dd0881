//! The task that speaks HTTP for a session.
//!
//! Requests go side by side, up to a bound. What has to be known first holds up the rest: the answer
//! to `initialize`, the address for messages, and of notifications and answers that they were taken.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{AbortHandle, BoxFuture, abortable};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use mcp::{Era, Id};

use super::Dialect;
use super::answer::Refusal;
use super::exchange::{Done, Posted, Wire};
use super::outline::Outline;
use super::pipe::{News, Order};
use crate::served::Speech;

/// The most requests that are under way at a time.
const EXCHANGES: usize = 64;

/// Speaks HTTP for one session.
pub(super) struct Driver {
    wire: Arc<Wire>,
    dialect: Dialect,
    exchanges: FuturesUnordered<BoxFuture<'static, Finished>>,
    /// How many of them are requests.
    running: usize,
    /// The rest has to wait for this one.
    blocked: Option<u64>,
    /// How many were ever begun.
    begun: u64,
    /// The client writes no more.
    finishing: bool,
    /// Requests that can be taken back.
    requests: HashMap<Id<'static>, AbortHandle>,
    /// What may have to be said if the server is not of the first revision either.
    older: Option<(Posted, Refusal)>,
}

struct Finished {
    done: Done,
    role: Role,
}

/// What an exchange means to the others.
enum Role {
    /// None waits for it.
    Request(Option<Id<'static>>),
    /// All wait for it, the one of this number.
    First(u64, Option<Id<'static>>),
    /// It goes on beside them.
    Beside,
}

enum Step {
    Closed,
    Unblocked,
    Order(Order),
    Finished(Finished),
}

// === impl Driver ===

impl Driver {
    pub(super) fn new(wire: Arc<Wire>, dialect: Dialect) -> Self {
        Self {
            wire,
            dialect,
            exchanges: FuturesUnordered::new(),
            running: 0,
            blocked: None,
            begun: 0,
            finishing: false,
            requests: HashMap::new(),
            older: None,
        }
    }

    pub(super) async fn run(mut self) {
        let wire = self.wire.clone();
        if self.dialect == Dialect::Sse {
            self.open();
        }
        loop {
            let may_take = self.blocked.is_none() && self.running < EXCHANGES;
            let step = tokio::select! {
                biased;
                () = wire.pipe.closed() => Step::Closed,
                () = wire.unblocked.notified() => Step::Unblocked,
                Some(finished) = self.exchanges.next(), if !self.exchanges.is_empty() => {
                    Step::Finished(finished)
                }
                order = wire.pipe.next_order(), if may_take => Step::Order(order),
            };
            match step {
                Step::Closed => break,
                Step::Unblocked => self.blocked = None,
                Step::Order(order) => self.carry_out(order),
                Step::Finished(finished) => self.finish(finished),
            }
            if self.finishing && self.running == 0 && self.blocked.is_none() {
                wire.pipe.tell(News::Done);
                self.finishing = false;
            }
        }
        // Whatever is under way is broken off: to a modern server that takes it back.
        drop(self.exchanges);
        wire.goodbye().await;
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Finish => self.finishing = true,
            Order::Send(text, _) => {
                let outline = self.wire.outline(&text);
                if let Some(era) = outline.era
                    && self.dialect != Dialect::Sse
                {
                    self.dialect = match era {
                        Era::Legacy => Dialect::Legacy,
                        Era::Modern => Dialect::Modern,
                    };
                }
                if self.dialect == Dialect::Modern && self.is_said_otherwise(&outline) {
                    return;
                }
                self.post(Posted { text, outline });
            }
        }
    }

    /// In the modern era, a request is taken back by breaking it off, and there are no answers to
    /// servers.
    fn is_said_otherwise(&mut self, outline: &Outline) -> bool {
        if let Some(request) = outline.cancels.as_ref().and_then(|id| self.requests.remove(id)) {
            request.abort();
        }
        outline.cancels.is_some() || outline.is_response
    }

    fn post(&mut self, posted: Posted) {
        let id = posted.outline.id.clone();
        let is_first = posted.outline.is_first;
        let (exchange, handle) = abortable(self.wire.clone().post(self.dialect, posted));
        if let Some(id) = &id {
            self.requests.insert(id.clone(), handle);
        }
        self.running += 1;
        self.begun += 1;
        self.blocked = is_first.then_some(self.begun);
        let role = if is_first { Role::First(self.begun, id) } else { Role::Request(id) };
        self.exchanges.push(Box::pin(async move {
            let done = exchange.await.unwrap_or(Done::Fine);
            Finished { done, role }
        }));
    }

    fn beside(&mut self, exchange: impl Future<Output = Done> + Send + 'static) {
        self.exchanges
            .push(Box::pin(async move { Finished { done: exchange.await, role: Role::Beside } }));
    }

    /// Asks for the stream of a server of the first revision.
    fn open(&mut self) {
        self.begun += 1;
        self.blocked = Some(self.begun);
        let opening = self.wire.clone().open();
        self.beside(opening);
    }

    fn finish(&mut self, finished: Finished) {
        let ended = match finished.role {
            Role::Beside => None,
            Role::Request(id) => Some(id),
            Role::First(number, id) => {
                self.blocked = self.blocked.filter(|first| *first != number);
                Some(id)
            }
        };
        if let Some(id) = ended {
            self.running = self.running.saturating_sub(1);
            id.and_then(|id| self.requests.remove(&id));
        }
        match finished.done {
            Done::Fine => {}
            Done::Ready if self.dialect == Dialect::Legacy => {
                let listening = self.wire.clone().listen();
                self.beside(listening);
            }
            Done::Ready => {}
            Done::Lost(unsent) => self.lose(unsent),
            Done::Older(posted, refusal) => {
                self.older = Some((posted, refusal));
                self.open();
            }
            Done::Opened(events) => {
                self.dialect = Dialect::Sse;
                self.blocked = None;
                let reading = self.wire.clone().read(events);
                self.beside(reading);
                if let Some((posted, _)) = self.older.take() {
                    self.wire.learn(Speech::Sse);
                    self.post(posted);
                }
            }
            Done::Over(words) => self.give_up(words),
        }
    }

    fn lose(&mut self, unsent: Option<Bytes>) {
        self.wire.forget();
        self.exchanges.clear();
        self.blocked = None;
        self.running = 0;
        let waiting: Vec<_> = self.requests.drain().map(|(id, _)| id).collect();
        let words = "the MCP server has forgotten the session";
        let failing = self.wire.clone().give_up(waiting, words);
        self.beside(failing);
        self.wire.pipe.tell(News::Lost(unsent.into_iter().collect()));
    }

    /// The server of the first revision cannot be spoken to, or no longer.
    fn give_up(&mut self, words: String) {
        match self.older.take() {
            // It was asked for a stream only in case it is one.
            Some((posted, refusal)) => {
                self.blocked = None;
                let wire = self.wire.clone();
                self.beside(async move {
                    wire.tell_refusal(posted.outline.id.as_ref(), &refusal).await;
                    Done::Fine
                });
            }
            None => {
                self.begun += 1;
                self.blocked = Some(self.begun);
                self.wire.note(&words);
                self.wire.forget_speech();
                self.wire.pipe.tell(News::Over(words));
            }
        }
    }
}
