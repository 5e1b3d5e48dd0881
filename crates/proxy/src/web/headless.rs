//! The page where somebody types the code that a machine without a browser shows.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, Json, OriginalUri, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use api::ErrorKind;
use api::wire::{self, HeadlessOpen};

use super::guard::{self, Ticket};
use super::{Failure, admit, page, sso};
use crate::connection::Peer;
use crate::service::Web;

#[derive(Template)]
#[template(path = "headless.html")]
struct CodePage<'a> {
    cluster: &'a str,
    csrf: &'a str,
    problem: Option<&'a str>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Answer {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    code: String,
}

/// `tsh` asks for a code.
pub(super) async fn start(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Json(mut request): Json<wire::HeadlessStart>,
) -> Result<Json<wire::HeadlessStarted>, Failure> {
    admit(&web, &peer)?;
    request.client_addr = Some(peer.address.to_string());
    request.proxy_addr = Some(web.public_addr.clone());
    web.client.start_headless(&request).await.map(Json).map_err(Failure)
}

/// `tsh` asks what came of it.
pub(super) async fn finish(
    State(web): State<Arc<Web>>,
    Json(request): Json<wire::SsoFinish>,
) -> Result<Json<wire::HeadlessFinished>, Failure> {
    web.client.finish_headless(&request).await.map(Json).map_err(Failure)
}

/// Shows the form.
pub(super) async fn show(State(web): State<Arc<Web>>, headers: HeaderMap) -> Response {
    form(&web, &headers, StatusCode::OK, None)
}

/// Takes a code, and sends the browser on to where its user signs in.
pub(super) async fn open(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
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
    let request = HeadlessOpen { code: answer.code, client_addr: Some(peer.address.to_string()) };
    match web.client.open_headless(&request).await {
        Ok(begun) => sso::lead_to(&begun),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            form(&web, &headers, error.kind().status(), Some(&sso::sentence(&error)))
        }
        Err(error) => sso::refused(&error),
    }
}

fn form(web: &Web, headers: &HeaderMap, status: StatusCode, problem: Option<&str>) -> Response {
    let ticket = Ticket::of(headers);
    let shown = CodePage { cluster: &web.cluster, csrf: &ticket.csrf, problem };
    ticket.stamp(page::render(status, &shown))
}
