//! Requests of the client's that go to the server, and come back with a result or with questions.

use std::time::Duration;

use super::{LegacyOverModern, Purpose, Work, clean, ours};
use crate::answer::Answer;
use crate::bridge::capabilities::{is_question, is_url};
use crate::bridge::splice::{self, Change};
use crate::bridge::{Effects, KEPT_BYTES, PAUSE, QUESTIONS, ROUNDS, longer, write};
use crate::error::code;
use crate::json::{Kind, Raw};
use crate::message::{Outcome, Response};
use crate::method::name;
use crate::refused::Reason;
use crate::{Asked, Id, Method, Params, Request, request};

/// A request of the client's.
pub(super) struct Call {
    client: Id<'static>,
    method: String,
    asked: Asked,
    /// Our open request for it at the server.
    open: Option<u64>,
    /// Its params as the server had them, to repeat it; kept where the server may ask for input.
    params: Option<String>,
    /// How often the server has asked for input.
    rounds: u32,
    /// The pause before it is repeated when the server asks for nothing but that.
    pause: Duration,
    /// What the server wants to have back, as JSON.
    state: Option<String>,
    /// What the server wants to know.
    inputs: Vec<Input>,
    /// How many bytes of it are kept.
    kept: usize,
}

/// A question of the server's.
struct Input {
    /// Its name, as it is written between quotes.
    key: String,
    /// Our open request for it at the client.
    id: u64,
    /// What the client answered, as JSON.
    answer: Option<String>,
}

/// Whose question a request to the client is: that of a call, by number, and which.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question {
    call: u64,
    at: usize,
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Call")
            .field("client", &self.client)
            .field("method", &self.method)
            .field("open", &self.open)
            .field("rounds", &self.rounds)
            .field("inputs", &self.inputs.len())
            .finish_non_exhaustive()
    }
}

impl LegacyOverModern {
    /// Passes on a request.
    pub(super) fn call(&mut self, request: &Request<'_>, out: &mut Effects) {
        let params = match self.enrich(&request.params) {
            Ok(params) => params,
            Err(reason) => {
                let refusal = write::refusal(&request.id, reason.code(), &reason.to_string());
                return out.client(refusal);
            }
        };
        let number = self.next();
        let id = self.next();
        let method = request.method.as_str();
        out.server(write::request(id, method, Some(&params)));
        let repeatable = matches!(
            request.method,
            Method::ToolsCall | Method::PromptsGet | Method::ResourcesRead
        );
        let params = Some(params)
            .filter(|params| repeatable && self.kept.saturating_add(params.len()) <= KEPT_BYTES);
        let kept = params.as_ref().map_or(0, String::len);
        self.kept += kept;
        let client = request.id.to_static();
        self.by_client.insert(client.clone(), Work::Call(number));
        self.open.insert(id, Purpose::Call(number));
        self.calls.insert(
            number,
            Call {
                client,
                method: method.to_owned(),
                asked: request.method.asked(),
                open: Some(id),
                params,
                rounds: 0,
                pause: PAUSE,
                state: None,
                inputs: Vec::new(),
                kept,
            },
        );
    }

    /// The server has answered.
    pub(super) fn result(
        &mut self,
        number: u64,
        outcome: &Outcome<'_>,
        now: Duration,
        out: &mut Effects,
    ) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.open = None;
        let answer = match outcome {
            Outcome::Error(error) => {
                let Some(call) = self.forget(number, out) else { return };
                return out.client(write::error(&call.client, error.as_str()));
            }
            Outcome::Result(answer) => answer,
        };
        match sort(answer) {
            Sort::Complete => {
                let asked = call.asked;
                match clean::result(answer.raw(), asked) {
                    Ok(result) => {
                        let Some(call) = self.forget(number, out) else { return };
                        out.client(write::result(&call.client, &result));
                    }
                    Err(reason) => {
                        let words =
                            format!("the MCP server's answer cannot be passed on: {reason}");
                        self.fail(number, code::INTERNAL_ERROR, &words, out);
                    }
                }
            }
            Sort::InputRequired => {
                if let Err(words) = self.ask(number, answer.raw(), now, out) {
                    self.fail(number, code::INTERNAL_ERROR, &words, out);
                }
            }
            Sort::Other => {
                let words =
                    "the MCP server answered in a way that the client's revision does not have";
                self.fail(number, code::INTERNAL_ERROR, words, out);
            }
        }
    }

    /// Asks the client what the server wants to know.
    fn ask(
        &mut self,
        number: u64,
        result: Raw<'_>,
        now: Duration,
        out: &mut Effects,
    ) -> Result<(), String> {
        let call = self.calls.get_mut(&number).ok_or("the call is gone")?;
        if call.params.is_none() {
            return Err("the MCP server asked for input where that cannot be had".to_owned());
        }
        call.rounds += 1;
        if call.rounds > ROUNDS {
            return Err(format!("the MCP server asked for input more than {ROUNDS} times"));
        }
        let state = splice::get(result, "requestState").filter(|raw| raw.kind() == Kind::String);
        let asked = splice::object(result, "inputRequests");
        if state.is_none() && asked.is_none() {
            return Err("the MCP server asked for input and did not say which".to_owned());
        }
        call.state = state.map(|raw| raw.as_str().to_owned());
        call.inputs.clear();
        // The questions themselves are passed on; what of them is kept is a part of this.
        self.keep(number, result.as_str().len())?;
        let questions = asked.map_or(Ok(Vec::new()), |asked| self.questions(asked))?;
        if questions.is_empty() {
            let Some(call) = self.calls.get_mut(&number) else { return Ok(()) };
            self.paused.insert(number, now + call.pause);
            call.pause = longer(call.pause);
            return Ok(());
        }
        let mut inputs = Vec::with_capacity(questions.len());
        for (at, (key, method, params)) in questions.into_iter().enumerate() {
            let id = self.next();
            let params = to_legacy(&method, params, id);
            out.client(write::request(id, &method, params.as_deref()));
            self.questions.insert(id, Question { call: number, at });
            inputs.push(Input { key, id, answer: None });
        }
        if let Some(call) = self.calls.get_mut(&number) {
            call.inputs = inputs;
        }
        Ok(())
    }

    /// Notes that more is kept of a call.
    fn keep(&mut self, number: u64, bytes: usize) -> Result<(), String> {
        let Some(call) = self.calls.get_mut(&number) else { return Ok(()) };
        if self.kept.saturating_add(bytes) > KEPT_BYTES {
            return Err("the call needs more input than can be kept".to_owned());
        }
        call.kept += bytes;
        self.kept += bytes;
        Ok(())
    }

    /// The questions in `inputRequests`: name, method, params.
    fn questions<'a>(
        &self,
        asked: Raw<'a>,
    ) -> Result<Vec<(String, String, Option<Raw<'a>>)>, String> {
        let mut questions = Vec::new();
        let mut wrong = None;
        let read = splice::each(asked, |key, question| {
            let method = splice::get(question, "method").and_then(Raw::string).unwrap_or_default();
            let params = splice::object(question, "params");
            if !is_question(&method) {
                wrong.get_or_insert_with(|| {
                    format!("the MCP server asked the client for {}", write::shown(&method))
                });
            } else if let Err(not) = self.client.offers.allow(&method, params) {
                wrong.get_or_insert(format!("the MCP server needs input, but {}", not.words));
            }
            if questions.len() >= QUESTIONS {
                return Err(Reason::Shape);
            }
            questions.push((key.raw().to_owned(), method.into_owned(), params));
            Ok(())
        });
        match (wrong, read) {
            (Some(words), _) => Err(words),
            (None, Err(_)) => Err(format!("the MCP server asked more than {QUESTIONS} questions")),
            (None, Ok(())) => Ok(questions),
        }
    }

    /// The client has answered a question.
    pub(super) fn answered(&mut self, response: &Response<'_>, out: &mut Effects) {
        let id = response.id.as_ref().and_then(ours);
        let Some(question) = id.and_then(|id| self.questions.remove(&id)) else { return };
        if let Outcome::Result(answer) = &response.outcome
            && let Err(words) = self.keep(question.call, answer.raw().as_str().len())
        {
            return self.fail(question.call, code::INTERNAL_ERROR, &words, out);
        }
        let Some(call) = self.calls.get_mut(&question.call) else { return };
        let Some(input) = call.inputs.get_mut(question.at) else { return };
        match &response.outcome {
            Outcome::Result(answer) => input.answer = Some(answer.raw().as_str().to_owned()),
            Outcome::Error(error) => {
                let words = write::words(*error);
                let words =
                    format!("the client did not give the input that the call needs: {words}");
                return self.fail(question.call, code::INTERNAL_ERROR, &words, out);
            }
        }
        if call.inputs.iter().all(|input| input.answer.is_some()) {
            // A server that asks again is not one that puts things off.
            call.pause = PAUSE;
            self.repeat(question.call, out);
        }
    }

    /// Sends a call again, with what the server wanted to know.
    pub(super) fn repeat(&mut self, number: u64, out: &mut Effects) {
        let id = self.next();
        let Some(call) = self.calls.get_mut(&number) else { return };
        let mut answers = String::from("{");
        for input in call.inputs.drain(..) {
            if answers.len() > 1 {
                answers.push(',');
            }
            let answer = input.answer.as_deref().unwrap_or("{}");
            answers.push_str(&format!("\"{}\":{answer}", input.key));
        }
        answers.push('}');
        let answers = Some(answers).filter(|answers| answers.len() > 2);
        let params = splice::edit(
            call.params.as_deref().map(Raw::checked),
            &[Change::to("inputResponses", answers), Change::to("requestState", call.state.take())],
        );
        let Ok(params) = params else { return };
        let kept = call.params.as_ref().map_or(0, String::len);
        self.kept -= std::mem::replace(&mut call.kept, kept) - kept;
        call.open = Some(id);
        self.open.insert(id, Purpose::Call(number));
        out.server(write::request(id, &call.method, Some(&params)));
    }

    /// Answers a call with an error.
    pub(super) fn fail(&mut self, number: u64, code: i64, words: &str, out: &mut Effects) {
        let Some(call) = self.forget(number, out) else { return };
        out.client(write::refusal(&call.client, code, words));
    }

    /// A call is over; what the client is still asked for it is taken back.
    fn forget(&mut self, number: u64, out: &mut Effects) -> Option<Call> {
        let call = self.calls.remove(&number)?;
        self.by_client.remove(&call.client);
        self.paused.remove(&number);
        self.kept -= call.kept;
        for input in &call.inputs {
            if self.questions.remove(&input.id).is_some() {
                out.client(write::cancelled(input.id, "the call that needed it is over"));
            }
        }
        Some(call)
    }

    /// The client takes a request back.
    pub(super) fn cancelled(&mut self, params: &Params<'_>, out: &mut Effects) {
        let Ok(id) = request::cancelled(params) else { return };
        let open = match self.by_client.get(&id.to_static()) {
            None => return,
            Some(Work::Listen(number)) => return self.end_listen(*number, out),
            Some(Work::Call(number)) => self.forget(*number, out).and_then(|call| call.open),
        };
        let Some(open) = open else { return };
        self.open.remove(&open);
        let about = [Change::Set("requestId", open.to_string().into())];
        if let Ok(params) = splice::edit(params.raw(), &about) {
            out.server(write::notification(name::CANCELLED, Some(&params)));
        }
    }
}

/// What sort of result it is.
enum Sort {
    Complete,
    InputRequired,
    Other,
}

fn sort(answer: &Answer<'_>) -> Sort {
    match answer.result_type().map(Raw::string) {
        None => Sort::Complete,
        Some(sort) => match sort.as_deref() {
            Some("complete") => Sort::Complete,
            Some("input_required") => Sort::InputRequired,
            _ => Sort::Other,
        },
    }
}

/// The params of a question as a legacy client needs them.
fn to_legacy(method: &str, params: Option<Raw<'_>>, id: u64) -> Option<String> {
    if method == name::ELICIT && is_url(params) {
        // Required by revision 2025-11-25, and gone in the next.
        let id = write::text(&format!("elicitation-{id}"));
        return splice::edit(params, &[Change::Add("elicitationId", id.into())]).ok();
    }
    params.map(|params| params.as_str().to_owned())
}
