//! The body of a post.

use std::time::Duration;

use api::Body;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use http_body::Body as _;
use http_body_util::BodyExt;
use mcp::error::code;
use mcp::limits::MESSAGE_BYTES;

use super::reply::{self, Stop};

/// How long a client may take to send a message.
const TIME: Duration = Duration::from_secs(30);

/// Refuses what is not a message in plain JSON.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Stop> {
    let values = |name| -> Vec<&[u8]> {
        headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect()
    };
    mcp::http::check_body(&values(CONTENT_TYPE), &values(CONTENT_ENCODING)).map_err(|fault| {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        reply::stop(status, code::INVALID_REQUEST, None, &fault.to_string())
    })
}

/// Reads it, within bounds of size and time.
pub(crate) async fn read(body: Body) -> Result<Bytes, Stop> {
    if body.size_hint().lower() > MESSAGE_BYTES as u64 {
        return Err(too_long());
    }
    match tokio::time::timeout(TIME, collect(body)).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => {
            let words = format!("the message took longer than {} seconds", TIME.as_secs());
            Err(reply::stop(StatusCode::REQUEST_TIMEOUT, code::INVALID_REQUEST, None, &words))
        }
    }
}

/// What comes in one piece is not copied.
async fn collect(mut body: Body) -> Result<Bytes, Stop> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_broken| reply::bad("the message broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if first.len() + all.len() + data.len() > MESSAGE_BYTES {
            return Err(too_long());
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

fn too_long() -> Stop {
    let words = format!("a message has at most {MESSAGE_BYTES} bytes");
    reply::stop(StatusCode::PAYLOAD_TOO_LARGE, code::INVALID_REQUEST, None, &words)
}

#[cfg(test)]
mod tests;
