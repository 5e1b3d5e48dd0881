//! The page at which a user adds a device, or removes one, in the browser that opened it first.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use api::wire::{MfaAnswer, MfaPage, MfaRead, MfaStage, TotpEnrolment};
use api::{Error, ErrorKind};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
use super::{page, sso};

#[derive(Template)]
#[template(path = "mfa.html")]
struct Shown<'a> {
    change: &'a MfaPage,
    csrf: &'a str,
    problem: Option<&'a str>,
    /// What is asked: of a key that the user has, or of the new one.
    known_key: Option<String>,
    new_key: Option<String>,
    new_app: Option<&'a TotpEnrolment>,
    codes: bool,
    password: bool,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    totp: String,
    /// What a security key answered, JSON.
    #[serde(default)]
    key: String,
}

/// Shows what is asked.
pub(super) async fn show(browser: Browser, Path(token): Path<String>) -> Response {
    if let Err(error) = browser.admit() {
        return refused(&error);
    }
    let ticket = Ticket::of(&browser.headers);
    let page = form(&browser, &token, &ticket, StatusCode::OK, None).await;
    ticket.stamp(page)
}

/// Takes what was shown.
pub(super) async fn answer(
    browser: Browser,
    Path(token): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit() {
        return refused(&error);
    }
    let ticket = Ticket::of(&browser.headers);
    let key = match page::json(&answer.key) {
        Ok(key) => key,
        Err(error) => return refused(&error),
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let digits = |text: &str| given(text.split_whitespace().collect());
    let request = MfaAnswer {
        binding: ticket.binding(),
        code: digits(&answer.code),
        password: given(answer.password),
        key,
        totp: digits(&answer.totp),
        client_addr: Some(browser.address()),
    };
    match browser.web.client.answer_mfa_page(&token, &request).await {
        Ok(answered) => match answered.done {
            Some(device) => {
                let text =
                    format!("That was it for the device “{device}”. You may close this page.");
                page::message(StatusCode::OK, "Done", &text)
            }
            None => form(&browser, &token, &ticket, StatusCode::OK, None).await,
        },
        Err(error) if page::may_try_again(&error) => {
            let problem = sso::sentence(&error);
            form(&browser, &token, &ticket, error.kind().status(), Some(&problem)).await
        }
        Err(error) => refused(&error),
    }
}

async fn form(
    browser: &Browser,
    token: &str,
    ticket: &Ticket,
    status: StatusCode,
    problem: Option<&str>,
) -> Response {
    let change =
        match browser.web.client.read_mfa_page(token, &MfaRead { binding: ticket.binding() }).await
        {
            Ok(change) => change,
            Err(error) => return refused(&error),
        };
    let mut shown = Shown {
        change: &change,
        csrf: &ticket.csrf,
        problem,
        known_key: None,
        new_key: None,
        new_app: None,
        codes: false,
        password: false,
    };
    match &change.stage {
        MfaStage::Verify { codes, key, password } => {
            shown.codes = *codes;
            shown.password = *password;
            shown.known_key = key.as_ref().map(ToString::to_string);
        }
        MfaStage::Totp { totp } => shown.new_app = Some(totp),
        MfaStage::Key { options } => shown.new_key = Some(options.to_string()),
    }
    page::render(status, &shown)
}

pub(super) fn refused(error: &Error) -> Response {
    let title = match error.kind() {
        ErrorKind::NotFound => "This page is over",
        ErrorKind::RateLimited => "Too many attempts",
        _ => "Not possible now",
    };
    page::message(error.kind().status(), title, &sso::sentence(error))
}
