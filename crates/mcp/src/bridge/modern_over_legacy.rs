//! A client whose requests stand alone, and a server that starts with `initialize`.
//!
//! | the client's | becomes |
//! |---|---|
//! | first request | `initialize` in its name, then `notifications/initialized`, then the request |
//! | `server/discover` | answered from what the server said to `initialize` |
//! | `subscriptions/listen` | `resources/subscribe` for each resource; acknowledged once those are answered |
//! | log level in `_meta` | `logging/setLevel`, when it is another than before |
//! | request with `inputResponses` and `requestState` | answers to the server's questions; the held call goes on |
//! | any other request | the same, without what modern clients say of themselves in `_meta` |
//! | `notifications/cancelled` | the same, for our id |
//!
//! | the server's | becomes |
//! |---|---|
//! | `elicitation/create`, `sampling/createMessage`, `roots/list` | the result `input_required` of the client's call that it belongs to |
//! | `ping` | answered here |
//! | any other request | an error for the server |
//! | result | the same, with what the modern era requires ([`results`]) |
//! | error −32042, which asks the user to visit addresses | the result `input_required`, and the call sent anew when the client repeats it |
//! | `notifications/progress` | the same, with the client's token |
//! | `notifications/message` | the same, while a request is open that wants messages so severe |
//! | change of a list or resource | the same, for each subscription that asked for it |
//! | any other notification | nothing |
//!
//! Which call a question belongs to is known by the stream that it came on, where each request has one
//! (streamable HTTP, "Sending Messages to the Server", 6). Elsewhere legacy servers do not say it: it is the call
//! that input can be had for (`tools/call`, `prompts/get`, `resources/read`) if there is only one, open or held.
//! With several of them the question is refused: an answer that was meant for one must not help another. Roots
//! are the client's, whatever is called: whichever of its calls was last heard of brings that question.
//! A question while there is no call is refused, but for the one for roots, which many servers ask as soon as a
//! session begins: the first call within a minute brings it to the client.
//!
//! A held call is one that the server works on and the client has no request open for: it has been told what
//! input is needed, and a `requestState`. That is sealed, so that it is of use only to the same principal at
//! the same app, for the same method, name and arguments, once, and not for long ([`state`]).

mod calls;
mod early;
mod held;
mod listens;
mod opening;
mod results;
mod state;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use self::calls::{Asker, Call};
use self::early::Early;
use self::listens::{Listen, Watched};
use self::opening::{Opening, Server};
use self::state::States;
use super::kept::Waiting;
use super::level::Level;
use super::{Bridge, Effects, Holding, Seal, write};
use crate::error::{self, code};
use crate::framing;
use crate::limits::Limits;
use crate::message::{Body, Message, Notification, Outcome, Response};
use crate::method::name;
use crate::session::OPEN_REQUESTS;
use crate::{Id, Method, Reason, Refused, Request, request};

/// The bridge for a modern client and a legacy server.
pub struct ModernOverLegacy {
    states: States,
    phase: Phase,
    server: Server,
    /// What the client sent while the session at the server is opened.
    waiting: Waiting,
    /// Messages of ours that the server refused because it had lost the session.
    unsent: Vec<Vec<u8>>,
    /// The last id or number that was given out.
    last: u64,
    /// Calls of the client's, by our id at the server.
    calls: HashMap<u64, Call>,
    /// Our open requests at the server that are no calls, by id.
    open: HashMap<u64, Purpose>,
    /// The client's open requests.
    by_client: HashMap<Id<'static>, Work>,
    /// The server's open questions, and the calls that they belong to.
    by_server: HashMap<Id<'static>, u64>,
    /// Questions for roots that came before there was a call.
    early: Vec<Early>,
    holding: Holding,
    /// How many bytes of questions and results are kept.
    kept: usize,
    /// The level that the server was told.
    level: Option<Level>,
    /// By number.
    listens: BTreeMap<u64, Listen>,
    /// Resources, by URI.
    watched: HashMap<String, Watched>,
}

/// How far the conversation with the server is.
#[derive(Debug)]
enum Phase {
    /// There is no session.
    New,
    /// One is being opened.
    Opening(Opening),
    /// Requests pass.
    Open,
}

/// What one of our requests at the server is for.
#[derive(Debug)]
enum Purpose {
    Initialize,
    /// To watch a resource.
    Watch(String),
}

/// What an open request of the client's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// A call, by our id at the server.
    Call(u64),
    /// A subscription, by number.
    Listen(u64),
}

impl fmt::Debug for ModernOverLegacy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModernOverLegacy")
            .field("phase", &self.phase)
            .field("calls", &self.calls)
            .field("listens", &self.listens)
            .finish_non_exhaustive()
    }
}

// === impl ModernOverLegacy ===

impl ModernOverLegacy {
    /// For the requests of one client. `about` says who it is and which app it uses: a `requestState` is of use
    /// to no other.
    pub fn new(about: &[u8], seal: Arc<dyn Seal>) -> Self {
        Self {
            states: States::new(about, seal),
            phase: Phase::New,
            server: Server::default(),
            waiting: Waiting::default(),
            unsent: Vec::new(),
            last: 0,
            calls: HashMap::new(),
            open: HashMap::new(),
            by_client: HashMap::new(),
            by_server: HashMap::new(),
            early: Vec::new(),
            holding: Holding::default(),
            kept: 0,
            level: None,
            listens: BTreeMap::new(),
            watched: HashMap::new(),
        }
    }

    /// With other bounds for calls that wait for the client's input.
    #[must_use]
    pub fn holding(self, holding: Holding) -> Self {
        Self { holding, ..self }
    }

    /// Whether `server/discover` names the legacy revision that the server speaks, too.
    pub(super) const fn set_beside_sessions(&mut self, may_begin: bool) {
        self.server.beside_sessions = may_begin;
    }

    /// Whether there is a session at the server.
    pub(super) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
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

    /// Sends a request of our own. Without a purpose, nothing comes of its answer.
    fn ask(
        &mut self,
        purpose: Option<Purpose>,
        method: &str,
        params: &str,
        out: &mut Effects,
    ) -> u64 {
        let id = self.next();
        if let Some(purpose) = purpose {
            self.open.insert(id, purpose);
        }
        out.server(write::request(id, method, Some(params)));
        id
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
            // A modern client is not asked anything.
            Body::Response(_) => {}
        }
    }

    fn request(&mut self, request: &Request<'_>, line: &[u8], now: Duration, out: &mut Effects) {
        let asker = match self.admit(request) {
            Ok(asker) => asker,
            Err(refusal) => return out.client(refusal),
        };
        match (&self.phase, &request.method) {
            (Phase::New | Phase::Opening(_), _) => {
                if !self.waiting.push(line) {
                    let words = "too much waits for the MCP server; try again later";
                    out.client(write::refusal(&request.id, code::INTERNAL_ERROR, words));
                } else if matches!(self.phase, Phase::New) {
                    self.server.introduce(&asker);
                    self.begin(now, out);
                }
            }
            (Phase::Open, Method::Discover) => {
                out.client(write::result(&request.id, &self.server.described()));
            }
            (Phase::Open, Method::Listen) => self.listen(request, now, out),
            (Phase::Open, _) => self.call(request, asker, now, out),
        }
    }

    /// Who asks, or the answer when that cannot be done.
    fn admit<'a>(&self, request: &Request<'a>) -> Result<Asker<'a>, Vec<u8>> {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        let gone = match &request.method {
            Method::Initialize | Method::ResourcesSubscribe | Method::ResourcesUnsubscribe => true,
            Method::Other(method) => matches!(method.as_ref(), name::PING | name::SET_LEVEL),
            _ => false,
        };
        if gone {
            let words = format!("{} is not known in revision 2026-07-28", request.method);
            return Err(refuse(code::METHOD_NOT_FOUND, &words));
        }
        if self.by_client.contains_key(&request.id) {
            return Err(refuse(code::INVALID_REQUEST, &Reason::IdInUse.to_string()));
        }
        if self.by_client.len() >= OPEN_REQUESTS {
            let reason = Reason::TooManyOpen { limit: OPEN_REQUESTS };
            return Err(refuse(code::INVALID_REQUEST, &reason.to_string()));
        }
        Asker::read(request)
    }

    fn notification(&mut self, notification: &Notification<'_>, line: &[u8], out: &mut Effects) {
        match (&self.phase, notification.method.as_str()) {
            (Phase::New, _) | (_, name::INITIALIZED | name::PROGRESS | name::ROOTS_CHANGED) => {}
            // What there is no room for is about requests that there was no room for either.
            (Phase::Opening(_), _) => drop(self.waiting.push(line)),
            (Phase::Open, name::CANCELLED) => self.cancelled(&notification.params, out),
            (Phase::Open, _) => out.server(line.to_vec()),
        }
    }

    fn server_line(&mut self, line: &[u8], stream: Option<u64>, now: Duration, out: &mut Effects) {
        let messages = if self.server.batches {
            Message::parse_batch(line, &Limits::SERVER)
        } else {
            Message::parse(line, &Limits::SERVER).map(|message| vec![message])
        };
        match messages {
            Ok(messages) => {
                for message in &messages {
                    match &message.body {
                        Body::Request(request) => self.asked(request, stream, now, out),
                        Body::Notification(notification) => self.told(notification, out),
                        Body::Response(response) => self.response(response, now, out),
                    }
                }
            }
            Err(refused) => self.unreadable(line, &refused, now, out),
        }
    }

    fn response(&mut self, response: &Response<'_>, now: Duration, out: &mut Effects) {
        let Some(id) = response.id.as_ref().and_then(ours) else { return };
        match self.open.remove(&id) {
            Some(Purpose::Initialize) => self.opened(&response.outcome, now, out),
            Some(Purpose::Watch(uri)) => {
                let watched = matches!(response.outcome, Outcome::Result(_));
                self.watching(&uri, id, watched, out);
            }
            None => self.answered(id, &response.outcome, now, out),
        }
    }

    /// An answer that cannot be read: who waits for it is told.
    fn unreadable(&mut self, line: &[u8], refused: &Refused, now: Duration, out: &mut Effects) {
        let Some(id) = crate::message::answered_id(line).as_ref().and_then(ours) else { return };
        let words = format!("the MCP server's answer cannot be passed on: {}", refused.reason);
        match self.open.remove(&id) {
            Some(Purpose::Initialize) => self.not_opened(&words, out),
            Some(Purpose::Watch(uri)) => self.watching(&uri, id, false, out),
            None => {
                let error = error::object(code::INTERNAL_ERROR, &words);
                let error = crate::json::Raw::checked(&error);
                self.answered(id, &Outcome::Error(error), now, out);
            }
        }
    }

    /// The client takes a request back.
    fn cancelled(&mut self, params: &crate::Params<'_>, out: &mut Effects) {
        let Ok(id) = request::cancelled(params) else { return };
        match self.by_client.remove(&id.to_static()) {
            Some(Work::Call(number)) => {
                let reason = params.raw().and_then(|raw| super::splice::get(raw, "reason"));
                let reason = reason.and_then(crate::json::Raw::string);
                let reason = reason.as_deref().unwrap_or("the client took the request back");
                self.give_up(number, reason, out);
            }
            Some(Work::Listen(number)) => self.unlisten(number, out),
            None => {}
        }
    }
}

impl Bridge for ModernOverLegacy {
    fn client(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        self.client_line(&framing::line(line), now, &mut out);
        out
    }

    fn server(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        self.server_line(&framing::line(line), None, now, &mut out);
        out
    }

    fn server_on(&mut self, line: &[u8], stream: &Id<'_>, now: Duration) -> Effects {
        let mut out = Effects::default();
        self.server_line(&framing::line(line), ours(stream), now, &mut out);
        out
    }

    fn wake_at(&self) -> Option<Duration> {
        let opening = match &self.phase {
            Phase::Opening(opening) => Some(opening.until),
            Phase::New | Phase::Open => None,
        };
        self.held_until().chain(self.early_until()).chain(self.listens_until()).chain(opening).min()
    }

    fn wake(&mut self, now: Duration) -> Effects {
        let mut out = Effects::default();
        if matches!(&self.phase, Phase::Opening(opening) if opening.until <= now) {
            self.open.retain(|_, purpose| !matches!(purpose, Purpose::Initialize));
            self.not_opened("the MCP server did not open a session in time", &mut out);
        }
        self.expire(now, &mut out);
        self.acknowledge_late(now, &mut out);
        out
    }

    fn is_settled(&self) -> bool {
        !matches!(self.phase, Phase::Opening(_)) && self.by_client.is_empty()
    }

    fn reopen(&mut self, unsent: Vec<Vec<u8>>, now: Duration) -> Option<Effects> {
        if matches!(self.phase, Phase::New) {
            return None;
        }
        let mut out = Effects::default();
        self.lost(unsent, now, &mut out);
        Some(out)
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
