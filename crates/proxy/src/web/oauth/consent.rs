//! The page at which a person who has signed in says whether a client may act for them.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, OriginalUri, Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::wire::{OauthConsent, OauthConsentAnswer, OauthConsentRead};
use api::{Error, ErrorKind};

use crate::connection::Peer;
use crate::service::Web;
use crate::web::guard::{self, Ticket};
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
    csrf: String,
    #[serde(default)]
    answer: String,
}

/// Shows what is asked.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !web.oauth_attempts.admit(peer.address.ip()) {
        return too_many();
    }
    let ticket = Ticket::of(&headers);
    let read = OauthConsentRead { binding: ticket.binding() };
    match web.client.read_oauth_consent(&token, &read).await {
        Ok(consent) => {
            let shown = Shown {
                consent: &consent,
                own_cluster: &web.cluster,
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
    if !web.oauth_attempts.admit(peer.address.ip()) {
        return too_many();
    }
    let approve = answer.answer == "approve";
    let request = OauthConsentAnswer {
        binding: Ticket::of(&headers).binding(),
        approve,
        client_addr: Some(peer.address.to_string()),
    };
    match web.client.answer_oauth_consent(&token, &request).await {
        Ok(answered) => {
            let page = BackPage { location: &answered.location, approved: approve };
            page::render(StatusCode::OK, &page)
        }
        Err(error) => sso::refused(&error),
    }
}

fn too_many() -> Response {
    let text = "too many attempts from your address; wait a minute and try again";
    sso::refused(&Error::new(ErrorKind::RateLimited, text))
}
