//! Clients of the legacy era: a session from `initialize` to DELETE.

use std::sync::Arc;

use api::Body;
use bytes::Bytes;
use http::{Response, StatusCode};
use mcp::error::code;
use mcp::{Era, Limits, Message, Outcome};
use resource::Transport;
use uuid::Uuid;

use super::conversation::{Answer, Conversation, Unposted};
use super::exchange::{Exchange, name_session};
use super::open::{open, too_many};
use super::pass;
use super::reply::{self, Stop};
use super::sessions::{Known, Way};
use super::streams::Unheard;
use crate::served::Target;

/// `initialize`: begins a session.
pub(crate) async fn begin(
    exchange: &Exchange,
    body: &Bytes,
    messages: &[Message<'_>],
) -> Result<Response<Body>, Stop> {
    let target = exchange.served.target();
    if passes(&target)
        && let Some(response) = pass::begin(exchange, &target, body, messages).await?
    {
        return Ok(response);
    }
    let (known, conversation) = known(exchange)?;
    let posted = conversation.post(body, messages, exchange.accepts(), exchange.asker()).await;
    let mut response = match posted {
        Ok(Answer::Message(answer)) => {
            if is_error(&answer) {
                // Nobody will ever use it.
                known.close();
                return Ok(reply::json(StatusCode::OK, answer));
            }
            reply::json(StatusCode::OK, answer)
        }
        other => respond(exchange, body, other).await?,
    };
    name_session(&mut response, &known.id);
    Ok(response)
}

/// Whether the server may speak streamable HTTP of the legacy era itself.
fn passes(target: &Target) -> bool {
    matches!(target.transport(), Some(Transport::StreamableHttp { .. }))
        && target.takes_initialize()
}

fn known(exchange: &Exchange) -> Result<(Arc<Known>, Arc<Conversation>), Stop> {
    let shared = &exchange.shared;
    let session = Uuid::new_v4().to_string();
    let id = format!("{}.{session}", shared.recording.host_id);
    let (of_session, ended) = (exchange.shared.clone(), id.clone());
    let over = move || of_session.http.sessions.remove(&ended);
    let conversation = open(exchange, &session, Era::Legacy, over)?;
    let known = Known {
        id,
        owner: exchange.visitor.owner.clone(),
        app: exchange.app.clone(),
        way: Way::Conversation(conversation.clone()),
    };
    let known = shared.http.sessions.insert(known).map_err(|_too_many| {
        conversation.close();
        too_many("you have too many sessions in use with this MCP server; end some")
    })?;
    Ok((known, conversation))
}

/// A message of a session.
pub(crate) async fn post(
    exchange: &Exchange,
    known: &Known,
    body: &Bytes,
) -> Result<Response<Body>, Stop> {
    let conversation = match &known.way {
        Way::Conversation(conversation) => conversation,
        Way::Passage(passage) => return pass::post(exchange, known, passage, body).await,
    };
    let messages = exchange.parse(body, conversation.has_batches()).await?;
    let accepts = exchange.accepts();
    if !(accepts.events || (accepts.json && messages.len() == 1)) {
        return Err(Exchange::not_acceptable("accept both application/json and text/event-stream"));
    }
    conversation.brings(&exchange.brought);
    let posted = conversation.post(body, &messages, accepts, exchange.asker()).await;
    respond(exchange, body, posted).await
}

async fn respond(
    exchange: &Exchange,
    body: &Bytes,
    posted: Result<Answer, Unposted>,
) -> Result<Response<Body>, Stop> {
    match posted {
        Ok(Answer::Accepted) => Ok(reply::accepted()),
        Ok(Answer::Message(answer)) => Ok(reply::json(StatusCode::OK, answer)),
        Ok(Answer::Events(events)) => Ok(reply::events(api::boxed(events))),
        Err(Unposted::Refused(refused)) => Err(exchange.refuse(Some(body), &refused).await),
        Err(Unposted::Unsent(words) | Unposted::Over(words)) => {
            let words = format!("{words}; begin a new session with \"initialize\"");
            Err(reply::stop(StatusCode::NOT_FOUND, code::INVALID_REQUEST, None, &words))
        }
    }
}

/// GET: what belongs to no request, or the rest of a stream that broke off.
pub(crate) async fn listen(
    exchange: &Exchange,
    known: Option<Arc<Known>>,
) -> Result<Response<Body>, Stop> {
    let known = known.ok_or_else(no_session)?;
    let conversation = match &known.way {
        Way::Conversation(conversation) => conversation,
        Way::Passage(passage) => return pass::listen(exchange, &known, passage).await,
    };
    if !exchange.accepts().events {
        return Err(Exchange::not_acceptable("a GET opens a stream: accept text/event-stream"));
    }
    let last = exchange.last_event_id()?;
    let events = conversation.listen(last, exchange.asker()).map_err(|unheard| match unheard {
        Unheard::Taken => {
            let words = "the session has a stream already: read that, or end it";
            reply::stop(StatusCode::CONFLICT, code::INVALID_REQUEST, None, words)
        }
        Unheard::Unknown => reply::bad("what came after this Last-Event-ID is not known any more"),
    })?;
    let recorder = &exchange.visitor.recorder;
    super::record(recorder, recorder.listens(exchange.headers())).await;
    Ok(reply::events(api::boxed(events)))
}

/// DELETE: ends the session.
pub(crate) async fn end(
    exchange: &Exchange,
    known: Option<Arc<Known>>,
) -> Result<Response<Body>, Stop> {
    let known = known.ok_or_else(no_session)?;
    if let Way::Passage(passage) = &known.way {
        return pass::end(exchange, &known, passage).await;
    }
    exchange.shared.http.sessions.remove(&known.id);
    known.close();
    Ok(Response::new(api::empty()))
}

fn no_session() -> Stop {
    reply::bad("no Mcp-Session-Id: begin a session with \"initialize\"")
}

fn is_error(answer: &Bytes) -> bool {
    Message::parse(answer, &Limits::SERVER).is_ok_and(|message| {
        matches!(message.body, mcp::Body::Response(response) if matches!(response.outcome, Outcome::Error(_)))
    })
}

impl Conversation {
    /// Whether several messages may come in one array.
    fn has_batches(&self) -> bool {
        self.revision().is_some_and(mcp::Revision::has_batches)
    }
}
