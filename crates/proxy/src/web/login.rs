//! The page at which local users sign in, in the browser that a login was begun in.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::Error;
use api::wire::{LoginAnswer, LoginAnswered, LoginPage, LoginRead};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
use super::{headless, page, sso};

#[derive(Template)]
#[template(path = "login.html")]
struct SignInPage<'a> {
    login: &'a LoginPage,
    passkey: Option<String>,
    csrf: &'a str,
    user: &'a str,
    problem: Option<&'a str>,
    /// When the machine asked, as people read it.
    asked_at: String,
}

#[derive(Template)]
#[template(path = "key.html")]
struct KeyPage<'a> {
    options: &'a str,
    csrf: &'a str,
}

#[derive(Template)]
#[template(path = "back.html")]
struct BackPage<'a> {
    location: &'a str,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    user: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    /// What a security key answered, JSON.
    #[serde(default)]
    key: String,
    #[serde(default)]
    reject: String,
}

/// Shows the form.
pub(super) async fn show(browser: Browser, Path(state): Path<String>) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    form(&browser, &state, StatusCode::OK, "", None).await
}

/// Takes the form.
pub(super) async fn answer(
    browser: Browser,
    Path(state): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    let Some(binding) = binding(&browser.headers, &state) else { return stranger() };
    let key = match page::json(&answer.key) {
        Ok(key) => key,
        Err(error) => return sso::refused(&error),
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let user = answer.user.clone();
    let request = LoginAnswer {
        binding,
        user: given(answer.user),
        password: given(answer.password),
        code: given(answer.code.split_whitespace().collect()),
        key,
        reject: !answer.reject.is_empty(),
        client_addr: Some(browser.address()),
    };
    match browser.web.client.answer_login(&state, &request).await {
        Ok(LoginAnswered::Done { location }) => {
            page::render(StatusCode::OK, &BackPage { location: &location })
        }
        Ok(LoginAnswered::Approved) => headless::approved(),
        Ok(LoginAnswered::Rejected) => headless::rejected(),
        Ok(LoginAnswered::Key { options }) => {
            let ticket = Ticket::of(&browser.headers);
            let key = KeyPage { options: &options.to_string(), csrf: &ticket.csrf };
            ticket.stamp(page::render(StatusCode::OK, &key))
        }
        Err(error) if page::may_try_again(&error) => {
            let problem = sso::sentence(&error);
            form(&browser, &state, error.kind().status(), &user, Some(&problem)).await
        }
        Err(error) => sso::refused(&error),
    }
}

async fn form(
    browser: &Browser,
    state: &str,
    status: StatusCode,
    user: &str,
    problem: Option<&str>,
) -> Response {
    let Some(binding) = binding(&browser.headers, state) else { return stranger() };
    match browser.web.client.read_login(state, &LoginRead { binding }).await {
        Ok(login) => {
            let ticket = Ticket::of(&browser.headers);
            let passkey = login.passkey.as_ref().map(ToString::to_string);
            let machine = login.machine.as_ref();
            let user = machine.and_then(|machine| machine.user.as_deref()).unwrap_or(user);
            let asked_at = machine.map(|machine| page::moment(machine.asked_at));
            let shown = SignInPage {
                login: &login,
                passkey,
                csrf: &ticket.csrf,
                user,
                problem,
                asked_at: asked_at.unwrap_or_default(),
            };
            ticket.stamp(page::render(status, &shown))
        }
        Err(error) => sso::refused(&error),
    }
}

/// The cookie that marks the browser in which the login was begun.
fn binding(headers: &HeaderMap, state: &str) -> Option<String> {
    sso::find_cookie(headers, &api::sso_cookie(state))
}

fn stranger() -> Response {
    sso::refused(&Error::denied(
        "This browser did not begin this sign-in, or did so too long ago. Begin again with tsh login, or in the client that sent you here",
    ))
}
