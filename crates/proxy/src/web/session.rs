//! The page at which a user shows a second factor for a session with an MCP server, in the browser that opened it
//! first.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use api::wire::{SessionMfaAnswer, SessionMfaPage, SessionMfaRead};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
use super::{mfa, page, sso};

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
    code: String,
    /// What a security key answered, JSON.
    #[serde(default)]
    key: String,
    #[serde(default)]
    reject: String,
}

/// Shows what is asked.
pub(super) async fn show(browser: Browser, Path(token): Path<String>) -> Response {
    if let Err(error) = browser.admit() {
        return mfa::refused(&error);
    }
    form(&browser, &token, StatusCode::OK, None).await
}

/// Takes what was shown.
pub(super) async fn answer(
    browser: Browser,
    Path(token): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit() {
        return mfa::refused(&error);
    }
    let key = match page::json(&answer.key) {
        Ok(key) => key,
        Err(error) => return mfa::refused(&error),
    };
    let code: String = answer.code.split_whitespace().collect();
    let request = SessionMfaAnswer {
        binding: Ticket::of(&browser.headers).binding(),
        code: Some(code).filter(|code| !code.is_empty()),
        key,
        reject: !answer.reject.is_empty(),
        client_addr: Some(browser.address()),
    };
    match browser.web.client.answer_session_mfa(&token, &request).await {
        Ok(answered) => {
            let (location, rejected) = (answered.location.as_str(), answered.rejected);
            page::render(StatusCode::OK, &BackPage { location, rejected })
        }
        Err(error) if page::may_try_again(&error) => {
            let problem = sso::sentence(&error);
            form(&browser, &token, error.kind().status(), Some(&problem)).await
        }
        Err(error) => mfa::refused(&error),
    }
}

async fn form(
    browser: &Browser,
    token: &str,
    status: StatusCode,
    problem: Option<&str>,
) -> Response {
    let ticket = Ticket::of(&browser.headers);
    let read = SessionMfaRead { binding: ticket.binding() };
    match browser.web.client.read_session_mfa(token, &read).await {
        Ok(session) => {
            let shown = Shown {
                session: &session,
                own_cluster: &browser.web.cluster,
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
