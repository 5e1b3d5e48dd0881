//! Requests of a session that carry no message: to listen, and to end it.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use http::response::Parts;
use http::{Method, Response, StatusCode};
use mcp::Message;
use mcp::error::code;
use mcp::header::SESSION_ID;

use super::answer::{Content, with_headers};
use super::challenge::Challenge;
use super::events::{Events, Waits};
use super::legacy::{finish, lost};
use crate::dial::Leave;
use crate::end::End;
use crate::http::exchange::{Exchange, name_session};
use crate::http::passage::Passage;
use crate::http::refusal_reply;
use crate::http::reply::{self, Stop};
use crate::http::sessions::Known;

/// The longest refusal that is read,
const REFUSAL_BYTES: usize = 64 * 1024;
/// and for so long.
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// GET: what belongs to no request, or the rest of a stream that broke off.
pub(in crate::http) async fn listen(
    exchange: &Exchange,
    known: &Known,
    passage: &Arc<Passage>,
) -> Result<Response<Body>, Stop> {
    passage.touch();
    let waits = match exchange.last_event_id()? {
        Some(_) => Waits::Again,
        None => Waits::Nothing,
    };
    let response = bodiless(exchange, passage, Method::GET).await?;
    if lost(exchange, known, passage, response.status()) {
        return Err(reply::session_gone());
    }
    let (mut head, body) = response.into_parts();
    if !head.status.is_success() || Content::of(&head.headers) != Content::Events {
        let words = format!("the MCP server gives no stream (HTTP status {})", head.status);
        if head.status.is_success() {
            head.status = StatusCode::BAD_GATEWAY;
        }
        return Err(refused(&head, body, &words).await);
    }
    let recorder = &passage.visitor.recorder;
    crate::http::record(recorder, recorder.listens(exchange.headers())).await;
    let events = Events::new(passage.clone(), exchange.visitor.clone(), body, waits, &[]);
    let mut answer = with_headers(head.status, &head.headers, api::boxed(events));
    if head.headers.contains_key(SESSION_ID) {
        name_session(&mut answer, &known.id);
    }
    Ok(answer)
}

/// DELETE: ends the session, if the server lets it be ended.
pub(in crate::http) async fn end(
    exchange: &Exchange,
    known: &Known,
    passage: &Arc<Passage>,
) -> Result<Response<Body>, Stop> {
    let response = bodiless(exchange, passage, Method::DELETE).await?;
    let (head, body) = response.into_parts();
    if head.status == StatusCode::METHOD_NOT_ALLOWED {
        let words = "the MCP server does not let sessions be ended";
        return Err(refused(&head, body, words).await);
    }
    if Challenge::of(&head).is_the_clients() {
        let words = "the MCP server does not accept the credentials";
        return Err(refused(&head, body, words).await);
    }
    exchange.shared.http.sessions.remove(&known.id);
    finish(passage, End::client_done(), false);
    if !head.status.is_success() {
        // Here it is over all the same.
        let words = "the session is over; the MCP server did not take note of it";
        return Err(refused(&head, body, words).await);
    }
    let mut answer = Response::new(api::empty());
    *answer.status_mut() = head.status;
    Ok(answer)
}

/// A request that carries no message.
async fn bodiless(
    exchange: &Exchange,
    passage: &Arc<Passage>,
    method: Method,
) -> Result<Response<Body>, Stop> {
    let access = passage.access().map_err(|refusal| refusal_reply(&refusal, &exchange.app))?;
    let permit = access.connect().into_result().map_err(|denial| {
        let (status, words) = (StatusCode::FORBIDDEN, denial.public_message());
        reply::stop(status, code::INTERNAL_ERROR, None, &words)
    })?;
    let (leave, said) = (Leave::Permit(permit), exchange.said());
    passage.brings(&exchange.brought);
    let sent = passage.send(&exchange.visitor, leave, method, said, api::empty()).await;
    sent.map_err(|failed| {
        failed.tell(exchange);
        let status = StatusCode::BAD_GATEWAY;
        reply::stop(status, code::INTERNAL_ERROR, None, &failed.words())
    })
}

/// The server's refusal of a request that carried no message: its own error, if it is one of the protocol.
async fn refused(head: &Parts, body: Body, words: &str) -> Stop {
    let challenge = Challenge::of(head);
    let status = challenge.status(head.status);
    let said = match Content::of(&head.headers) {
        Content::Json if status == head.status => {
            tokio::time::timeout(REFUSAL_TIME, api::collect(body, REFUSAL_BYTES)).await.ok()
        }
        _ => None,
    };
    let said = said.and_then(Result::ok).filter(|said| is_refusal(said));
    let mut stop = match said {
        Some(said) => Box::new(reply::json(status, said)),
        None => reply::stop(status, code::INTERNAL_ERROR, None, words),
    };
    for name in [http::header::ALLOW, http::header::RETRY_AFTER] {
        if let Some(value) = head.headers.get(&name) {
            stop.headers_mut().insert(name, value.clone());
        }
    }
    challenge.mark(&mut stop);
    stop
}

/// Whether it is an error that answers no request of anybody's.
fn is_refusal(said: &[u8]) -> bool {
    Message::parse(said, &mcp::Limits::SERVER).is_ok_and(|message| {
        matches!(&message.body, mcp::Body::Response(response)
            if response.id.is_none() && matches!(response.outcome, mcp::Outcome::Error(_)))
    })
}
