//! One connection's conversation: what may pass, in both directions.
//!
//! No I/O. A client's request passes with a permit and a record; an answer passes when its request is
//! known, and a list in it without what the identity may not use. Messages that pass unchanged are
//! the bytes that were sent.

mod decide;
mod handshake;
mod tasks;

use std::borrow::Cow;
use std::collections::VecDeque;

use audit::Event;
use mcp::error::{self, code};
use mcp::limits::Limits;
use mcp::list::ListKind;
use mcp::message::Message;
use mcp::method::{Asked, name};
use mcp::request;
use mcp::session::{OPEN_REQUESTS, Pending};
use mcp::{Ask, Body, Era, Id, Method, Notification, Outcome, Refused, Request, Response};
use policy::{AppAccess, Kind, Permit};

use self::decide::{Stop, decide, list_shows, may_be_told, visible};
pub(crate) use self::tasks::{KnownTasks, TaskBook};
use crate::record::{Handshake, Recorder};

/// So many answers are remembered that a client may ask for again.
const TOLD: usize = 256;

/// What is known of a conversation.
#[derive(Debug)]
pub(crate) struct Relay {
    /// What the client asked and the server has not answered.
    by_client: Pending<Open>,
    /// What the server asked and the client has not answered.
    by_server: Pending<()>,
    handshake: Handshake,
    /// As its first request, or a later `initialize`, says.
    era: Option<Era>,
    /// Whether several messages may come in one array.
    batches: bool,
    /// Which tools the client's tasks are calls of.
    tasks: KnownTasks,
    /// Requests that were answered, the newest last: where streams can be resumed, answers come again.
    told: Option<VecDeque<(Id<'static>, Open)>>,
}

/// A request of the client's.
#[derive(Clone, Debug)]
struct Open {
    asked: Asked,
    era: Era,
    task: Option<TaskPart>,
    /// The tool, prompt or resource that it uses.
    uses: Option<(Kind, Box<str>)>,
}

/// What a request has to do with tasks.
#[derive(Clone, Debug)]
enum TaskPart {
    /// It may become one: a call of this tool.
    MayBecome(Box<str>),
    /// It is about one, which is a call of this tool.
    About(Box<str>),
}

/// What becomes of a client's message.
#[derive(Debug)]
pub(crate) enum FromClient {
    /// It is passed on, once the event is written.
    Forward {
        permit: Permit<'static>,
        event: Option<Event>,
        /// Whether it begins the session, so that the record of the start waits for its answer.
        begins: bool,
    },
    /// It is answered instead.
    Answer { answer: Vec<u8>, event: Option<Event> },
    /// Nobody waits for an answer, and it is not passed on.
    Drop,
}

/// What becomes of a server's message.
#[derive(Debug)]
pub(crate) enum FromServer<'m> {
    /// This goes to the client.
    Pass(Cow<'m, [u8]>),
    /// The same, and it is the answer that the record of the start waits for.
    Begun(Cow<'m, [u8]>),
    /// The server is answered instead.
    Answer(Vec<u8>),
    /// It goes nowhere.
    Drop,
}

// === impl Relay ===

impl Relay {
    /// A conversation that knows these tasks; they learn from it.
    pub(crate) fn new(tasks: KnownTasks) -> Self {
        Self {
            by_client: Pending::new(OPEN_REQUESTS),
            by_server: Pending::new(OPEN_REQUESTS),
            handshake: Handshake::default(),
            era: None,
            batches: false,
            tasks,
            told: None,
        }
    }

    /// For a conversation in which what was lost can be asked for again.
    pub(crate) fn resumable(tasks: KnownTasks) -> Self {
        Self { told: Some(VecDeque::new()), ..Self::new(tasks) }
    }

    /// What the handshake told so far.
    pub(crate) fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Whether the client waits for nothing.
    pub(crate) fn is_settled(&self) -> bool {
        self.by_client.is_empty()
    }

    /// The only request that the client waits for, if it is the only one.
    pub(crate) fn take_only(&mut self) -> Option<Id<'static>> {
        if self.by_client.len() == 1 { self.abandon().pop() } else { None }
    }

    /// Everything that the client waits for: nothing of it will be answered by the server.
    pub(crate) fn abandon(&mut self) -> Vec<Id<'static>> {
        self.by_client.drain().into_iter().map(|(id, _)| id).collect()
    }

    /// A request that was let through was not passed on after all.
    pub(crate) fn withdraw(&mut self, message: &Message<'_>) -> Option<Id<'static>> {
        let Body::Request(request) = &message.body else { return None };
        self.by_client.answered(&request.id)?;
        Some(request.id.to_static())
    }

    /// Whether a request was still open; it is not any more.
    pub(crate) fn give_up(&mut self, id: &Id<'_>) -> bool {
        self.by_client.answered(id).is_some()
    }

    /// Requests that go on and would not be let through any more. Nobody waits for them from here on: gives
    /// what their clients are told.
    pub(crate) fn revoked(&mut self, access: &AppAccess) -> Vec<(Id<'static>, Vec<u8>)> {
        let is_gone = |open: &Open| {
            open.uses.as_ref().is_some_and(|(kind, name)| !visible(access, *kind, name))
        };
        let words = "what this uses may no longer be used by you; it was taken back, and may have been done";
        let gone = self.by_client.live(is_gone).into_iter().map(|id| {
            _ = self.by_client.answered(&id);
            let answer = error::response(Some(&id), code::INVALID_PARAMS, words, None);
            (id, answer)
        });
        gone.collect()
    }

    /// Nobody waits for these any more, though they may be answered still, and asked for again.
    pub(crate) fn leave(&mut self, ids: &[Id<'static>]) {
        for id in ids {
            self.by_client.cancel(id);
        }
    }

    /// Whether messages may come in one array.
    pub(crate) const fn has_batches(&self) -> bool {
        self.batches
    }

    /// The messages on a line.
    pub(crate) fn read<'l>(
        &self,
        line: &'l [u8],
        limits: &Limits,
    ) -> Result<Vec<Message<'l>>, Refused> {
        if self.batches {
            Message::parse_batch(line, limits)
        } else {
            Message::parse(line, limits).map(|message| vec![message])
        }
    }

    /// Whether a message answers a request for the list of tools.
    pub(crate) fn lists_tools(&self, message: &Message<'_>) -> bool {
        let Body::Response(Response { id: Some(id), .. }) = &message.body else { return false };
        let open = self.by_client.peek(id);
        open.is_some_and(|open| open.asked == Asked::List(ListKind::Tools))
    }

    /// A line of the server's that was refused: whoever waits for this answer is told.
    pub(crate) fn unreadable(&mut self, line: &[u8], refused: &Refused) -> Option<Vec<u8>> {
        let id = mcp::message::answered_id(line)?;
        self.by_client.answered(&id)?;
        let words = format!("the MCP server's answer cannot be passed on: {}", refused.reason);
        Some(error::response(Some(&id), code::INTERNAL_ERROR, &words, None))
    }

    /// Decides about a client's message.
    pub(crate) fn client(
        &mut self,
        message: &Message<'_>,
        access: &AppAccess,
        recorder: &Recorder,
    ) -> FromClient {
        match &message.body {
            Body::Request(request) => self.request(request, access, recorder),
            Body::Notification(notification) => self.notification(notification, access, recorder),
            Body::Response(response) => self.response(response, access),
        }
    }

    fn request(
        &mut self,
        request: &Request<'_>,
        access: &AppAccess,
        recorder: &Recorder,
    ) -> FromClient {
        let refuse = |answer: Vec<u8>, words: &str| {
            let event = recorder.request(request, Some(words)).ok();
            FromClient::Answer { answer, event }
        };
        let permit = match self.permit(request, access) {
            Ok(permit) => permit,
            Err(Stop::Refused(refused)) => return refuse(refused.response(), &refused.to_string()),
            Err(Stop::Unknown(words)) => {
                let answer =
                    error::response(Some(&request.id), code::METHOD_NOT_FOUND, words, None);
                return refuse(answer, words);
            }
            Err(Stop::NoTask) => {
                let words = "no such task, or its tool is not one that you may use";
                let answer = error::response(Some(&request.id), code::INVALID_PARAMS, words, None);
                return refuse(answer, words);
            }
            Err(Stop::Denied(denial)) => {
                let message = denial.public_message();
                let answer =
                    error::response(Some(&request.id), code::INVALID_PARAMS, &message, None);
                return refuse(answer, &denial.reasons().to_string());
            }
        };
        let event = if is_quiet(&request.method) {
            None
        } else {
            match recorder.request(request, None) {
                Ok(event) => Some(event),
                Err(error) => {
                    _ = self.by_client.answered(&request.id);
                    return FromClient::Answer {
                        answer: unrecorded(&request.id, &error),
                        event: None,
                    };
                }
            }
        };
        let begins = matches!(request.method, Method::Initialize);
        if begins {
            self.handshake.client_said(request);
        }
        FromClient::Forward { permit, event, begins }
    }

    /// Decides, and notes the request as open.
    fn permit(
        &mut self,
        request: &Request<'_>,
        access: &AppAccess,
    ) -> Result<Permit<'static>, Stop> {
        let ask = request.ask()?;
        let permit = decide(&ask, access, &self.tasks)?;
        let asked = request.method.asked();
        if matches!(asked, Asked::Initialize) {
            self.era = Some(Era::Legacy);
        } else if self.era.is_none() {
            self.era = Some(era(request)?);
        }
        let era = match asked {
            Asked::List(_) | Asked::Read | Asked::Discover => era(request)?,
            Asked::Initialize | Asked::Other => Era::Legacy,
        };
        self.by_client
            .open(
                &request.id,
                Open { asked, era, task: self.task_part(&ask, request), uses: used(&ask) },
            )
            .map_err(|reason| reason.under(&request.id))?;
        Ok(permit)
    }

    /// What a request has to do with tasks: only some calls are made to become one.
    fn task_part(&self, ask: &Ask<'_>, request: &Request<'_>) -> Option<TaskPart> {
        match ask {
            Ask::Tool(call) => {
                tasks::may_become(request).then(|| TaskPart::MayBecome(call.name.as_ref().into()))
            }
            Ask::Task(task) => self.tasks.tool_of(task).map(|tool| TaskPart::About((*tool).into())),
            _ => None,
        }
    }

    fn notification(
        &mut self,
        notification: &Notification<'_>,
        access: &AppAccess,
        recorder: &Recorder,
    ) -> FromClient {
        if notification.method.as_str() == name::CANCELLED {
            // One that readers could disagree about cancels nothing.
            let Ok(id) = request::cancelled(&notification.params) else { return FromClient::Drop };
            self.by_client.cancel(&id);
        }
        match (access.connect().into_result(), recorder.notification(notification)) {
            (Ok(permit), Ok(event)) => {
                FromClient::Forward { permit, event: Some(event), begins: false }
            }
            _ => FromClient::Drop,
        }
    }

    /// An answer of the client's to a request of the server's.
    fn response(&mut self, response: &Response<'_>, access: &AppAccess) -> FromClient {
        let known = response.id.as_ref().and_then(|id| self.by_server.answered(id));
        match (known, access.connect().into_result()) {
            (Some(()), Ok(permit)) => FromClient::Forward { permit, event: None, begins: false },
            _ => FromClient::Drop,
        }
    }

    /// Decides about a server's message.
    pub(crate) fn server<'m>(
        &mut self,
        message: &Message<'m>,
        access: &AppAccess,
    ) -> FromServer<'m> {
        let whole = || FromServer::Pass(Cow::Borrowed(message.text.as_bytes()));
        match &message.body {
            Body::Response(response) => self.answer(response, access),
            // Servers ask nothing in this era but in their results.
            Body::Request(_) if self.era == Some(Era::Modern) => FromServer::Drop,
            Body::Request(request) => match self.by_server.open(&request.id, ()) {
                Ok(()) => whole(),
                Err(reason) => FromServer::Answer(reason.under(&request.id).response()),
            },
            Body::Notification(notification) => {
                if notification.method.as_str() == name::CANCELLED
                    && let Ok(id) = request::cancelled(&notification.params)
                {
                    self.by_server.cancel(&id);
                }
                if may_be_told(notification, access, &self.tasks) {
                    whole()
                } else {
                    FromServer::Drop
                }
            }
        }
    }

    /// Decides about a message that a server sends again, or for the first time, to a client that lost its
    /// stream.
    pub(crate) fn again<'m>(
        &mut self,
        message: &Message<'m>,
        access: &AppAccess,
    ) -> FromServer<'m> {
        match &message.body {
            Body::Response(response) => {
                let Some(id) = &response.id else { return FromServer::Drop };
                let told = self.told.iter().flatten().rev().find(|(told, _)| told == id);
                match told.filter(|_| self.by_client.peek(id).is_none()) {
                    Some((_, open)) => self.release(response, open, access),
                    None => self.answer(response, access),
                }
            }
            Body::Request(request) => {
                // It may be open already.
                drop(self.by_server.open(&request.id, ()));
                FromServer::Pass(Cow::Borrowed(message.text.as_bytes()))
            }
            Body::Notification(_) => self.server(message, access),
        }
    }

    /// An answer that belongs to no open request is not passed on: nobody could say how to filter it.
    fn answer<'m>(&mut self, response: &Response<'m>, access: &AppAccess) -> FromServer<'m> {
        let Some(id) = &response.id else { return FromServer::Drop };
        let Some(open) = self.by_client.answered(id) else { return FromServer::Drop };
        let released = self.release(response, &open, access);
        let begins = open.asked == Asked::Initialize;
        if let Some(told) = &mut self.told {
            if told.len() >= TOLD {
                told.pop_front();
            }
            told.push_back((id.to_static(), open));
        }
        match (released, &response.outcome) {
            (FromServer::Pass(bytes), Outcome::Result(answer)) if begins => {
                self.batches = self.handshake.server_said(answer.raw());
                FromServer::Begun(bytes)
            }
            (released, _) => released,
        }
    }

    /// The answer to a request as the client may have it.
    fn release<'m>(
        &self,
        response: &Response<'m>,
        open: &Open,
        access: &AppAccess,
    ) -> FromServer<'m> {
        match (&open.task, &response.outcome) {
            (Some(TaskPart::MayBecome(tool)), Outcome::Result(answer)) => {
                if let Some(task) = answer.created_task() {
                    self.tasks.note(&task, tool);
                }
            }
            // It may have waited for long, and the decision may be another by now.
            (Some(TaskPart::About(tool)), _) if !visible(access, Kind::Tool, tool) => {
                let words = "the tool of this task is no longer one that you may use";
                let id = response.id.as_ref();
                let answer = error::response(id, code::INVALID_PARAMS, words, None);
                return FromServer::Pass(Cow::Owned(answer));
            }
            _ => {}
        }
        let mut keep = |list: ListKind, name: &str| list_shows(access, &self.tasks, list, name);
        FromServer::Pass(match response.release(open.asked, open.era, &mut keep) {
            Ok(filtered) => filtered.into_bytes(),
            Err(refused) => Cow::Owned(refused.response()),
        })
    }
}

/// What a request uses that a role may grant.
fn used(ask: &Ask<'_>) -> Option<(Kind, Box<str>)> {
    match ask {
        Ask::Tool(call) => Some((Kind::Tool, call.name.as_ref().into())),
        Ask::Prompt(prompt) => Some((Kind::Prompt, prompt.name.as_ref().into())),
        Ask::Resource(resource) => Some((Kind::Resource, resource.uri.as_ref().into())),
        _ => None,
    }
}

/// In which era a request was made.
fn era(request: &Request<'_>) -> Result<Era, Refused> {
    let meta = request.params.meta().map_err(|reason| reason.under(&request.id))?;
    let modern = meta.is_some_and(|meta| meta.protocol_version.is_some());
    Ok(if modern { Era::Modern } else { Era::Legacy })
}

/// Requests of which only refusals are recorded.
fn is_quiet(method: &Method<'_>) -> bool {
    matches!(method.asked(), Asked::List(_)) || method.as_str() == name::PING
}

/// The answer to a request that cannot be recorded.
pub(crate) fn unrecorded(id: &Id<'_>, error: &std::io::Error) -> Vec<u8> {
    tracing::error!(%error, "cannot write to the audit log; requests are refused");
    let message =
        "the request was not passed on, because it cannot be recorded now; try again later";
    error::response(Some(id), code::INTERNAL_ERROR, message, None)
}

#[cfg(test)]
mod tests;
