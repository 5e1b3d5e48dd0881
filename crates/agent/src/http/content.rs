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
    let unsupported = |words: &str| {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        Err(reply::stop(status, code::INVALID_REQUEST, None, words))
    };
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    let is_json = match (types.next(), types.next()) {
        (Some(value), None) => value.to_str().is_ok_and(|text| {
            let essence = text.split(';').next().unwrap_or_default().trim();
            essence.eq_ignore_ascii_case("application/json")
        }),
        _ => false,
    };
    if !is_json {
        return unsupported("the content type of a message is application/json");
    }
    // What is compressed could be read in two ways, and be very long.
    let plain = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !headers.get_all(CONTENT_ENCODING).iter().all(plain) {
        return unsupported("a message is sent without compression");
    }
    Ok(())
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
