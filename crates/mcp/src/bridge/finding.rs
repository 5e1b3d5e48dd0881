//! Which bridge a client and a server need, if any, found out from what they say first.
//!
//! | the client's first request | the server is known to be | what is done |
//! |---|---|---|
//! | `initialize` | legacy, or unknown | it is passed on as it is; a server that refuses it as a modern one is bridged to |
//! | `initialize` | modern | bridged; if `server/discover` is refused, `initialize` is passed on after all |
//! | modern | unknown | asked with a `server/discover` of our own: whatever does not show a modern server shows a legacy one |
//! | modern | legacy | bridged; a server that refuses `initialize` as a modern one is spoken to directly |
//! | modern | modern | passed on |
//!
//! A server that takes longer than [`ASKING`] to answer `server/discover` counts as legacy, and is spoken to
//! directly all the same if its answer comes before the session is open: starting can take long. Where an
//! administrator has said what the server is, that holds and nothing is found out.
//!
//! (2026-07-28, transports, stdio, "Backward Compatibility".)

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::kept::Waiting;
use super::{Bridge, Effects, Holding, LegacyOverModern, ModernOverLegacy, Seal, write};
use crate::error::code;
use crate::framing;
use crate::limits::Limits;
use crate::message::{Body, Message};
use crate::{Era, Id, Method, Request, probe};

/// How long a server may take to say that it is modern.
pub const ASKING: Duration = Duration::from_secs(5);

/// The id of our question. Bridges count from one.
const QUESTION: u64 = 0;

/// What is known beforehand of the era of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Nothing.
    Unknown,
    /// It was of this era when it was last spoken to.
    Once(Era),
    /// An administrator says so.
    Pinned(Era),
}

/// A bridge of the sort that is needed, or none.
pub struct Finding {
    about: Vec<u8>,
    seal: Arc<dyn Seal>,
    known: Known,
    beside_sessions: bool,
    holding: Holding,
    state: State,
}

#[derive(Debug)]
enum State {
    /// The client has sent no request.
    New,
    /// The server has got the client's `initialize`.
    Trying { first: Vec<u8>, id: Id<'static>, waiting: Waiting },
    /// The server was asked what it is.
    Asking { until: Duration, waiting: Waiting },
    /// Both are of this era.
    Same(Era),
    /// The client is legacy, the server modern; what the client said first.
    Legacy { bridge: Box<LegacyOverModern>, first: Option<Vec<u8>> },
    /// The client is modern, the server legacy, or so it seems.
    Modern { bridge: Box<ModernOverLegacy>, doubtful: bool },
}

impl fmt::Debug for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finding").field("known", &self.known).field("state", &self.state).finish()
    }
}

// === impl Finding ===

impl Finding {
    /// For a client that has not sent anything yet; `about` and `seal` as in [`ModernOverLegacy::new`].
    pub fn new(about: &[u8], seal: Arc<dyn Seal>, known: Known) -> Self {
        let (about, holding) = (about.to_vec(), Holding::default());
        Self { about, seal, known, beside_sessions: false, holding, state: State::New }
    }

    /// For a client that can begin a session of the legacy era beside this: `server/discover` says so.
    #[must_use]
    pub fn beside_sessions(self) -> Self {
        Self { beside_sessions: true, ..self }
    }

    /// With other bounds for calls that wait for the client's input.
    #[must_use]
    pub fn holding(self, holding: Holding) -> Self {
        Self { holding, ..self }
    }

    /// The era of the server, once it is known.
    pub fn era(&self) -> Option<Era> {
        match &self.state {
            State::New | State::Trying { .. } | State::Asking { .. } => None,
            State::Same(era) => Some(*era),
            State::Legacy { bridge, .. } => (!bridge.is_greeting()).then_some(Era::Modern),
            State::Modern { bridge, .. } => bridge.is_open().then_some(Era::Legacy),
        }
    }

    /// Whether messages pass as they are from now on.
    pub const fn is_same(&self) -> bool {
        matches!(self.state, State::Same(_))
    }

    /// Whether the server may get a client's request once more, without the client's sending it again.
    pub const fn sends_again(&self) -> bool {
        matches!(self.state, State::Legacy { .. })
    }

    fn is_pinned(&self) -> bool {
        matches!(self.known, Known::Pinned(_))
    }

    fn first(&mut self, line: &[u8], now: Duration, out: &mut Effects) {
        let message = Message::parse(line, &Limits::CLIENT).map(|message| message.body);
        let Ok(Body::Request(request)) = message else { return out.server(line.to_vec()) };
        let era = match self.known {
            Known::Unknown => None,
            Known::Once(era) | Known::Pinned(era) => Some(era),
        };
        match (client_era(&request), era) {
            (None, _) => out.server(line.to_vec()),
            (Some(Era::Legacy), Some(Era::Modern)) => {
                let first = (!self.is_pinned()).then(|| line.to_vec());
                self.bridge_legacy(line, first, now, out);
            }
            (Some(Era::Legacy), Some(Era::Legacy)) if self.is_pinned() => {
                self.pass(Era::Legacy, [line.to_vec()], out);
            }
            (Some(Era::Legacy), _) => {
                let (first, id) = (line.to_vec(), request.id.to_static());
                out.server(first.clone());
                self.state = State::Trying { first, id, waiting: Waiting::default() };
            }
            (Some(Era::Modern), Some(Era::Modern)) => {
                self.pass(Era::Modern, [line.to_vec()], out);
            }
            (Some(Era::Modern), Some(Era::Legacy)) => {
                self.bridge_modern([line.to_vec()], now, out);
            }
            (Some(Era::Modern), None) => {
                let mut waiting = Waiting::default();
                self.state = if waiting.push(line) {
                    out.server(probe::discover(QUESTION));
                    State::Asking { until: now + ASKING, waiting }
                } else {
                    out.client(refuse(&request.id));
                    State::New
                };
            }
        }
    }

    fn pass(&mut self, era: Era, lines: impl IntoIterator<Item = Vec<u8>>, out: &mut Effects) {
        self.state = State::Same(era);
        lines.into_iter().for_each(|line| out.server(line));
    }

    fn bridge_legacy(
        &mut self,
        line: &[u8],
        first: Option<Vec<u8>>,
        now: Duration,
        out: &mut Effects,
    ) {
        let mut bridge = Box::new(LegacyOverModern::new());
        out.add(bridge.client(line, now));
        self.state = State::Legacy { bridge, first };
    }

    fn bridge_modern(
        &mut self,
        lines: impl IntoIterator<Item = Vec<u8>>,
        now: Duration,
        out: &mut Effects,
    ) {
        let mut bridge =
            Box::new(ModernOverLegacy::new(&self.about, self.seal.clone()).holding(self.holding));
        bridge.set_beside_sessions(self.beside_sessions);
        for line in lines {
            out.add(bridge.client(&line, now));
        }
        self.state = State::Modern { bridge, doubtful: !self.is_pinned() };
    }

    /// The server's answer to the client's own `initialize`.
    fn tried(&mut self, line: &[u8], now: Duration, out: &mut Effects) {
        let State::Trying { first, waiting, .. } = &mut self.state else { return };
        let (first, lines) = (std::mem::take(first), waiting.take());
        if probe::is_modern_refusal(line) {
            self.bridge_legacy(&first, None, now, out);
            for line in lines {
                out.add(self.client(&line, now));
            }
        } else {
            out.client(line.to_vec());
            self.pass(Era::Legacy, lines, out);
        }
    }

    /// The server's answer to our question, or that there is none.
    fn asked(&mut self, answer: Option<&[u8]>, now: Duration, out: &mut Effects) {
        let State::Asking { waiting, .. } = &mut self.state else { return };
        let lines = waiting.take();
        match probe::judge_discover(answer) {
            Era::Modern => self.pass(Era::Modern, lines, out),
            Era::Legacy => self.bridge_modern(lines, now, out),
        }
    }
}

impl Bridge for Finding {
    fn client(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        let line = &framing::line(line)[..];
        match &mut self.state {
            State::New => self.first(line, now, &mut out),
            State::Same(_) => out.server(line.to_vec()),
            State::Legacy { bridge, .. } => return bridge.client(line, now),
            State::Modern { bridge, .. } => return bridge.client(line, now),
            State::Trying { waiting, .. } | State::Asking { waiting, .. } => {
                match Message::parse(line, &Limits::CLIENT).map(|message| message.body) {
                    // The server asks while it makes up its mind.
                    Ok(Body::Response(_)) => out.server(line.to_vec()),
                    body => {
                        if !waiting.push(line)
                            && let Ok(Body::Request(request)) = body
                        {
                            out.client(refuse(&request.id));
                        }
                    }
                }
            }
        }
        out
    }

    fn server(&mut self, line: &[u8], now: Duration) -> Effects {
        let mut out = Effects::default();
        let line = &framing::line(line)[..];
        match &mut self.state {
            State::New | State::Same(_) => out.client(line.to_vec()),
            State::Trying { id, .. } => {
                if answers(line).is_some_and(|answered| answered == *id) {
                    self.tried(line, now, &mut out);
                } else {
                    out.client(line.to_vec());
                }
            }
            // What a server says before it was greeted is for nobody.
            State::Asking { .. } => {
                if answers(line) == Some(question()) {
                    self.asked(Some(line), now, &mut out);
                }
            }
            State::Legacy { bridge, first } => {
                let refused = bridge.is_greeting()
                    && answers(line).is_some()
                    && probe::judge_discover(Some(line)) == Era::Legacy;
                if let (true, Some(first)) = (refused, first.take()) {
                    let lines = bridge.take_waiting();
                    self.pass(Era::Legacy, std::iter::once(first).chain(lines), &mut out);
                } else {
                    return bridge.server(line, now);
                }
            }
            State::Modern { bridge, doubtful } => {
                *doubtful &= !bridge.is_open();
                let modern = *doubtful
                    && match answers(line) {
                        Some(id) if id == question() => {
                            probe::judge_discover(Some(line)) == Era::Modern
                        }
                        Some(_) => probe::is_modern_refusal(line),
                        None => false,
                    };
                if modern {
                    let lines = bridge.take_waiting();
                    self.pass(Era::Modern, lines, &mut out);
                } else {
                    return bridge.server(line, now);
                }
            }
        }
        out
    }

    fn server_on(&mut self, line: &[u8], stream: &Id<'_>, now: Duration) -> Effects {
        match &mut self.state {
            State::Modern { bridge, doubtful: false } => bridge.server_on(line, stream, now),
            _ => self.server(line, now),
        }
    }

    fn wake_at(&self) -> Option<Duration> {
        match &self.state {
            State::New | State::Trying { .. } | State::Same(_) => None,
            State::Asking { until, .. } => Some(*until),
            State::Legacy { bridge, .. } => bridge.wake_at(),
            State::Modern { bridge, .. } => bridge.wake_at(),
        }
    }

    fn wake(&mut self, now: Duration) -> Effects {
        let mut out = Effects::default();
        match &mut self.state {
            State::Asking { until, .. } if *until <= now => self.asked(None, now, &mut out),
            State::Legacy { bridge, .. } => return bridge.wake(now),
            State::Modern { bridge, .. } => return bridge.wake(now),
            _ => {}
        }
        out
    }

    fn is_settled(&self) -> bool {
        match &self.state {
            State::New | State::Same(_) => true,
            State::Trying { .. } | State::Asking { .. } => false,
            State::Legacy { bridge, .. } => bridge.is_settled(),
            State::Modern { bridge, .. } => bridge.is_settled(),
        }
    }

    fn reopen(&mut self, unsent: Vec<Vec<u8>>, now: Duration) -> Option<Effects> {
        match &mut self.state {
            State::Modern { bridge, .. } => bridge.reopen(unsent, now),
            _ => None,
        }
    }
}

/// The era of a client by its first request; nothing when that could be of either.
fn client_era(request: &Request<'_>) -> Option<Era> {
    if request.method == Method::Initialize {
        return Some(Era::Legacy);
    }
    let modern = matches!(request.method, Method::Discover | Method::Listen)
        || request
            .params
            .meta()
            .is_ok_and(|meta| meta.is_some_and(|meta| meta.protocol_version.is_some()));
    modern.then_some(Era::Modern)
}

fn question() -> Id<'static> {
    Id::Number(i64::try_from(QUESTION).unwrap_or_default())
}

/// The id of an answer.
fn answers(line: &[u8]) -> Option<Id<'static>> {
    match Message::parse(line, &Limits::SERVER).ok()?.body {
        Body::Response(response) => response.id.map(|id| id.to_static()),
        Body::Request(_) | Body::Notification(_) => None,
    }
}

fn refuse(id: &Id<'_>) -> Vec<u8> {
    let words = "too much waits for the MCP server; try again later";
    write::refusal(id, code::INTERNAL_ERROR, words)
}

#[cfg(test)]
mod tests;
