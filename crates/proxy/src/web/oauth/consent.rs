//! The page at which a person who has signed in says whether a client may act for them.

use askama::Template;
use axum::extract::Path;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use api::wire::{OauthConsent, OauthConsentAnswer, OauthConsentRead};

use crate::web::browser::Browser;
use crate::web::guard::{Posted, Ticket};
use crate::web::{page, sso};

#[derive(Template)]
#[template(path = "consent.html")]
struct Shown<'a> {
    consent: &'a OauthConsent,
    own_cluster: &'a str,
    csrf: &'a str,
    /// When it ends, as people read it.
    expires: String,
}

#[derive(Template)]
#[template(path = "consented.html")]
struct BackPage<'a> {
    location: &'a str,
    approved: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    answer: String,
}

/// Shows what is asked.
pub(super) async fn show(browser: Browser, Path(token): Path<String>) -> Response {
    if let Err(error) = browser.admit_consent() {
        return sso::refused(&error);
    }
    let ticket = Ticket::of(&browser.headers);
    let read = OauthConsentRead { binding: ticket.binding() };
    match browser.web.client.read_oauth_consent(&token, &read).await {
        Ok(consent) => {
            let shown = Shown {
                consent: &consent,
                own_cluster: &browser.web.cluster,
                csrf: &ticket.csrf,
                expires: page::moment(consent.expires),
            };
            ticket.stamp(page::render(StatusCode::OK, &shown))
        }
        Err(error) => sso::refused(&error),
    }
}

/// Takes the answer, and leads on to the client. That is a page and not a redirection: browsers hold a form's policy
/// against those, and the client may be anywhere.
pub(super) async fn answer(
    browser: Browser,
    Path(token): Path<String>,
    Posted(answer): Posted<Answer>,
) -> Response {
    if let Err(error) = browser.admit_consent() {
        return sso::refused(&error);
    }
    let approve = answer.answer == "approve";
    let request = OauthConsentAnswer {
        binding: Ticket::of(&browser.headers).binding(),
        approve,
        client_addr: Some(browser.address()),
    };
    match browser.web.client.answer_oauth_consent(&token, &request).await {
        Ok(answered) => {
            let page = BackPage { location: &answered.location, approved: approve };
            page::render(StatusCode::OK, &page)
        }
        Err(error) => sso::refused(&error),
    }
}
