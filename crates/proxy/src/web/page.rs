//! Pages that say something and ask nothing.

use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::{StatusCode, header};

use std::sync::Arc;

use api::Error;
use time::OffsetDateTime;

use crate::service::Web;

const STYLE: &str = include_str!("../../templates/style.css");
const KEYS: &str = include_str!("../../templates/keys.js");

#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    title: &'a str,
    text: &'a str,
}

/// The front page: what this is.
pub(super) async fn index(State(web): State<Arc<Web>>) -> Response {
    let text = format!(
        "This is the proxy of the cluster {}. Sign in from a terminal: tsh login --proxy={}",
        web.cluster, web.public_addr
    );
    message(StatusCode::OK, "Tessera", &text)
}

pub(super) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// Asks security keys for what pages say.
pub(super) async fn keys() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], KEYS).into_response()
}

pub(super) async fn not_found() -> Response {
    message(StatusCode::NOT_FOUND, "Nothing here", "There is no page at this address.")
}

/// A page of one sentence.
pub(super) fn message(status: StatusCode, title: &str, text: &str) -> Response {
    render(status, &Message { title, text })
}

/// What a security key answered, as a form's field holds it; an empty one holds nothing.
pub(super) fn json(field: &str) -> Result<Option<serde_json::Value>, Error> {
    if field.is_empty() {
        return Ok(None);
    }
    serde_json::from_str(field)
        .map(Some)
        .map_err(|_unreadable| Error::invalid("The key's answer cannot be read."))
}

/// A moment as people read it: to the second.
pub(super) fn moment(at: OffsetDateTime) -> String {
    resource::timestamp::format(at.replace_nanosecond(0).unwrap_or(at))
}

pub(super) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => {
            tracing::error!(%error, "page cannot be rendered");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Whether the form is shown once more: what was typed can be mended.
pub(super) fn may_try_again(error: &Error) -> bool {
    matches!(error.kind(), api::ErrorKind::Unauthenticated | api::ErrorKind::InvalidArgument)
}
