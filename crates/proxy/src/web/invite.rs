//! The page behind an invite or reset link: a new password and a second factor, once.
//!
//! The token in the address is the whole permission. A foreign page that makes a browser post here
//! would have to know it, so no further token is needed against cross-site requests.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Extension, Form, Path, State};
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

use api::wire::{InviteAnswer, InviteDetails, InvitePurpose};
use api::{Error, ErrorKind};

use super::{admit, page};
use crate::connection::Peer;
use crate::service::Web;

#[derive(Template)]
#[template(path = "invite.html")]
struct InvitePage<'a> {
    details: &'a InviteDetails,
    is_reset: bool,
    problem: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "welcome.html")]
struct WelcomePage<'a> {
    user: &'a str,
    proxy: &'a str,
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Answer {
    password: String,
    password_again: String,
    totp: String,
}

/// Shows the form.
pub(super) async fn show(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
) -> Response {
    if let Err(failure) = admit(&web, &peer) {
        return refused(&failure.0);
    }
    match web.client.read_invite(&token).await {
        Ok(details) => form(StatusCode::OK, &details, None),
        Err(error) => refused(&error),
    }
}

/// Takes the form.
pub(super) async fn answer(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
    Form(answer): Form<Answer>,
) -> Response {
    if let Err(failure) = admit(&web, &peer) {
        return refused(&failure.0);
    }
    let details = match web.client.read_invite(&token).await {
        Ok(details) => details,
        Err(error) => return refused(&error),
    };
    if answer.password != answer.password_again {
        let problem = "The two passwords differ.";
        return form(StatusCode::UNPROCESSABLE_ENTITY, &details, Some(problem));
    }
    let request = InviteAnswer {
        password: answer.password,
        totp: answer.totp.split_whitespace().collect(),
        client_addr: Some(peer.address.to_string()),
    };
    match web.client.answer_invite(&token, &request).await {
        Ok(()) => {
            let welcome = WelcomePage { user: &details.user, proxy: &web.public_addr };
            page::render(StatusCode::OK, &welcome)
        }
        Err(error) if error.kind() == ErrorKind::InvalidArgument => {
            form(StatusCode::UNPROCESSABLE_ENTITY, &details, Some(error.message()))
        }
        Err(error) => refused(&error),
    }
}

fn form(status: StatusCode, details: &InviteDetails, problem: Option<&str>) -> Response {
    let is_reset = details.purpose == InvitePurpose::Reset;
    page::render(status, &InvitePage { details, is_reset, problem })
}

fn refused(error: &Error) -> Response {
    let title = match error.kind() {
        ErrorKind::NotFound => "This link does not work",
        ErrorKind::RateLimited => "Too many attempts",
        _ => "Not possible now",
    };
    page::message(error.kind().status(), title, error.message())
}
