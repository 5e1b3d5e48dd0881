//! Answers of the server, as the client may have them.

use std::sync::Arc;

use api::Body;
use api::stream_headers::MCP_PREFIX;
use bytes::{Bytes, BytesMut};
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use mcp::error::{self, code};
use mcp::header::SESSION_ID;
use mcp::limits::{Limits, MESSAGE_BYTES};
use mcp::{Era, Id, Message, probe};

use super::challenge::Challenge;
use super::decide::Decided;
use super::events::{Events, Waits};
use crate::http::passage::Passage;
use crate::http::reply;
use crate::http::visitor::Visitor;
use crate::relay::FromServer;

/// What of the headers of an answer goes to the client.
const KEPT: [HeaderName; 5] =
    [CONTENT_TYPE, CACHE_CONTROL, RETRY_AFTER, ALLOW, HeaderName::from_static("x-accel-buffering")];

/// What was asked in the request that is answered.
#[derive(Debug)]
pub(super) struct Asked {
    /// The requests that went to the server.
    pub(super) ids: Vec<Id<'static>>,
    /// Our own answers to the rest.
    pub(super) answers: Vec<Vec<u8>>,
    pub(super) batch: bool,
}

/// The content of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Events,
    Other,
}

// === impl Asked ===

impl Asked {
    pub(super) fn of(decided: Decided) -> Self {
        let Decided { ids, answers, batch, .. } = decided;
        Self { ids, answers, batch }
    }

    /// What the client gets when the server's answers are these and no more will come.
    fn compose(mut self, mut answers: Vec<Bytes>) -> Bytes {
        answers.extend(self.answers.drain(..).map(Bytes::from));
        if !self.batch && answers.len() <= 1 {
            return answers.pop().unwrap_or_default();
        }
        let mut all = BytesMut::from(&b"["[..]);
        for (index, answer) in answers.iter().enumerate() {
            if index > 0 {
                all.extend_from_slice(b",");
            }
            all.extend_from_slice(answer);
        }
        all.extend_from_slice(b"]");
        all.freeze()
    }
}

// === impl Content ===

impl Content {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let mut types = headers.get_all(CONTENT_TYPE).iter();
        let (Some(value), None) = (types.next(), types.next()) else { return Self::Other };
        let text = value.to_str().unwrap_or_default();
        let essence = text.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if essence.eq_ignore_ascii_case(mcp::sse::CONTENT_TYPE) {
            Self::Events
        } else {
            Self::Other
        }
    }
}

/// Our own answer to a request that the server did not get, or did not answer.
pub(super) fn unanswered(asked: Asked, status: StatusCode, words: &str) -> Response<Body> {
    if asked.ids.is_empty() && asked.answers.is_empty() {
        return *reply::stop(status, code::INTERNAL_ERROR, None, words);
    }
    let failed = |id: &Id<'_>| error::response(Some(id), code::INTERNAL_ERROR, words, None).into();
    let answers = asked.ids.iter().map(failed).collect();
    reply::json(StatusCode::OK, asked.compose(answers))
}

/// The server's answer as the client may have it.
pub(super) async fn relay(
    passage: &Arc<Passage>,
    opener: &Arc<Visitor>,
    response: Response<Body>,
    asked: Asked,
) -> Response<Body> {
    let (head, body) = response.into_parts();
    let challenge = Challenge::of(&head);
    let status = challenge.status(head.status);
    let content = Content::of(&head.headers);
    if head.status.is_success() && content == Content::Events {
        let waits = Waits::Answers(asked.ids);
        let events = Events::new(passage.clone(), opener.clone(), body, waits, &asked.answers);
        return with_headers(status, &head.headers, api::boxed(events));
    }
    if asked.ids.is_empty() && asked.answers.is_empty() && head.status.is_success() {
        // Nothing was asked, so nothing can be answered.
        let mut response = Response::new(api::empty());
        *response.status_mut() = status;
        return response;
    }
    let time = passage.shared.limits.answer_timeout;
    let outcome = match content {
        Content::Json => tokio::select! {
            biased;
            outcome = tokio::time::timeout(time, collect(body)) => outcome.unwrap_or_else(|_elapsed| {
                Err(format!("it took longer than {} seconds", time.as_secs()))
            }),
            end = passage.clone().ended(opener.clone()) => {
                passage.record_cut(opener, &end).await;
                Err(end.message)
            }
        },
        Content::Events | Content::Other => {
            Err(format!("it came with HTTP status {}", head.status))
        }
    };
    if passage.era == Era::Modern
        && OLDER.contains(&status)
        && !outcome.as_ref().is_ok_and(|answer| probe::is_modern_error(answer))
    {
        passage.target.doubt();
    }
    let mut answer = match outcome {
        Ok(bytes) => message(passage, status, &head.headers, bytes, asked).await,
        Err(words) => withheld(passage, status, asked, &words),
    };
    challenge.mark(&mut answer);
    answer
}

/// With these, a server that does not speak the modern era refuses what is of it.
const OLDER: [StatusCode; 3] =
    [StatusCode::BAD_REQUEST, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];

async fn message(
    passage: &Arc<Passage>,
    status: StatusCode,
    headers: &HeaderMap,
    bytes: Bytes,
    mut asked: Asked,
) -> Response<Body> {
    let Ok(access) = passage.access() else {
        return withheld(passage, status, asked, "access has ended");
    };
    let parsed = passage.relay.lock().read(&bytes, &Limits::SERVER);
    let messages = match parsed {
        Ok(messages) => messages,
        Err(refused) => {
            // Not in the match: what is matched is held, the lock with it, to the match's end.
            let answer = passage.relay.lock().unreadable(&bytes, &refused);
            return match answer {
                Some(answer) => {
                    let unread = answer_id(&answer);
                    asked.ids.retain(|id| Some(id) != unread.as_ref());
                    finish(passage, status, headers, asked, vec![answer.into()])
                }
                None => withheld(passage, status, asked, &refused.reason.to_string()),
            };
        }
    };
    let mut answers = Vec::new();
    for message in &messages {
        let mcp::Body::Response(response) = &message.body else { continue };
        if response.id.is_none() && !status.is_success() && messages.len() == 1 {
            // The whole request was refused.
            answers.push(bytes.clone());
            for id in asked.ids.drain(..) {
                passage.relay.lock().give_up(&id);
            }
            break;
        }
        if !asked.ids.iter().any(|id| response.id.as_ref() == Some(id)) {
            // Another request's, or nobody's.
            continue;
        }
        if passage.relay.lock().lists_tools(message) {
            passage.target.listed_tools(message);
        }
        let released = passage.relay.lock().server(message, &access);
        let (text, begun) = match released {
            FromServer::Pass(text) => (text, false),
            FromServer::Begun(text) => (text, true),
            FromServer::Answer(_) | FromServer::Drop => continue,
        };
        let handshake = begun.then(|| passage.relay.lock().handshake().clone());
        if let Some(handshake) = handshake
            && passage.visitor.recorder.started(&handshake).await.is_err()
        {
            let words = crate::end::End::not_recorded().message;
            return withheld(passage, status, asked, &words);
        }
        asked.ids.retain(|id| response.id.as_ref() != Some(id));
        let whole = messages.len() == 1 && text.len() == bytes.len();
        let untouched = whole && matches!(text, std::borrow::Cow::Borrowed(_));
        answers.push(if untouched { bytes.clone() } else { Bytes::from(text.into_owned()) });
    }
    finish(passage, status, headers, asked, answers)
}

/// Adds what is missing.
fn finish(
    passage: &Passage,
    status: StatusCode,
    headers: &HeaderMap,
    mut asked: Asked,
    mut answers: Vec<Bytes>,
) -> Response<Body> {
    let words = "the MCP server did not answer this request";
    for id in asked.ids.drain(..) {
        if passage.relay.lock().give_up(&id) {
            answers.push(error::response(Some(&id), code::INTERNAL_ERROR, words, None).into());
        }
    }
    with_headers(status, headers, api::full(asked.compose(answers)))
}

/// What came cannot be passed on.
fn withheld(passage: &Passage, status: StatusCode, asked: Asked, why: &str) -> Response<Body> {
    let words = format!("the MCP server's answer cannot be passed on: {why}");
    for id in &asked.ids {
        passage.relay.lock().give_up(id);
    }
    let mut response = unanswered(asked, status, &words);
    if !status.is_success() {
        *response.status_mut() = status;
    }
    response
}

fn answer_id(answer: &[u8]) -> Option<Id<'static>> {
    match Message::parse(answer, &Limits::SERVER).ok()?.body {
        mcp::Body::Response(response) => response.id.map(|id| id.to_static()),
        _ => None,
    }
}

/// The one answer in a response to a request of our own, whatever form it has.
pub(super) async fn one(response: Response<Body>) -> Option<Bytes> {
    let content = Content::of(response.headers());
    let mut body = response.into_body();
    if content != Content::Events {
        return collect(body).await.ok();
    }
    let mut events = mcp::sse::Decoder::new(MESSAGE_BYTES + mcp::sse::OVERHEAD_BYTES);
    loop {
        for frame in events.by_ref() {
            let data = frame.ok()?.event.map(|event| event.data).unwrap_or_default();
            let message = Message::parse(&data, &Limits::SERVER).map(|message| message.body);
            if matches!(message, Ok(mcp::Body::Response(_))) {
                return Some(data);
            }
        }
        events.push(&body.frame().await?.ok()?.into_data().unwrap_or_default());
    }
}

/// The whole body, not copied when it comes in one piece.
async fn collect(mut body: Body) -> Result<Bytes, String> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() else { continue };
        if first.len() + all.len() + data.len() > MESSAGE_BYTES {
            return Err(format!("it is longer than {MESSAGE_BYTES} bytes"));
        }
        if first.is_empty() && all.is_empty() {
            first = data;
        } else {
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&data);
        }
    }
    Ok(if all.is_empty() { first } else { all.freeze() })
}

/// An answer with what of the server's headers is the client's business.
pub(super) fn with_headers(status: StatusCode, server: &HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().reserve(KEPT.len());
    for name in &KEPT {
        if let Some(value) = server.get(name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    for (name, value) in server {
        // The name of the session is not the server's.
        if name.as_str().starts_with(MCP_PREFIX) && name != SESSION_ID {
            response.headers_mut().append(name, value.clone());
        }
    }
    if !response.headers().contains_key(CONTENT_TYPE) {
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}
