//! Requests of the client's that go to the server.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::json;

use super::held::{Hold, Question};
use super::state::Salient;
use super::{ModernOverLegacy, Work, results};
use crate::bridge::capabilities::Offers;
use crate::bridge::level::Level;
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, KEPT_BYTES, MISSED_BYTES, MISSED_REPORTS, write};
use crate::error::{self, code};
use crate::id::ID_BYTES;
use crate::json::{Kind, Raw};
use crate::message::{Body, Message, Notification, Outcome};
use crate::method::name;
use crate::{Asked, Era, Id, Limits, Method, Request, Revision, meta};

/// Who makes a request, as it says itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asker<'a> {
    pub(super) info: Option<Raw<'a>>,
    pub(super) capabilities: Raw<'a>,
    pub(super) offers: Offers,
    pub(super) level: Option<Level>,
    token: Option<Raw<'a>>,
}

/// A request of the client's that the server works on.
pub(super) struct Call {
    /// The client's open request for it; none while it is held.
    pub(super) client: Option<Id<'static>>,
    pub(super) asked: Asked,
    /// What it is about, when input can be had for it.
    pub(super) salient: Option<Salient>,
    /// What the client can be asked.
    pub(super) offers: Offers,
    pub(super) level: Option<Level>,
    /// The client's progress token, as JSON.
    pub(super) token: Option<String>,
    /// Grows with whatever happens.
    pub(super) touched: u64,
    /// What the server wants to know.
    pub(super) questions: Vec<Question>,
    pub(super) hold: Option<Hold>,
    /// The outcome that came while it was held.
    pub(super) done: Option<Done>,
    /// What the server told of its progress meanwhile, oldest first.
    missed: VecDeque<Vec<u8>>,
}

/// An outcome for later, as JSON.
#[derive(Debug)]
pub(super) enum Done {
    Result(String),
    Error(String),
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("client", &self.client)
            .field("asked", &self.asked)
            .field("questions", &self.questions.len())
            .field("hold", &self.hold)
            .finish_non_exhaustive()
    }
}

// === impl Asker ===

impl<'a> Asker<'a> {
    /// Reads who asks, or gives the answer that says what is missing.
    pub(super) fn read(request: &Request<'a>) -> Result<Self, Vec<u8>> {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        let meta = match request.params.meta() {
            Ok(meta) => meta.unwrap_or_default(),
            Err(reason) => return Err(refuse(reason.code(), &reason.to_string())),
        };
        let missing = |key: &str| {
            refuse(
                code::INVALID_PARAMS,
                &format!("\"_meta\" must have {key:?} as the revision says"),
            )
        };
        let version = meta.protocol_version.ok_or_else(|| missing(meta::PROTOCOL_VERSION))?;
        if Revision::parse(&version).is_none_or(|revision| revision.era() != Era::Modern) {
            let data = json!({"supported": [Revision::LATEST.as_str()], "requested": version});
            let words = "unsupported protocol version";
            let code = code::UNSUPPORTED_VERSION;
            return Err(error::response(Some(&request.id), code, words, Some(data)));
        }
        let object = |raw: &Raw<'a>| raw.kind() == Kind::Object;
        let capabilities = meta
            .client_capabilities
            .filter(object)
            .ok_or_else(|| missing(meta::CLIENT_CAPABILITIES))?;
        let level = match meta.log_level {
            None => None,
            Some(level) => Some(Level::read(level).ok_or_else(|| missing(meta::LOG_LEVEL))?),
        };
        Ok(Self {
            info: meta.client_info.filter(object),
            capabilities,
            offers: Offers::read(capabilities),
            level,
            token: meta
                .progress_token
                .filter(|raw| matches!(raw.kind(), Kind::String | Kind::Number))
                // As long as an id may be.
                .filter(|raw| raw.as_str().len() <= ID_BYTES),
        })
    }
}

// === impl Call ===

impl Call {
    fn new(request: &Request<'_>, asker: &Asker<'_>) -> Self {
        let repeatable = matches!(
            request.method,
            Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead
        );
        let mut call = Self {
            client: None,
            asked: request.method.asked(),
            salient: repeatable.then(|| Salient::of(request)),
            offers: Offers::default(),
            level: None,
            token: None,
            touched: 0,
            questions: Vec::new(),
            hold: None,
            done: None,
            missed: VecDeque::new(),
        };
        call.attach(request, asker);
        call
    }

    /// From now on this request is the one that the call's outcome is for.
    pub(super) fn attach(&mut self, request: &Request<'_>, asker: &Asker<'_>) {
        self.client = Some(request.id.to_static());
        self.offers = asker.offers;
        self.level = asker.level;
        self.token = asker.token.map(|raw| raw.as_str().to_owned());
        self.hold = None;
    }

    /// Tells the client how far the call is, under the token that it gave last.
    fn tell_progress(&self, params: Option<Raw<'_>>, out: &mut Effects) {
        let Some(token) = &self.token else { return };
        let token = [Change::Set("progressToken", token.as_str().into())];
        if let Ok(params) = splice::edit(params, &token) {
            out.client(write::notification(name::PROGRESS, Some(&params)));
        }
    }

    /// Keeps for the client's return what nobody waits for now. The oldest gives way: later reports say more.
    fn miss_progress(&mut self, params: Option<Raw<'_>>) {
        let line = write::notification(name::PROGRESS, params.map(Raw::as_str));
        if line.len() <= MISSED_BYTES {
            if self.missed.len() >= MISSED_REPORTS {
                self.missed.pop_front();
            }
            self.missed.push_back(line);
        }
    }

    /// Tells the client what it missed.
    pub(super) fn catch_up(&mut self, out: &mut Effects) {
        for line in std::mem::take(&mut self.missed) {
            if let Ok(Message { body: Body::Notification(missed), .. }) =
                Message::parse(&line, &Limits::SERVER)
            {
                self.tell_progress(missed.params.raw(), out);
            }
        }
    }

    /// How many bytes it keeps.
    pub(super) fn kept(&self) -> usize {
        let done = match &self.done {
            Some(Done::Result(text) | Done::Error(text)) => text.len(),
            None => 0,
        };
        done + self.questions.iter().map(Question::kept).sum::<usize>()
    }
}

// === impl ModernOverLegacy ===

impl ModernOverLegacy {
    /// Passes on a request, or goes on with a held call.
    pub(super) fn call(
        &mut self,
        request: &Request<'_>,
        asker: Asker<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        let state = request.params.request_state().filter(|raw| !raw.is_null());
        let call = Call::new(request, &asker);
        match (state, call.salient) {
            (Some(state), Some(salient)) => {
                self.resume(request, &asker, state, salient, now, out);
            }
            _ => self.send(request, &asker, call, now, out),
        }
    }

    pub(super) fn send_anew(
        &mut self,
        request: &Request<'_>,
        asker: &Asker<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        self.send(request, asker, Call::new(request, asker), now, out);
    }

    fn send(
        &mut self,
        request: &Request<'_>,
        asker: &Asker<'_>,
        mut call: Call,
        now: Duration,
        out: &mut Effects,
    ) {
        let number = self.next();
        let params = match to_legacy(request, asker, number) {
            Ok(params) => params,
            Err(reason) => {
                let words = reason.to_string();
                return out.client(write::refusal(&request.id, reason.code(), &words));
            }
        };
        call.touched = number;
        self.by_client.insert(request.id.to_static(), Work::Call(number));
        self.calls.insert(number, call);
        self.set_level(asker.level, out);
        out.server(write::request(number, request.method.as_str(), params.as_deref()));
        self.adopt(number, now, out);
    }

    /// Sees to it that the server writes what all open requests want.
    pub(super) fn set_level(&mut self, wanted: Option<Level>, out: &mut Effects) {
        if wanted.is_none() || !self.server.told.logging {
            return;
        }
        let least = self
            .calls
            .values()
            .filter(|call| call.client.is_some())
            .filter_map(|call| call.level)
            .chain(wanted)
            .min();
        if let Some(level) = least
            && self.level != least
        {
            self.level = least;
            let params = format!("{{\"level\":{}}}", level.to_json());
            self.ask(None, name::SET_LEVEL, &params, out);
        }
    }

    /// The server has answered a call.
    pub(super) fn answered(
        &mut self,
        number: u64,
        outcome: &Outcome<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.client.is_some() {
            return self.finish(number, outcome, now, out);
        }
        // The client comes back for it.
        let mut done = match outcome {
            Outcome::Result(answer) => Done::Result(answer.raw().as_str().to_owned()),
            Outcome::Error(error) => Done::Error(error.as_str().to_owned()),
        };
        let (Done::Result(text) | Done::Error(text)) = &mut done;
        if call.done.is_some() {
            return;
        }
        if self.kept.saturating_add(text.len()) > KEPT_BYTES {
            let words =
                "the MCP server answered while input was awaited, with more than can be kept";
            done = Done::Error(error::object(code::INTERNAL_ERROR, words));
        }
        let (Done::Result(text) | Done::Error(text)) = &done;
        self.kept += text.len();
        call.done = Some(done);
    }

    /// Answers the client's request with a call's outcome.
    pub(super) fn finish(
        &mut self,
        number: u64,
        outcome: &Outcome<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        let Some(call) = self.forget(number) else { return };
        self.release_questions(&call, "the call is over", out);
        let Some(client) = &call.client else { return };
        let error = match outcome {
            Outcome::Result(answer) => {
                return out.client(match results::result(answer.raw(), call.asked, &self.server) {
                    Ok(result) => write::result(client, &result),
                    Err(_unreadable) => {
                        let words = "the MCP server's answer cannot be passed on: it is no object";
                        write::refusal(client, code::INTERNAL_ERROR, words)
                    }
                });
            }
            Outcome::Error(error) => *error,
        };
        if results::visits(error).is_some()
            && let Some(salient) = call.salient
        {
            return self.send_to_visit(client, call.offers, salient, error, now, out);
        }
        out.client(write::error(client, &results::error(error)));
    }

    /// Nobody wants a call's outcome any more.
    pub(super) fn give_up(&mut self, number: u64, reason: &str, out: &mut Effects) {
        let Some(call) = self.forget(number) else { return };
        self.release_questions(&call, reason, out);
        if call.done.is_none() {
            out.server(write::cancelled(number, reason));
        }
    }

    pub(super) fn progress(&mut self, notification: &Notification<'_>, out: &mut Effects) {
        let params = &notification.params;
        let token = params.sound().ok().and(params.progress_token());
        let number = token.and_then(|raw| raw.as_str().parse().ok());
        let touched = self.next();
        let Some(call) = number.and_then(|number: u64| self.calls.get_mut(&number)) else { return };
        call.touched = touched;
        if call.client.is_some() {
            call.tell_progress(params.raw(), out);
        } else {
            call.miss_progress(params.raw());
        }
    }

    /// Whether an open request wants a log message of this level.
    pub(super) fn wants(&self, level: Level) -> bool {
        self.calls
            .values()
            .filter(|call| call.client.is_some())
            .any(|call| call.level.is_some_and(|wanted| wanted <= level))
    }
}

/// The params of a request as a legacy server knows them.
fn to_legacy(
    request: &Request<'_>,
    asker: &Asker<'_>,
    number: u64,
) -> Result<Option<String>, crate::Reason> {
    let meta = request.params.raw().and_then(|raw| splice::get(raw, "_meta"));
    let meta = splice::edit(
        meta,
        &[
            Change::Drop(meta::PROTOCOL_VERSION),
            Change::Drop(meta::CLIENT_INFO),
            Change::Drop(meta::CLIENT_CAPABILITIES),
            Change::Drop(meta::LOG_LEVEL),
            // Tokens of requests that are independent of each other may be the same.
            Change::to(meta::PROGRESS_TOKEN, asker.token.map(|_| number.to_string())),
        ],
    )?;
    let params = splice::edit(
        request.params.raw(),
        &[
            Change::to("_meta", Some(meta).filter(|meta| meta != "{}")),
            Change::Drop("inputResponses"),
            Change::Drop("requestState"),
        ],
    )?;
    Ok(Some(params).filter(|params| params != "{}"))
}
