//! What goes back and forth between a session and the task that speaks HTTP for it.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use mcp::Id;
use mcp::framing::LineError;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::upstream::ROOM;
use crate::upstream::backlog::Author;

/// Both ways. The session's end is polled, the task's end waits.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// Guards both ends; held for a look or a copy.
    state: Mutex<State>,
    /// Wakes the task.
    orders: Notify,
    /// Wakes what waits for the session to read, or to go.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    orders: VecDeque<Order>,
    /// How many bytes wait for the server.
    waiting: usize,
    /// How many of them are from us.
    of_us: usize,
    /// Beside each, the request on whose stream it came.
    lines: VecDeque<(Option<Id<'static>>, Result<Bytes, LineError>)>,
    /// How many bytes wait for the session.
    held: usize,
    session: Option<Waker>,
    input_ended: bool,
    /// The session is gone, or wants no more.
    closed: bool,
    news: Option<News>,
    faults: u64,
}

/// What the task is to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Send a message.
    Send(Bytes, Author),
    /// The client writes no more, and everything was sent.
    Finish,
}

/// What ends a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// All is answered, and no more will be asked.
    Done,
    /// The server has forgotten its session, and refused these messages for it.
    Lost(Vec<Bytes>),
    /// It cannot go on, for this reason.
    Over(String),
}

// === impl Pipe ===

impl Pipe {
    pub(super) fn order(&self, order: Order) {
        let mut state = self.state.lock();
        if let Order::Send(line, from) = &order {
            state.waiting += line.len();
            if *from == Author::Us {
                state.of_us += line.len();
            }
        }
        state.orders.push_back(order);
        drop(state);
        self.orders.notify_one();
    }

    pub(super) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    pub(super) fn waiting_of_us(&self) -> usize {
        self.state.lock().of_us
    }

    /// Whether there is something to read, or to hear.
    pub(super) fn poll(&self, cx: &Context<'_>, wanted: bool) -> Poll<Option<News>> {
        let mut state = self.state.lock();
        let registered = state.session.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !registered {
            state.session = Some(cx.waker().clone());
        }
        match (state.lines.is_empty(), &state.news) {
            // After the news nothing else comes, and it does not wait for room.
            (_, None) if !wanted => Poll::Pending,
            (false, _) => Poll::Ready(None),
            (true, Some(_)) => Poll::Ready(state.news.take()),
            (true, None) => Poll::Pending,
        }
    }

    pub(super) fn next_line(&self) -> Option<(Option<Id<'static>>, Result<Bytes, LineError>)> {
        let mut state = self.state.lock();
        let line = state.lines.pop_front()?;
        state.held = state.held.saturating_sub(line.1.as_ref().map_or(0, Bytes::len));
        drop(state);
        self.room.notify_waiters();
        Some(line)
    }

    pub(super) fn end_input(&self) {
        self.state.lock().input_ended = true;
        self.orders.notify_one();
    }

    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.orders.notify_one();
        self.room.notify_waiters();
    }

    /// How often the server could not be asked, or said nothing of itself.
    pub(super) fn faults(&self) -> u64 {
        self.state.lock().faults
    }

    pub(super) fn note_fault(&self) {
        self.state.lock().faults += 1;
    }

    /// The next thing to do. Cancel-safe.
    pub(super) async fn next_order(&self) -> Order {
        loop {
            {
                let mut state = self.state.lock();
                if let Some(order) = state.orders.pop_front() {
                    if let Order::Send(line, from) = &order {
                        state.waiting = state.waiting.saturating_sub(line.len());
                        if *from == Author::Us {
                            state.of_us = state.of_us.saturating_sub(line.len());
                        }
                    }
                    // The client is read again.
                    state.wake();
                    return order;
                }
                if std::mem::take(&mut state.input_ended) {
                    return Order::Finish;
                }
            }
            self.orders.notified().await;
        }
    }

    /// Waits until the session is gone.
    pub(super) async fn closed(&self) {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            if self.state.lock().closed {
                return;
            }
            room.await;
        }
    }

    /// Hands a line to the session, as soon as that has read enough of the others.
    pub(super) async fn give(&self, stream: Option<&Id<'static>>, line: Result<Bytes, LineError>) {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.closed {
                    return;
                }
                if state.held < ROOM {
                    state.held += line.as_ref().map_or(0, Bytes::len);
                    state.lines.push_back((stream.cloned(), line));
                    state.wake();
                    return;
                }
            }
            room.await;
        }
    }

    pub(super) fn tell(&self, news: News) {
        let mut state = self.state.lock();
        state.news = Some(news);
        state.wake();
    }
}

// === impl State ===

impl State {
    fn wake(&mut self) {
        if let Some(waker) = self.session.take() {
            waker.wake();
        }
    }
}
