//! The page of somebody whom an identity provider sent here by itself: they let a machine in that shows a code.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, OriginalUri, Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::wire::{Arrival, ArrivalAnswer, ArrivalAnswered, ArrivalChoice, ArrivalPage, ArrivalRead};
use api::{Error, ErrorKind};

use super::guard::{self, Ticket};
use super::{admit, page, sso};
use crate::connection::Peer;
use crate::service::Web;

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
    csrf: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    approve: String,
    #[serde(default)]
    reject: String,
}

/// Takes a response that answers nothing which was asked here.
pub(super) async fn arrive(
    web: &Web,
    peer: &Peer,
    connector: String,
    saml_response: String,
) -> Response {
    if let Err(failure) = admit(web, peer) {
        return sso::refused(&failure.0);
    }
    let arrival = Arrival {
        connector,
        saml_response,
        client_addr: Some(peer.address.to_string()),
        proxy_addr: Some(web.public_addr.clone()),
    };
    match web.client.arrive(&arrival).await {
        Ok(begun) => sso::lead_to(&begun),
        Err(error) => sso::refused(&error),
    }
}

/// Shows the page.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Err(failure) = admit(&web, &peer) {
        return sso::refused(&failure.0);
    }
    form(&web, &token, &headers, StatusCode::OK, None).await
}

/// Takes a code, or what is said of the machine that shows it.
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
        return sso::refused(&failure.0);
    }
    let choice = match answer {
        Answer { reject, .. } if !reject.is_empty() => ArrivalChoice::Reject,
        Answer { approve, .. } if !approve.is_empty() => ArrivalChoice::Approve,
        Answer { code, .. } => ArrivalChoice::Code(code),
    };
    let binding = binding(&headers, &token);
    let request = ArrivalAnswer { binding, choice, client_addr: Some(peer.address.to_string()) };
    match web.client.answer_arrival(&token, &request).await {
        Ok(ArrivalAnswered::Asked) => form(&web, &token, &headers, StatusCode::OK, None).await,
        Ok(ArrivalAnswered::Approved) => page::message(
            StatusCode::OK,
            "The machine is signed in",
            "It goes on there. You may close this page.",
        ),
        Ok(ArrivalAnswered::Rejected) => page::message(
            StatusCode::OK,
            "The machine is not signed in",
            "It was rejected, and that is recorded. If somebody has sent you its code, tell your administrator.",
        ),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Denied) => {
            // A code that is none: the page is there as before.
            form(&web, &token, &headers, error.kind().status(), Some(&error)).await
        }
        Err(error) => sso::refused(&error),
    }
}

async fn form(
    web: &Web,
    token: &str,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<&Error>,
) -> Response {
    let read = ArrivalRead { binding: binding(headers, token) };
    match web.client.read_arrival(token, &read).await {
        Ok(arrival) => {
            let ticket = Ticket::of(headers);
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
