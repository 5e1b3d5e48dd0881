//! The page of somebody whom an identity provider sent here by itself: they let a machine in that shows a code.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::wire::{Arrival, ArrivalAnswer, ArrivalAnswered, ArrivalChoice, ArrivalPage, ArrivalRead};
use api::{Error, ErrorKind};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
use super::{headless, page, sso};

#[derive(Template)]
#[template(path = "arrival.html")]
struct Shown<'a> {
    page: &'a ArrivalPage,
    csrf: &'a str,
    problem: Option<&'a str>,
    /// When the machine asked, as people read it.
    asked_at: Option<String>,
}

/// What the forms send.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    code: String,
    #[serde(default)]
    approve: String,
    #[serde(default)]
    reject: String,
}

/// Takes a response that answers nothing which was asked here.
pub(super) async fn arrive(
    browser: &Browser,
    connector: String,
    saml_response: String,
) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    let web = &browser.web;
    let arrival = Arrival {
        connector,
        saml_response,
        client_addr: Some(browser.address()),
        proxy_addr: Some(web.public_addr.clone()),
    };
    match web.client.arrive(&arrival).await {
        Ok(begun) => sso::lead_to(&begun),
        Err(error) => sso::refused(&error),
    }
}

/// Shows the page.
pub(super) async fn show(browser: Browser, Path(token): Path<String>) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    form(&browser, &token, StatusCode::OK, None).await
}

/// Takes a code, or what is said of the machine that shows it.
pub(super) async fn answer(
    browser: Browser,
    Path(token): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    let choice = match answer {
        Answer { reject, .. } if !reject.is_empty() => ArrivalChoice::Reject,
        Answer { approve, .. } if !approve.is_empty() => ArrivalChoice::Approve,
        Answer { code, .. } => ArrivalChoice::Code(code),
    };
    let binding = binding(&browser.headers, &token);
    let request = ArrivalAnswer { binding, choice, client_addr: Some(browser.address()) };
    match browser.web.client.answer_arrival(&token, &request).await {
        Ok(ArrivalAnswered::Asked) => form(&browser, &token, StatusCode::OK, None).await,
        Ok(ArrivalAnswered::Approved) => headless::approved(),
        Ok(ArrivalAnswered::Rejected) => headless::rejected(),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {
            // A code that is none: the page is there as before.
            form(&browser, &token, error.kind().status(), Some(&error)).await
        }
        Err(error) => sso::refused(&error),
    }
}

async fn form(
    browser: &Browser,
    token: &str,
    status: StatusCode,
    problem: Option<&Error>,
) -> Response {
    let read = ArrivalRead { binding: binding(&browser.headers, token) };
    match browser.web.client.read_arrival(token, &read).await {
        Ok(arrival) => {
            let ticket = Ticket::of(&browser.headers);
            let (machine, said) = (arrival.machine.as_ref(), problem.map(sso::sentence));
            let shown = Shown {
                page: &arrival,
                csrf: &ticket.csrf,
                problem: said.as_deref(),
                asked_at: machine.map(|machine| page::moment(machine.asked_at)),
            };
            ticket.stamp(page::render(status, &shown))
        }
        // Of what is over, why it is says more.
        Err(error) => sso::refused(problem.unwrap_or(&error)),
    }
}

/// The cookie that ties the page to the browser to which it was opened.
fn binding(headers: &HeaderMap, token: &str) -> String {
    sso::find_cookie(headers, &api::sso_cookie(token)).unwrap_or_default()
}
