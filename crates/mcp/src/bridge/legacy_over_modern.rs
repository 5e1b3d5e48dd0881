//! A client that starts with `initialize`, and a server whose requests stand alone.
//!
//! | the client's | becomes |
//! |---|---|
//! | `initialize` | `server/discover`; its answer says what the server can do |
//! | `notifications/initialized` | `subscriptions/listen` for the lists whose changes the server tells of |
//! | `ping` | answered here |
//! | `logging/setLevel` | remembered, and said in each request from then on |
//! | `resources/subscribe`, `…/unsubscribe` | a `subscriptions/listen` for that resource, and its end |
//! | any other request | the same, with who asks and what the client can do in `_meta` |
//! | `notifications/cancelled` | the same, for our id |
//! | `notifications/roots/list_changed` | nothing: a modern server asks for roots when it needs them |
//!
//! | the server's | becomes |
//! |---|---|
//! | result that asks for input | a request to the client for each question; once all are answered, the call is repeated with the answers |
//! | any other result | the same, without what only modern clients know ([`clean`]) |
//! | notification of a subscription | the same, without its tag |
//! | any other notification | the same |
//! | request | nothing: a modern server must not send one |
//!
//! A question that the client answers with an error ends the call with an error: the modern era has no way to
//! tell a server of it. A subscription that the server ends is opened again, after pauses that grow, and the
//! client is told that something may have changed meanwhile.

mod calls;
mod clean;
mod greeting;
mod listens;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use self::calls::{Call, Question};
use self::greeting::{Client, Greeting};
use self::listens::Listen;
use super::capabilities::Told;
use super::kept::Waiting;
use super::level::Level;
use super::{Bridge, Effects, write};
use crate::error::code;
use crate::framing;
use crate::limits::Limits;
use crate::message::{Body, Message, Notification, Response};
use crate::method::name;
use crate::session::OPEN_REQUESTS;
use crate::{Id, Method, Reason, Request};

/// The bridge for a legacy client and a modern server.
#[derive(Debug, Default)]
pub struct LegacyOverModern {
    phase: Phase,
    client: Client,
    told: Told,
    /// The least severe log message that the client wants.
    level: Option<Level>,
    /// What the client sent while the server is asked what it is.
    waiting: Waiting,
    /// The last id or number that was given out.
    last: u64,
    /// Our open requests at the server, by id.
    open: HashMap<u64, Purpose>,
    /// The client's open requests.
    by_client: HashMap<Id<'static>, Work>,
    /// Calls of the client's, by number.
    calls: HashMap<u64, Call>,
    /// How many bytes of calls are kept.
    kept: usize,
    /// Our open requests at the client, by id.
    questions: HashMap<u64, Question>,
    /// By number.
    listens: HashMap<u64, Listen>,
    /// When calls and subscriptions are to be tried again, by number.
    paused: HashMap<u64, Duration>,
}

/// How far the conversation is.
#[derive(Debug, Default)]
enum Phase {
    /// The client has not said `initialize`.
    #[default]
    New,
    /// The server is asked what it is.
    Greeting(Greeting),
    /// Requests pass.
    Ready,
}

/// What one of our requests at the server is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Discover,
    /// A call, by number.
    Call(u64),
    /// A subscription, by number.
    Listen(u64),
}

/// What an open request of the client's waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A call, by number.
    Call(u64),
    /// That a subscription begins, by number.
    Listen(u64),
}

// === impl LegacyOverModern ===

impl LegacyOverModern {
    /// For a client that has not sent anything yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the server is asked what it is.
    pub(super) const fn is_greeting(&self) -> bool {
        matches!(self.phase, Phase::Greeting(_))
    }

    /// What waits for the server, when it is to get it in another way.
    pub(super) fn take_waiting(&mut self) -> VecDeque<Vec<u8>> {
        self.waiting.take()
    }

    /// A number that was never given out.
    const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn client_line(&mut self, line: &[u8], now: Duration, out: &mut Effects) {
        let message = match Message::parse(line, &Limits::CLIENT) {
            Ok(message) => message,
            Err(refused) if refused.id.is_some() => return out.client(refused.response()),
            Err(_) => return,
        };
        match &message.body {
            Body::Request(request) => self.request(request, line, now, out),
            Body::Notification(notification) => self.notification(notification, line, out),
            Body::Response(response) => self.answered(response, out),
        }
    }

    fn request(&mut self, request: &Request<'_>, line: &[u8], now: Duration, out: &mut Effects) {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        if self.by_client.contains_key(&request.id) {
            return out.client(refuse(code::INVALID_REQUEST, &Reason::IdInUse.to_string()));
        }
        match (&self.phase, &request.method) {
            (_, Method::Other(method)) if method == name::PING => {
                out.client(write::result(&request.id, "{}"));
            }
            (Phase::New, Method::Initialize) => self.greet(request, now, out),
            (_, Method::Initialize) => {
                out.client(refuse(code::INVALID_REQUEST, "the session is initialized already"));
            }
            (Phase::New, _) => {
                out.client(refuse(code::INVALID_REQUEST, "send \"initialize\" first"));
            }
            (Phase::Greeting(_), _) => {
                if !self.waiting.push(line) {
                    let words =
                        "too much waits for the MCP server; wait for the answer to \"initialize\"";
                    out.client(refuse(code::INTERNAL_ERROR, words));
                }
            }
            (Phase::Ready, method) => match method {
                Method::Discover | Method::Listen => {
                    let words = format!("{method} is not known in revision {}", self.client.agreed);
                    out.client(refuse(code::METHOD_NOT_FOUND, &words));
                }
                _ if self.by_client.len() >= OPEN_REQUESTS => {
                    let words = Reason::TooManyOpen { limit: OPEN_REQUESTS }.to_string();
                    out.client(refuse(code::INVALID_REQUEST, &words));
                }
                Method::ResourcesSubscribe => self.subscribe(request, out),
                Method::ResourcesUnsubscribe => self.unsubscribe(request, out),
                Method::Other(method) if method == name::SET_LEVEL => self.set_level(request, out),
                _ => self.call(request, out),
            },
        }
    }

    fn set_level(&mut self, request: &Request<'_>, out: &mut Effects) {
        let level = request.params.level().and_then(Level::read);
        out.client(match level {
            _ if !self.told.logging => {
                let words = "the MCP server does not write log messages";
                write::refusal(&request.id, code::METHOD_NOT_FOUND, words)
            }
            None => {
                let words = "\"level\" must be one of the levels of the protocol, such as \"info\"";
                write::refusal(&request.id, code::INVALID_PARAMS, words)
            }
            Some(level) => {
                self.level = Some(level);
                write::result(&request.id, "{}")
            }
        });
    }

    fn notification(&mut self, notification: &Notification<'_>, line: &[u8], out: &mut Effects) {
        match (&self.phase, notification.method.as_str()) {
            // What there is no room for is about requests that there was no room for either.
            (Phase::Greeting(_), _) => drop(self.waiting.push(line)),
            (Phase::New, _) => {}
            (Phase::Ready, name::INITIALIZED) => self.listen_to_lists(out),
            (Phase::Ready, name::CANCELLED) => self.cancelled(&notification.params, out),
            // About requests of the server's, of which there are none; and what modern servers do not know.
            (Phase::Ready, name::PROGRESS | name::ROOTS_CHANGED) => {}
            (Phase::Ready, _) => out.server(line.to_vec()),
        }
    }

    fn server_line(&mut self, line: &[u8], now: Duration, out: &mut Effects) {
        match Message::parse(line, &Limits::SERVER) {
            Ok(Message { body: Body::Response(response), .. }) => {
                self.response(&response, now, out)
            }
            Ok(Message { body: Body::Notification(notification), .. }) => {
                self.told(&notification, line, now, out);
            }
            // A modern server has no requests, and nobody may answer them.
            Ok(Message { body: Body::Request(_), .. }) => {}
            Err(refused) => self.unreadable(line, &refused.reason, now, out),
        }
    }

    fn response(&mut self, response: &Response<'_>, now: Duration, out: &mut Effects) {
        let Some(id) = response.id.as_ref().and_then(ours) else { return };
        match self.open.remove(&id) {
            Some(Purpose::Discover) => self.discovered(&response.outcome, now, out),
            Some(Purpose::Call(number)) => self.result(number, &response.outcome, now, out),
            Some(Purpose::Listen(number)) => self.ended(number, Some(&response.outcome), now, out),
            None => {}
        }
    }

    /// An answer that cannot be read: who waits for it is told.
    fn unreadable(&mut self, line: &[u8], reason: &Reason, now: Duration, out: &mut Effects) {
        let Some(id) = crate::message::answered_id(line).as_ref().and_then(ours) else { return };
        let words = format!("the MCP server's answer cannot be passed on: {reason}");
        match self.open.remove(&id) {
            Some(Purpose::Discover) => self.greeting_failed(&words, out),
            Some(Purpose::Call(number)) => self.fail(number, code::INTERNAL_ERROR, &words, out),
            Some(Purpose::Listen(number)) => self.ended(number, None, now, out),
            None => {}
        }
    }
}

impl Bridge for LegacyOverModern {
    fn client(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        self.client_line(&framing::line(line), now, &mut out);
        out
    }

    fn server(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        self.server_line(&framing::line(line), now, &mut out);
        out
    }

    fn wake_at(&self) -> Option<Duration> {
        let greeting = match &self.phase {
            Phase::Greeting(greeting) => Some(greeting.until),
            Phase::New | Phase::Ready => None,
        };
        self.paused.values().copied().chain(greeting).min()
    }

    fn wake(&mut self, now: Duration) -> Effects {
        let mut out = Effects::default();
        if let Phase::Greeting(greeting) = &self.phase
            && greeting.until <= now
        {
            let words = "the MCP server did not say what it can do in time";
            self.open.retain(|_, purpose| *purpose != Purpose::Discover);
            self.greeting_failed(words, &mut out);
        }
        let mut due: Vec<(Duration, u64)> = self
            .paused
            .iter()
            .filter(|(_, at)| **at <= now)
            .map(|(number, at)| (*at, *number))
            .collect();
        due.sort_unstable();
        for (_, number) in due {
            self.paused.remove(&number);
            if self.calls.contains_key(&number) {
                self.repeat(number, &mut out);
            } else {
                self.listen_again(number, &mut out);
            }
        }
        out
    }

    fn is_settled(&self) -> bool {
        !self.is_greeting() && self.by_client.is_empty()
    }

    fn reopen(&mut self, _unsent: Vec<Vec<u8>>, _now: Duration) -> Option<Effects> {
        None
    }
}

/// An id that could be one of ours.
fn ours(id: &Id<'_>) -> Option<u64> {
    match id {
        Id::Number(number) => u64::try_from(*number).ok(),
        Id::String(_) => None,
    }
}

#[cfg(test)]
mod tests;
