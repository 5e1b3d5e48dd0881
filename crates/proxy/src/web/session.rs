//! The page at which a user shows a second factor for a session with an MCP server, in the browser that opened it
//! first.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, OriginalUri, Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::wire::{SessionMfaAnswer, SessionMfaPage, SessionMfaRead};

use super::guard::{self, Ticket};
use super::{admit, mfa, page, sso};
use crate::connection::Peer;
use crate::service::Web;

#[derive(Template)]
#[template(path = "session.html")]
struct Shown<'a> {
    session: &'a SessionMfaPage,
    own_cluster: &'a str,
    key: Option<String>,
    csrf: &'a str,
    problem: Option<&'a str>,
    /// When the machine asked, as people read it.
    asked_at: String,
}

#[derive(Template)]
#[template(path = "approved.html")]
struct BackPage<'a> {
    location: &'a str,
    rejected: bool,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
    /// What a security key answered, JSON.
    #[serde(default)]
    key: String,
    #[serde(default)]
    reject: String,
}

/// Shows what is asked.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(failure) = admit(&web, &peer) {
        return mfa::refused(&failure.0);
    }
    form(&web, &token, &headers, StatusCode::OK, None).await
}

/// Takes what was shown.
pub(super) async fn answer(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Form(answer): Form<Answer>,
) -> Response {
    if let Err(refusal) = guard::admit(&uri, &headers, &answer.csrf) {
        return refusal;
    }
    if let Err(failure) = admit(&web, &peer) {
        return mfa::refused(&failure.0);
    }
    let key = match page::json(&answer.key) {
        Ok(key) => key,
        Err(error) => return mfa::refused(&error),
    };
    let code: String = answer.code.split_whitespace().collect();
    let request = SessionMfaAnswer {
        binding: Ticket::of(&headers).binding(),
        code: Some(code).filter(|code| !code.is_empty()),
        key,
        reject: !answer.reject.is_empty(),
        client_addr: Some(peer.address.to_string()),
    };
    match web.client.answer_session_mfa(&token, &request).await {
        Ok(answered) => {
            let (location, rejected) = (answered.location.as_str(), answered.rejected);
            page::render(StatusCode::OK, &BackPage { location, rejected })
        }
        Err(error) if page::may_try_again(&error) => {
            let problem = sso::sentence(&error);
            form(&web, &token, &headers, error.kind().status(), Some(&problem)).await
        }
        Err(error) => mfa::refused(&error),
    }
}

async fn form(
    web: &Web,
    token: &str,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<&str>,
) -> Response {
    let ticket = Ticket::of(headers);
    let read = SessionMfaRead { binding: ticket.binding() };
    match web.client.read_session_mfa(token, &read).await {
        Ok(session) => {
            let shown = Shown {
                session: &session,
                own_cluster: &web.cluster,
                key: session.key.as_ref().map(ToString::to_string),
                csrf: &ticket.csrf,
                problem,
                asked_at: page::moment(session.asked_at),
            };
            ticket.stamp(page::render(status, &shown))
        }
        Err(error) => mfa::refused(&error),
    }
}
