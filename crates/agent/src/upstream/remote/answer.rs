//! What servers answer instead of what they were asked for, in words.

use std::time::Duration;

use api::Body;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use mcp::error::{self, code};
use mcp::limits::Limits;
use mcp::message::Message;
use mcp::{Id, Outcome, framing};
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::dial::Confidences;

/// So much of a complaint is read,
const COMPLAINT_BYTES: usize = 64 * 1024;
/// for so long,
const COMPLAINT_TIME: Duration = Duration::from_secs(5);
/// and so many characters of it are repeated.
const SNIPPET: usize = 200;

/// An answer whose status is no success.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The error in the terms of the protocol, if it is one.
    error: Option<Bytes>,
    snippet: String,
}

/// How a body is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Events,
    Nothing,
    Other,
}

// === impl Kind ===

impl Kind {
    pub(super) fn of<B>(response: &Response<B>) -> Self {
        let status = response.status();
        if status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT {
            return Self::Nothing;
        }
        let Some(value) = response.headers().get(CONTENT_TYPE) else { return Self::Nothing };
        let text = String::from_utf8_lossy(value.as_bytes());
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/json" => Self::Json,
            mcp::sse::CONTENT_TYPE => Self::Events,
            _ => Self::Other,
        }
    }
}

// === impl Refusal ===

impl Refusal {
    pub(super) async fn read(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let read = timeout(COMPLAINT_TIME, beginning(body)).await.unwrap_or_default();
        let is_error = |message: &Message<'_>| {
            let mcp::Body::Response(response) = &message.body else { return false };
            matches!(response.outcome, Outcome::Error(_))
        };
        let error = Message::parse(&read, &Limits::SERVER).is_ok_and(|message| is_error(&message));
        let confidences = head.extensions.get::<Confidences>().cloned().unwrap_or_default();
        let text = confidences.hidden_in(&String::from_utf8_lossy(&read));
        let snippet = collapse(&text);
        Self { status: head.status, error: error.then_some(read), snippet }
    }

    /// Whether the server speaks the protocol, whatever it says.
    pub(super) fn is_of_the_protocol(&self) -> bool {
        self.error.is_some()
    }

    /// Whether it says nothing of what the server speaks: it is ill, or does not accept who asks. Others may be
    /// let in.
    pub(super) fn says_nothing(&self) -> bool {
        self.status.is_server_error()
            || matches!(
                self.status,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS
            )
    }

    /// The answer to a request: the server's error under the request's id, or one of ours.
    pub(super) fn line(&self, id: &Id<'_>) -> Bytes {
        let told = self.error.as_ref().and_then(|text| under(text, id));
        told.unwrap_or_else(|| {
            error::response(Some(id), code::INTERNAL_ERROR, &self.to_string(), None).into()
        })
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let status = self.status;
        match status {
            StatusCode::UNAUTHORIZED => write!(
                f,
                "the MCP server wants other credentials than the gateway has for it (HTTP {status})"
            ),
            StatusCode::FORBIDDEN => {
                write!(f, "the MCP server refuses the gateway's request (HTTP {status})")
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                write!(f, "there is no MCP server at the app's address (HTTP {status})")
            }
            StatusCode::TOO_MANY_REQUESTS => {
                write!(f, "the MCP server is asked too often (HTTP {status})")
            }
            _ if status.is_server_error() => write!(f, "the MCP server failed (HTTP {status})"),
            _ => write!(f, "the MCP server answered HTTP {status}"),
        }?;
        if self.snippet.is_empty() { Ok(()) } else { write!(f, ": {}", self.snippet) }
    }
}

async fn beginning(mut body: Body) -> Bytes {
    let mut read = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { break };
        let room = COMPLAINT_BYTES - read.len();
        read.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
        if read.len() == COMPLAINT_BYTES {
            break;
        }
    }
    read.freeze()
}

/// An error under the id that it answers: some servers leave the id out when they refuse by HTTP.
fn under(text: &Bytes, id: &Id<'_>) -> Option<Bytes> {
    let message = Message::parse(text, &Limits::SERVER).ok()?;
    let mcp::Body::Response(response) = &message.body else { return None };
    if response.id.as_ref() == Some(id) {
        return Some(Bytes::copy_from_slice(&framing::line(text)));
    }
    let Outcome::Error(error) = &response.outcome else { return None };
    let error: &RawValue = serde_json::from_str(error.as_str()).ok()?;
    let answer = serde_json::json!({"jsonrpc": "2.0", "id": id.to_json(), "error": error});
    Some(answer.to_string().into())
}

/// White space collapsed, control characters left out, and not long.
fn collapse(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().take(SNIPPET).collect();
    let plain = words.join(" ");
    let mut short: String = plain.chars().filter(|c| !c.is_control()).take(SNIPPET).collect();
    if short.len() < plain.len() {
        short.push('…');
    }
    short
}
