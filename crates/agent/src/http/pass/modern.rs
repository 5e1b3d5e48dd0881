//! Requests of the modern era to a server that speaks it: nothing is kept between them.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Response, StatusCode};
use mcp::method::name::CANCELLED;
use mcp::{Era, Limits, Message, probe};
use tokio::time::timeout;

use super::answer::{Asked, one, relay, unanswered};
use super::request::own_headers;
use crate::dial::Leave;
use crate::http::exchange::Exchange;
use crate::http::open::too_many;
use crate::http::passage::Passage;
use crate::http::refusal_reply;
use crate::http::reply::{self, Stop};
use crate::served::{Speech, Target};

/// With these, a server says nothing of what it speaks.
const UNTOLD: [StatusCode; 3] =
    [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::TOO_MANY_REQUESTS];
/// How long a server may take to say which era it speaks.
const PROBE: Duration = Duration::from_secs(5);

/// One message.
pub(in crate::http) async fn post(
    exchange: &Exchange,
    target: &Arc<Target>,
    body: &Bytes,
    messages: &[Message<'_>],
) -> Result<Response<Body>, Stop> {
    if messages.iter().any(takes_back) {
        return Ok(reply::accepted());
    }
    let (shared, visitor) = (&exchange.shared, exchange.visitor.clone());
    let passage = Passage::new(shared, &exchange.served, target.clone(), visitor, Era::Modern)
        .map_err(|full| too_many(&full.to_string()))?;
    let decided = passage.decide(body, messages).await;
    let mut decided = decided.map_err(|refusal| refusal_reply(&refusal, &exchange.app))?;
    let Some((permit, bytes)) = decided.forward.take() else {
        if decided.answers.is_empty() {
            return Ok(reply::accepted());
        }
        return Ok(unanswered(Asked::of(decided), StatusCode::BAD_GATEWAY, ""));
    };
    let (leave, said) = (Leave::Permit(permit), exchange.said());
    let visitor = &passage.visitor;
    let sent = passage.send(visitor, leave, Method::POST, said, api::full(bytes)).await;
    let asked = Asked::of(decided);
    match sent {
        Ok(response) => Ok(relay(&passage, visitor, response, asked).await),
        Err(failed) => {
            failed.tell(exchange);
            failed.record(&passage, visitor).await;
            Ok(unanswered(asked, StatusCode::BAD_GATEWAY, &failed.words()))
        }
    }
}

/// Whether it takes a request back. Over HTTP that is done by leaving its stream (2026-07-28, Cancellation). To
/// a server that heeds the message all clients are one, and an id may well be that of another's request.
fn takes_back(message: &Message<'_>) -> bool {
    matches!(&message.body, mcp::Body::Notification(notification) if notification.method.as_str() == CANCELLED)
}

/// Asks the server whether it speaks this era. Nothing when it cannot be asked.
pub(in crate::http) async fn takes_modern(
    exchange: &Exchange,
    target: &Arc<Target>,
) -> Option<bool> {
    if let Some(known) = target.takes_modern() {
        return Some(known);
    }
    let (shared, visitor) = (&exchange.shared, exchange.visitor.clone());
    let served = &exchange.served;
    let passage = Passage::new(shared, served, target.clone(), visitor, Era::Modern).ok()?;
    let question = probe::discover(1);
    let mut headers = own_headers();
    let message = Message::parse(&question, &Limits::CLIENT).ok()?;
    let mcp::Body::Request(request) = &message.body else { return None };
    for (name, value) in mcp::header::of(request) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?);
    }
    let asked = async {
        let body = api::full(question.clone());
        let said = (&headers, exchange.brought.clone());
        let response = passage
            .send(&passage.visitor, Leave::Housekeeping, Method::POST, said, body)
            .await
            .ok()?;
        // That it is overloaded or starts says nothing of what it speaks. That it refuses who asks does not,
        // either: others may be let in.
        let is_ill = response.status().is_server_error() || UNTOLD.contains(&response.status());
        let answer = one(response).await;
        let says_what =
            answer.as_ref().is_some_and(|text| Message::parse(text, &Limits::SERVER).is_ok());
        (says_what || !is_ill).then_some(answer)
    };
    let Ok(answer) = timeout(PROBE, asked).await else {
        // Slow is not legacy. What is asked meanwhile goes over a bridge, which waits for its answer to the end.
        target.found_silent();
        return Some(false);
    };
    let answer = answer?;
    let modern = probe::judge_discover(answer.as_deref()) == Era::Modern;
    target.found_modern(modern);
    if !modern && target.era().is_none() {
        target.learn(Some(Speech::Legacy));
    }
    Some(modern)
}
