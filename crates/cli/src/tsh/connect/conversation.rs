//! What a client and a server have said to each other and still owe each other: what must be answered,
//! sent again or withdrawn when the connection between them is lost.

use std::collections::{HashMap, HashSet};

use bytes::{Bytes, BytesMut};
use mcp::method::name;
use mcp::{
    Body, Id, Limits, Message, Method, Notification, Outcome, Refused, Request, Response, request,
};
use serde_json::Value;

use super::handshake::Handshake;
use super::rename;
use super::runs::lines;
use super::standing::{Renewal, Standing};
use crate::tsh::repeatable::is_repeatable;

/// The longest request that is kept to be sent again; those that can be are short.
const KEPT_LINE: usize = 16 << 10;
/// All that are kept, together.
const KEPT_BYTES: usize = 1 << 20;
/// Requests of servers that are gone, whose answers must not reach another server.
const WITHDRAWN: usize = 1_000;

/// Why the cluster ended a connection that can be opened again at once.
pub(super) const TRANSIENT: [&str; 2] = ["draining", "server-ended"];

/// Both sides of a conversation, over however many connections.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    pub(super) handshake: Handshake,
    standing: Standing,
    /// Requests of ours, whose answers are not for the client.
    renewed: HashSet<Id<'static>>,
    /// The client's requests.
    in_flight: HashMap<Id<'static>, InFlight>,
    sent: u64,
    answers: u64,
    kept: usize,
    /// The server's requests.
    asked: HashSet<Id<'static>>,
    withdrawn: HashSet<Id<'static>>,
    /// Requests of a server's that have the id of one whose answer may still come, by the id that the
    /// client knows.
    renamed: HashMap<Id<'static>, Id<'static>>,
}

/// A request without an answer.
#[derive(Debug)]
struct InFlight {
    order: u64,
    /// The request, if nothing is changed by asking twice.
    line: Option<Bytes>,
}

/// What becomes of a line.
enum Pass {
    AsItIs,
    Instead(Vec<u8>),
    Not,
}

/// What a lost connection leaves behind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Requests that nobody will answer any more.
    pub(super) unanswered: Vec<Id<'static>>,
    /// Requests that can be sent again, whole lines in their order.
    pub(super) again: BytesMut,
    /// Requests of the server's that nobody waits for any more.
    pub(super) withdrawn: Vec<Id<'static>>,
}

// === impl Conversation ===

impl Conversation {
    /// Lines that the client wrote, as they may go to the server.
    pub(super) fn up(&mut self, run: &Bytes) -> Bytes {
        if self.withdrawn.is_empty() && self.renamed.is_empty() {
            return run.clone();
        }
        sift(run, |line| match read(line, &Limits::CLIENT).as_deref() {
            Ok([Message { body: Body::Response(Response { id: Some(id), .. }), .. }]) => {
                let id = id.to_static();
                match self.renamed.remove(&id) {
                    Some(theirs) => {
                        self.asked.remove(&id);
                        rename::response(line, &theirs).map_or(Pass::Not, Pass::Instead)
                    }
                    None => (!self.withdrawn.remove(&id)).into(),
                }
            }
            // Batches have no revision in common with what is asked over several connections; the cluster
            // says what is wrong with anything else.
            _ => Pass::AsItIs,
        })
    }

    /// Lines that were handed to the connection.
    pub(super) fn sent(&mut self, run: &[u8]) {
        for line in lines(run) {
            let Ok(messages) = read(line, &Limits::CLIENT) else { continue };
            let alone = messages.len() == 1;
            for Message { body, .. } in &messages {
                match body {
                    Body::Request(request) => self.request(request, line, alone),
                    Body::Notification(notification) => self.notified(notification, line),
                    Body::Response(response) => {
                        if let Some(id) = &response.id {
                            self.asked.remove(&id.to_static());
                        }
                    }
                }
            }
        }
    }

    fn request(&mut self, request: &Request<'_>, line: &[u8], alone: bool) {
        let id = request.id.to_static();
        if request.method == Method::Initialize {
            self.handshake.asked(id.clone(), line);
        }
        self.standing.asked(request);
        let keep = alone
            && line.len() <= KEPT_LINE
            && self.kept + line.len() < KEPT_BYTES
            && is_repeatable(request);
        let line = keep.then(|| Bytes::from([line, b"\n"].concat()));
        self.kept += line.as_ref().map_or(0, Bytes::len);
        self.sent += 1;
        let order = self.sent;
        if let Some(InFlight { line: Some(line), .. }) =
            self.in_flight.insert(id, InFlight { order, line })
        {
            self.kept -= line.len();
        }
    }

    fn notified(&mut self, notification: &Notification<'_>, line: &[u8]) {
        match notification.method.as_str() {
            name::INITIALIZED => self.handshake.initialized(line),
            name::CANCELLED => {
                if let Ok(id) = request::cancelled(&notification.params) {
                    self.settle(&id.to_static());
                }
            }
            _ => {}
        }
    }

    fn settle(&mut self, id: &Id<'static>) {
        if let Some(InFlight { line: Some(line), .. }) = self.in_flight.remove(id) {
            self.kept -= line.len();
        }
    }

    /// Lines that came back, as they may go to the client. What the cluster says in the place of a server
    /// that is gone is held back for requests that can be sent again, `if_again`.
    pub(super) fn down(&mut self, run: &Bytes, if_again: bool) -> Bytes {
        sift(run, |line| {
            let Ok(messages) = read(line, &Limits::SERVER) else { return Pass::AsItIs };
            let mut pass = true;
            for Message { body, .. } in &messages {
                match body {
                    Body::Response(response) => pass &= self.answered(response, line, if_again),
                    Body::Request(request) => {
                        let id = request.id.to_static();
                        let instead =
                            self.withdrawn.contains(&id).then(|| rename::request(request));
                        match instead {
                            Some((ours, line)) => {
                                self.renamed.insert(ours.clone(), id);
                                self.asked.insert(ours);
                                return Pass::Instead(line);
                            }
                            None => _ = self.asked.insert(id),
                        }
                    }
                    Body::Notification(notification) => {
                        if notification.method.as_str() == name::CANCELLED
                            && let Ok(id) = request::cancelled(&notification.params)
                        {
                            self.asked.remove(&id.to_static());
                        }
                    }
                }
            }
            pass.into()
        })
    }

    /// Whether the client is to see it.
    fn answered(&mut self, response: &Response<'_>, line: &[u8], if_again: bool) -> bool {
        let Some(id) = &response.id else { return true };
        let id = id.to_static();
        if self.renewed.remove(&id) {
            return false;
        }
        if let Outcome::Error(error) = &response.outcome
            && if_again
            && self.in_flight.get(&id).is_some_and(|request| request.line.is_some())
            && is_transient(error.as_str())
        {
            return false;
        }
        self.settle(&id);
        self.answers += 1;
        let has_result = matches!(response.outcome, Outcome::Result(_));
        self.handshake.answered(&id, line, has_result);
        self.standing.answered(&id, has_result);
        true
    }

    /// How many answers have come.
    pub(super) const fn answers(&self) -> u64 {
        self.answers
    }

    /// Whether the client waits for nothing.
    pub(super) fn is_settled(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// The connection is lost; `if_again` another one will be opened.
    pub(super) fn lose(&mut self, if_again: bool) -> Lost {
        let mut lost = Lost::default();
        let mut in_flight: Vec<_> = self.in_flight.drain().collect();
        in_flight.sort_by_key(|(_, request)| request.order);
        for (id, request) in in_flight {
            match request.line.filter(|_| if_again) {
                Some(line) => lost.again.extend_from_slice(&line),
                None => lost.unanswered.push(id),
            }
        }
        self.kept = 0;
        self.standing.lose();
        self.renewed.clear();
        self.renamed.clear();
        lost.withdrawn.extend(self.asked.drain());
        if self.withdrawn.len() + lost.withdrawn.len() > WITHDRAWN {
            self.withdrawn.clear();
        }
        self.withdrawn.extend(lost.withdrawn.iter().cloned());
        lost
    }

    /// What was asked for once and for all is asked for again, on another connection.
    pub(super) fn renew(&mut self) -> Renewal {
        let renewal = self.standing.renew();
        self.renewed = renewal.up.iter().map(|(id, _)| id.clone()).collect();
        renewal
    }

    /// Of what the client wrote while there is no connection, what needs one. Answers and cancellations
    /// concern what is gone.
    pub(super) fn offline(run: &Bytes) -> Bytes {
        sift(run, |line| match read(line, &Limits::CLIENT).as_deref() {
            Ok([Message { body: Body::Response(_), .. }]) => Pass::Not,
            Ok([Message { body: Body::Notification(notification), .. }]) => {
                let method = notification.method.as_str();
                (!matches!(method, name::CANCELLED | name::PROGRESS)).into()
            }
            _ => Pass::AsItIs,
        })
    }
}

/// The message in a line, or those of a batch.
pub(super) fn read<'a>(line: &'a [u8], limits: &Limits) -> Result<Vec<Message<'a>>, Refused> {
    if line.trim_ascii_start().first() == Some(&b'[') {
        return Message::parse_batch(line, limits);
    }
    Message::parse(line, limits).map(|message| vec![message])
}

/// Whether the cluster itself says, in an error, that the server is gone for the moment.
fn is_transient(error: &str) -> bool {
    let error: Value = serde_json::from_str(error).unwrap_or_default();
    let end = error.pointer("/data/end").and_then(Value::as_str);
    end.is_some_and(|end| TRANSIENT.contains(&end))
}

/// A run with what becomes of each line: without a copy where all of them pass.
fn sift(run: &Bytes, mut judge: impl FnMut(&[u8]) -> Pass) -> Bytes {
    let mut rest = BytesMut::new();
    let mut all = true;
    for line in lines(run) {
        let pass = judge(line);
        if !matches!(pass, Pass::AsItIs) && all {
            all = false;
            // What came before it passed.
            let start = (line.as_ptr() as usize).saturating_sub(run.as_ptr() as usize);
            rest.extend_from_slice(run.get(..start).unwrap_or_default());
        }
        match pass {
            Pass::AsItIs if all => {}
            Pass::AsItIs => {
                rest.extend_from_slice(line);
                rest.extend_from_slice(b"\n");
            }
            Pass::Instead(line) => {
                rest.extend_from_slice(&line);
                rest.extend_from_slice(b"\n");
            }
            Pass::Not => {}
        }
    }
    if all { run.clone() } else { rest.freeze() }
}

// === impl Pass ===

impl From<bool> for Pass {
    fn from(passes: bool) -> Self {
        if passes { Self::AsItIs } else { Self::Not }
    }
}

#[cfg(test)]
mod tests;
