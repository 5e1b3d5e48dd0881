//! The page where somebody types the code that a machine without a browser shows.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Json, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use api::ErrorKind;
use api::wire::{self, HeadlessOpen};

use super::browser::Browser;
use super::guard::{Posted, Ticket};
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
pub(super) async fn show(browser: Browser) -> Response {
    form(&browser, StatusCode::OK, None)
}

/// Takes a code, and sends the browser on to where its user signs in.
pub(super) async fn open(browser: Browser, Posted(answer): Posted<Answer>) -> Response {
    if let Err(error) = browser.admit() {
        return sso::refused(&error);
    }
    let request = HeadlessOpen { code: answer.code, client_addr: Some(browser.address()) };
    match browser.web.client.open_headless(&request).await {
        Ok(begun) => sso::lead_to(&begun),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            form(&browser, error.kind().status(), Some(&sso::sentence(&error)))
        }
        Err(error) => sso::refused(&error),
    }
}

/// What somebody reads who has let a machine in.
pub(super) fn approved() -> Response {
    let text = "It goes on there. You may close this page.";
    page::message(StatusCode::OK, "The machine is signed in", text)
}

/// And who has not.
pub(super) fn rejected() -> Response {
    let text = "It was rejected, and that is recorded. If somebody has sent you its code, tell your administrator.";
    page::message(StatusCode::OK, "The machine is not signed in", text)
}

fn form(browser: &Browser, status: StatusCode, problem: Option<&str>) -> Response {
    let ticket = Ticket::of(&browser.headers);
    let shown = CodePage { cluster: &browser.web.cluster, csrf: &ticket.csrf, problem };
    ticket.stamp(page::render(status, &shown))
}
