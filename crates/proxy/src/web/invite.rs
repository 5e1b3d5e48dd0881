//! The page behind an invite or reset link: what somebody is to sign in with, once.
//!
//! The token in the address is the whole permission.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::wire::{InviteAnswer, InviteDetails, InvitePurpose, KeyUse};
use api::{Error, ErrorKind};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
use super::page;

#[derive(Template)]
#[template(path = "invite.html")]
struct InvitePage<'a> {
    details: &'a InviteDetails,
    is_reset: bool,
    csrf: &'a str,
    /// What to ask of a key that is to be a second factor, and of one that is to be enough.
    key: Option<String>,
    passkey: Option<String>,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    user: &'a str,
    proxy: &'a str,
    /// Whether signing in takes a browser.
    browser: bool,
    /// Shown once.
    recovery_codes: &'a [String],
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    password: String,
    #[serde(default)]
    password_again: String,
    #[serde(default)]
    totp: String,
    /// What a security key answered, JSON.
    #[serde(default)]
    key: String,
    #[serde(default)]
    device_name: String,
}

/// Shows the form.
pub(super) async fn show(browser: Browser, Path(token): Path<String>) -> Response {
    if let Err(error) = browser.admit() {
        return refused(&error);
    }
    match browser.web.client.read_invite(&token).await {
        Ok(details) => form(StatusCode::OK, &browser.headers, &details, None),
        Err(error) => refused(&error),
    }
}

/// Takes the form.
pub(super) async fn answer(
    browser: Browser,
    Path(token): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit() {
        return refused(&error);
    }
    let details = match browser.web.client.read_invite(&token).await {
        Ok(details) => details,
        Err(error) => return refused(&error),
    };
    let again = |problem: &str| {
        form(StatusCode::UNPROCESSABLE_ENTITY, &browser.headers, &details, Some(problem))
    };
    if answer.password != answer.password_again {
        return again("The two passwords differ.");
    }
    let key = match page::json(&answer.key) {
        Ok(key) => key,
        Err(error) => return again(error.message()),
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let request = InviteAnswer {
        password: given(answer.password),
        totp: given(answer.totp.split_whitespace().collect()).filter(|_| key.is_none()),
        key,
        device_name: given(answer.device_name),
        client_addr: Some(browser.address()),
    };
    match browser.web.client.answer_invite(&token, &request).await {
        Ok(enrolled) => {
            let welcome = WelcomePage {
                user: &details.user,
                proxy: &browser.web.public_addr,
                browser: request.key.is_some(),
                recovery_codes: &enrolled.recovery_codes,
            };
            page::render(StatusCode::OK, &welcome)
        }
        Err(error) if error.kind() == ErrorKind::InvalidArgument => again(error.message()),
        Err(error) => refused(&error),
    }
}

fn form(
    status: StatusCode,
    headers: &HeaderMap,
    details: &InviteDetails,
    problem: Option<&str>,
) -> Response {
    let ticket = Ticket::of(headers);
    let wanted = |purpose: KeyUse| {
        let wanted = details.keys.iter().find(|wanted| wanted.purpose == purpose);
        wanted.map(|wanted| wanted.options.to_string())
    };
    let shown = InvitePage {
        details,
        is_reset: details.purpose == InvitePurpose::Reset,
        csrf: &ticket.csrf,
        key: wanted(KeyUse::SecondFactor),
        passkey: wanted(KeyUse::Passkey),
        problem,
    };
    ticket.stamp(page::render(status, &shown))
}

fn refused(error: &Error) -> Response {
    let title = match error.kind() {
        ErrorKind::NotFound => "This link does not work",
        ErrorKind::RateLimited => "Too many attempts",
        _ => "Not possible now",
    };
    page::message(error.kind().status(), title, error.message())
}
