//! Questions of the server's, and the calls that wait for the client to answer them.

use std::time::Duration;

use super::calls::{Asker, Call, Done};
use super::results;
use super::state::{Salient, Sort, State};
use super::{ModernOverLegacy, Work};
use crate::bridge::capabilities::{Offers, is_question, is_url};
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, KEPT_BYTES, QUESTIONS, write};
use crate::error::{self, code};
use crate::json::{Kind, Raw};
use crate::limits::Limits;
use crate::message::{Message, Outcome};
use crate::method::name;
use crate::{Body, Id, Reason, Request};

/// A question of the server's.
pub(super) struct Question {
    /// The server's id.
    pub(super) id: Id<'static>,
    /// What the client knows it by.
    pub(super) key: String,
    /// The question for the client, as JSON.
    pub(super) text: String,
}

/// Since when a call is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    /// Which `requestState` continues it.
    round: u64,
    until: Duration,
}

/// Whose a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Call(u64),
    Nobody,
    /// One of several calls', and it cannot be told whose.
    Unclear,
}

/// What a server is told that asks while several calls are open.
const UNCLEAR: &str = "several calls of this client are open, and it cannot be told which of them this is for; ask while one is open";

// === impl Question ===

impl Question {
    pub(super) fn kept(&self) -> usize {
        self.text.len()
    }
}

// === impl ModernOverLegacy ===

impl ModernOverLegacy {
    /// The server asks something.
    pub(super) fn asked(
        &mut self,
        request: &Request<'_>,
        stream: Option<u64>,
        now: Duration,
        out: &mut Effects,
    ) {
        let refuse = |code, words: &str| write::refusal(&request.id, code, words);
        let method = request.method.as_str();
        if method == name::PING {
            return out.server(write::result(&request.id, "{}"));
        }
        if !is_question(method) {
            let words = format!("{} is not known to the client", write::shown(method));
            return out.server(refuse(code::METHOD_NOT_FOUND, &words));
        }
        let id = request.id.to_static();
        if self.by_server.contains_key(&id) {
            return out.server(refuse(code::INVALID_REQUEST, &Reason::IdInUse.to_string()));
        }
        let round = self.next();
        let number = match self.owner(method, stream) {
            Owner::Call(number) => number,
            Owner::Nobody => return self.put_off(request, now, out),
            Owner::Unclear => return out.server(refuse(code::INVALID_REQUEST, UNCLEAR)),
        };
        let Some(call) = self.calls.get_mut(&number) else { return };
        if let Err(not) = call.offers.allow(method, request.params.raw()) {
            return out.server(refuse(code::METHOD_NOT_FOUND, &not.words));
        }
        let Some(text) = question(method, request.params.raw()) else { return };
        let full =
            call.questions.len() >= QUESTIONS || self.kept.saturating_add(text.len()) > KEPT_BYTES;
        if full {
            let words = "too many questions wait for the client";
            return out.server(refuse(code::INTERNAL_ERROR, words));
        }
        self.kept += text.len();
        self.by_server.insert(id.clone(), number);
        call.questions.push(Question { id, key: format!("input-{round}"), text });
        if call.client.is_some() {
            self.hold(number, now, out);
        }
    }

    /// The call that a question belongs to.
    fn owner(&self, method: &str, stream: Option<u64>) -> Owner {
        let may_be_asked = |call: &Call| call.salient.is_some() && call.done.is_none();
        if let Some(number) = stream {
            let is_one = self.calls.get(&number).is_some_and(may_be_asked);
            return if is_one { Owner::Call(number) } else { Owner::Nobody };
        }
        let mut calls = self.calls.iter().filter(|(_, call)| may_be_asked(call));
        if method == name::LIST_ROOTS {
            let last = calls.max_by_key(|(_, call)| (call.client.is_some(), call.touched));
            return last.map_or(Owner::Nobody, |(number, _)| Owner::Call(*number));
        }
        match (calls.next(), calls.next()) {
            (None, _) => Owner::Nobody,
            (Some((number, _)), None) => Owner::Call(*number),
            (Some(_), Some(_)) => Owner::Unclear,
        }
    }

    /// Tells the client what is needed; the call is held until it comes back.
    pub(super) fn hold(&mut self, number: u64, now: Duration, out: &mut Effects) {
        self.make_room(out);
        let hold = Hold { round: self.next(), until: now + self.holding.time };
        let Some(call) = self.calls.get_mut(&number) else { return };
        let (Some(client), Some(salient)) = (call.client.take(), call.salient) else { return };
        self.by_client.remove(&client);
        let state = State { sort: Sort::Held, number, round: hold.round, until: hold.until };
        let Some(state) = self.states.seal(state, salient) else {
            let words = "the call needs input, and its state cannot be sealed now; try again later";
            out.client(write::refusal(&client, code::INTERNAL_ERROR, words));
            return self.give_up(number, words, out);
        };
        call.hold = Some(hold);
        let inputs: Vec<String> = call
            .questions
            .iter()
            .map(|question| format!("\"{}\":{}", question.key, question.text))
            .collect();
        let result = self.input_required(&inputs.join(","), &state);
        out.client(write::result(&client, &result));
    }

    fn input_required(&self, inputs: &str, state: &str) -> String {
        let changes = [
            Change::Set("resultType", "\"input_required\"".into()),
            Change::Set("inputRequests", format!("{{{inputs}}}").into()),
            Change::Set("requestState", write::text(state).into()),
            Change::to("_meta", self.server.meta(None)),
        ];
        splice::edit(None, &changes).unwrap_or_else(|_| "{}".to_owned())
    }

    /// The client comes back.
    pub(super) fn resume(
        &mut self,
        request: &Request<'_>,
        asker: &Asker<'_>,
        state: Raw<'_>,
        salient: Salient,
        now: Duration,
        out: &mut Effects,
    ) {
        let refuse = |words: &str| write::refusal(&request.id, code::INVALID_PARAMS, words);
        let opened = state.string().and_then(|state| self.states.open(&state, salient));
        let Some(state) = opened else {
            return out.client(refuse(
                "\"requestState\" is not one that was given for this request; send the request without it",
            ));
        };
        if state.until <= now {
            return out.client(refuse(
                "\"requestState\" has expired; send the request without it to begin again",
            ));
        }
        let answers = match responses(request) {
            Ok(answers) => answers,
            Err(words) => return out.client(refuse(words)),
        };
        if state.sort == Sort::Again {
            let declined = answers.iter().any(|(_, answer)| {
                splice::get(*answer, "action").and_then(Raw::string).as_deref() != Some("accept")
            });
            if declined {
                return out.client(refuse("what the MCP server needs for this was declined"));
            }
            return self.send_anew(request, asker, now, out);
        }
        let touched = self.next();
        let held = self.calls.get_mut(&state.number);
        let held = held.filter(|call| call.hold.is_some_and(|hold| hold.round == state.round));
        let Some(call) = held else {
            return out.client(refuse(
                "\"requestState\" was used already, or its call is over; send the request without it to begin again",
            ));
        };
        call.attach(request, asker);
        call.touched = touched;
        call.catch_up(out);
        let mut unanswered = Vec::new();
        for question in std::mem::take(&mut call.questions) {
            match answers.iter().find(|(key, _)| *key == question.key) {
                Some((_, answer)) => {
                    self.by_server.remove(&question.id);
                    self.kept -= question.kept();
                    out.server(write::result(&question.id, answer.as_str()));
                }
                None => unanswered.push(question),
            }
        }
        call.questions = unanswered;
        let asks = !call.questions.is_empty();
        let done = call.done.take();
        self.by_client.insert(request.id.to_static(), Work::Call(state.number));
        match done {
            Some(done) => self.finish_late(state.number, &done, now, out),
            None => {
                self.set_level(asker.level, out);
                if asks {
                    self.hold(state.number, now, out);
                }
            }
        }
    }

    /// The outcome that came while the call was held is the answer now.
    fn finish_late(&mut self, number: u64, done: &Done, now: Duration, out: &mut Effects) {
        let (Done::Result(text) | Done::Error(text)) = done;
        self.kept -= text.len();
        if let Done::Error(error) = done {
            return self.finish(number, &Outcome::Error(Raw::checked(error)), now, out);
        }
        // Read once more, as a message: it is known to be one.
        let line = write::result(&Id::Number(0), text);
        if let Ok(Message { body: Body::Response(response), .. }) =
            Message::parse(&line, &Limits { bytes: usize::MAX, ..Limits::SERVER })
        {
            self.finish(number, &response.outcome, now, out);
        }
    }

    /// The user is to visit addresses before the call can be done: the client is asked to, and the call is
    /// sent anew when it comes back.
    pub(super) fn send_to_visit(
        &mut self,
        client: &Id<'_>,
        offers: Offers,
        salient: Salient,
        error: Raw<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        let mut inputs = Vec::new();
        let mut refused = None;
        let read = splice::elements(results::visits(error).unwrap_or(error), |visit| {
            if let Err(not) = offers.allow(name::ELICIT, Some(visit)) {
                refused.get_or_insert(not);
            }
            let text = question(name::ELICIT, Some(visit)).filter(|_| inputs.len() < QUESTIONS);
            let text = text.ok_or(Reason::Shape)?;
            inputs.push(format!("\"input-{}\":{text}", inputs.len() + 1));
            Ok(())
        });
        if let Some(not) = refused {
            let needed = serde_json::from_str(not.needed).unwrap_or_default();
            let data =
                serde_json::json!({"requiredCapabilities": serde_json::Value::Object(needed)});
            let code = code::MISSING_CLIENT_CAPABILITY;
            return out.client(error::response(Some(client), code, &not.words, Some(data)));
        }
        let number = self.next();
        let state =
            State { sort: Sort::Again, number, round: number, until: now + self.holding.time };
        let sealed =
            self.states.seal(state, salient).filter(|_| read.is_ok() && !inputs.is_empty());
        out.client(match sealed {
            Some(state) => write::result(client, &self.input_required(&inputs.join(","), &state)),
            None => write::error(client, &results::error(error)),
        });
    }

    /// The server takes a question back.
    pub(super) fn withdrawn(&mut self, id: &Id<'static>) {
        let Some(number) = self.by_server.remove(id) else { return };
        self.forget_early(id);
        let Some(call) = self.calls.get_mut(&number) else { return };
        if let Some(at) = call.questions.iter().position(|question| question.id == *id) {
            self.kept -= call.questions.remove(at).kept();
        }
    }

    /// The server need not wait for answers to a call's questions.
    pub(super) fn release_questions(&mut self, call: &Call, words: &str, out: &mut Effects) {
        for question in &call.questions {
            self.by_server.remove(&question.id);
            out.server(write::refusal(&question.id, code::INTERNAL_ERROR, words));
        }
    }

    pub(super) fn held_until(&self) -> impl Iterator<Item = Duration> {
        self.calls.values().filter_map(|call| call.hold).map(|hold| hold.until)
    }

    /// Gives up calls that the client did not come back for.
    pub(super) fn expire(&mut self, now: Duration, out: &mut Effects) {
        self.refuse_early(now, out);
        let mut due = self.held(|hold| hold.until <= now);
        due.sort_unstable();
        for number in due {
            self.give_up(number, "the client did not give the input in time", out);
        }
    }

    /// The call that has been held longest makes room for another.
    fn make_room(&mut self, out: &mut Effects) {
        let held = self.held(|_| true);
        if held.len() < self.holding.calls {
            return;
        }
        let oldest = held.into_iter().min_by_key(|number| {
            self.calls.get(number).and_then(|call| call.hold).map(|hold| hold.round)
        });
        if let Some(number) = oldest {
            self.give_up(number, "too many calls wait for input", out);
        }
    }

    fn held(&self, which: impl Fn(Hold) -> bool) -> Vec<u64> {
        self.calls
            .iter()
            .filter(|(_, call)| call.hold.is_some_and(&which))
            .map(|(number, _)| *number)
            .collect()
    }
}

/// A question for a modern client.
pub(super) fn question(method: &str, params: Option<Raw<'_>>) -> Option<String> {
    let params = params.filter(|params| !params.is_null());
    let Some(params) = params else { return Some(format!("{{\"method\":\"{method}\"}}")) };
    let changes = if method == name::ELICIT && is_url(Some(params)) {
        // Gone since 2026-07-28.
        vec![Change::Drop("elicitationId")]
    } else {
        Vec::new()
    };
    let params = if changes.is_empty() {
        params.as_str().to_owned()
    } else {
        splice::edit(Some(params), &changes).ok()?
    };
    Some(format!("{{\"method\":\"{method}\",\"params\":{params}}}"))
}

/// The `inputResponses` of a request.
fn responses<'a>(request: &Request<'a>) -> Result<Vec<(String, Raw<'a>)>, &'static str> {
    const WORDS: &str = "\"inputResponses\" must be an object of objects";
    let mut answers = Vec::new();
    let Some(raw) = request.params.input_responses().filter(|raw| !raw.is_null()) else {
        return Ok(answers);
    };
    if raw.kind() != Kind::Object {
        return Err(WORDS);
    }
    let read = splice::each(raw, |key, answer| {
        if answer.kind() != Kind::Object {
            return Err(Reason::Shape);
        }
        // What was not asked is passed over.
        if answers.len() < 4 * QUESTIONS {
            answers.push((key.decode_lossy().into_owned(), answer));
        }
        Ok(())
    });
    read.map(|()| answers).map_err(|_not_objects| WORDS)
}
