//! A server that may be of another era than its client: what it reads and writes goes over a bridge
//! ([`mcp::bridge`]). Once both turn out to be of the same era, it goes straight through.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use mcp::bridge::{Bridge, Effects, Finding};
use mcp::framing::LineError;
use mcp::limits::Limits;
use mcp::{Era, Message};
use tokio::time::{Instant, Sleep, sleep_until};

use super::backlog::Author;
use super::{FromServer, Upstream};
use crate::end::Reason;
use crate::launch::Ended;
use crate::served::{Speech, Target};

/// A server behind a bridge.
#[derive(Debug)]
pub(crate) struct Bridged {
    port: Upstream,
    bridge: Finding,
    /// Remembers of which era the server is, as long as this does not know.
    target: Option<Arc<Target>>,
    /// The moment from which the bridge counts time.
    begun: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// What is for the client.
    lines: VecDeque<Result<Bytes, LineError>>,
    /// Whether lines were added since the last look.
    news: bool,
    /// The client writes no more; the server learns it when it has got everything.
    input_ends: bool,
}

// === impl Bridged ===

impl Bridged {
    pub(crate) fn new(port: Upstream, bridge: Finding, target: Arc<Target>) -> Self {
        Self {
            port,
            bridge,
            target: Some(target),
            begun: Instant::now(),
            timer: None,
            lines: VecDeque::new(),
            news: false,
            input_ends: false,
        }
    }

    pub(super) fn app(&self) -> &str {
        self.port.app()
    }

    pub(super) const fn sends_again(&self) -> bool {
        self.bridge.sends_again()
    }

    pub(super) fn write(&mut self, message: &[u8], from: Author) {
        if self.bridge.is_same() {
            return self.port.write(message, from);
        }
        let effects = self.bridge.client(message, self.now());
        self.carry(effects, |_| from);
    }

    /// What is for the client does not count: it is read from the server only when the client has room.
    pub(super) fn waiting(&self) -> usize {
        self.port.waiting()
    }

    pub(super) fn waiting_of_us(&self) -> usize {
        self.port.waiting_of_us()
    }

    pub(super) fn next_line(&mut self) -> Option<Result<Bytes, LineError>> {
        match self.lines.pop_front() {
            Some(line) => Some(line),
            None if self.bridge.is_same() => self.port.next_line(),
            None => None,
        }
    }

    pub(super) fn end_input(&mut self) {
        self.input_ends = true;
        self.pass_end();
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wanted: bool) -> Poll<FromServer> {
        loop {
            if wanted && std::mem::take(&mut self.news) {
                return Poll::Ready(FromServer::Wrote);
            }
            if let Poll::Ready(due) = self.poll_timer(cx) {
                let effects = self.bridge.wake(self.now().max(due));
                self.carry(effects, |_| Author::Client);
                continue;
            }
            match std::task::ready!(self.port.poll(cx, wanted)) {
                FromServer::Ended => {
                    let reopened = self.port.lost().and_then(|unsent| self.reopen(unsent));
                    let Some(effects) = reopened else { return Poll::Ready(FromServer::Ended) };
                    self.carry(effects, |_| Author::Client);
                }
                FromServer::Wrote if self.bridge.is_same() => {
                    return Poll::Ready(FromServer::Wrote);
                }
                FromServer::Wrote => self.read(),
            }
        }
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(due) = self.bridge.wake_at() else {
            self.timer = None;
            return Poll::Pending;
        };
        let at = self.begun + due;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| due)
    }

    /// Takes what the server wrote over the bridge.
    fn read(&mut self) {
        while let Some((stream, line)) = self.port.next_line_on() {
            match line {
                Ok(line) => {
                    let now = self.now();
                    let effects = match stream {
                        Some(stream) => self.bridge.server_on(&line, &stream, now),
                        None => self.bridge.server(&line, now),
                    };
                    self.carry(effects, provoked);
                }
                Err(error) => {
                    self.lines.push_back(Err(error));
                    self.news = true;
                }
            }
            if self.bridge.is_same() {
                // What else is there needs no bridge.
                self.news = true;
                return;
            }
        }
    }

    /// The server has forgotten its session: another one is begun, if the client has none of its own.
    fn reopen(&mut self, unsent: Vec<Bytes>) -> Option<Effects> {
        let unsent = unsent.into_iter().map(Vec::from).collect();
        self.bridge.reopen(unsent, self.now())
    }

    /// What has been found out is good for others too, if the server was there.
    fn remember(&mut self) {
        let Some(era) = self.bridge.era() else { return };
        let Some(target) = self.target.take() else { return };
        if self.port.is_unreachable() {
            return;
        }
        // Whatever HTTP clients were told before, it has shown itself.
        if era == Era::Modern && target.takes_modern() == Some(false) {
            target.found_modern(true);
        }
        if target.era() == Some(era) {
            return;
        }
        // A server that speaks as this client does may speak as others do as well. Only that it does
        // not, and a bridge is needed, is worth remembering; one found otherwise speaks both.
        target.learn((!self.bridge.is_same()).then_some(match era {
            Era::Legacy => Speech::Legacy,
            Era::Modern => Speech::Modern,
        }));
    }

    pub(super) fn over(&self) -> Option<(Reason, String)> {
        self.port.over()
    }

    /// `from` says of each line for the server from whom it is.
    fn carry(&mut self, effects: Effects, from: impl Fn(&[u8]) -> Author) {
        self.remember();
        for line in &effects.to_server {
            self.port.write(line, from(line));
        }
        self.news |= !effects.to_client.is_empty();
        self.lines.extend(effects.to_client.into_iter().map(|line| Ok(line.into())));
        self.pass_end();
    }

    fn pass_end(&mut self) {
        if self.input_ends && self.bridge.is_settled() {
            self.port.end_input();
        }
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) async fn end(self) -> Ended {
        Box::pin(self.port.end()).await
    }
}

/// From whom a line is that the server gets because of one of its own: what it has asked for, we answer; all else the
/// client has said before.
fn provoked(line: &[u8]) -> Author {
    match Message::parse(line, &Limits::CLIENT) {
        Ok(Message { body: mcp::Body::Response(_), .. }) => Author::Us,
        _ => Author::Client,
    }
}
