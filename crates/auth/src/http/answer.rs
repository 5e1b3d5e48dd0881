//! Answers: JSON, and the one error shape.

use api::Error;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde::Serialize;

/// An answer of the API.
pub(crate) type Answer = Response<Body>;

/// A JSON document.
pub(crate) fn json(value: &impl Serialize) -> Result<Answer, Error> {
    serde_json::to_vec(value).map(|body| bytes(body.into())).map_err(Error::internal)
}

/// A JSON document that is written already.
pub(crate) fn bytes(body: Bytes) -> Answer {
    with_status(StatusCode::OK, "application/json", Body::from(body))
}

/// Done, and nothing to say.
pub(crate) fn nothing() -> Answer {
    bytes(Bytes::from_static(b"{}"))
}

/// One JSON document a line, without end.
pub(crate) fn lines(body: Body) -> Answer {
    with_status(StatusCode::OK, "application/x-ndjson", body)
}

/// What went wrong. The part for the log goes there.
pub(crate) fn error(error: &Error) -> Answer {
    let status = error.kind().status();
    if let Some(cause) = error.cause() {
        if status.is_server_error() {
            tracing::error!(%cause, kind = ?error.kind(), "an operation failed");
        } else {
            tracing::debug!(%cause, kind = ?error.kind(), "an operation was refused");
        }
    }
    let body = serde_json::to_vec(&error.body()).unwrap_or_default();
    with_status(status, "application/json", Body::from(body))
}

fn with_status(status: StatusCode, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
