//! OAuth 2.1, as clients and browsers see it: the documents by which clients learn how (RFC 8414, RFC 9728), the
//! authorization endpoint, the page at which a person consents, and the endpoints for programs.
//!
//! Nothing is decided here: the auth service says where a browser goes and what a client gets. A browser is marked
//! when it begins, and consents in the one in which it began.

mod consent;
mod documents;
mod endpoints;

use std::num::NonZeroU32;
use std::sync::Arc;

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};

use api::wire::{OauthAuthorization, OauthStarted};

use super::guard::Ticket;
use super::{admit, page, sso};
use crate::connection::Peer;
use crate::service::Web;

/// What one address may ask of the endpoints for programs in a minute, and as much at once: clients that serve many
/// people have one.
pub(crate) const ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(119);

const AUTHORIZE: &str = "/oauth/authorize";
const TOKEN: &str = "/oauth/token";
const REGISTER: &str = "/oauth/register";
const REVOKE: &str = "/oauth/revoke";

#[derive(Template)]
#[template(path = "turned_back.html")]
struct TurnedBack<'a> {
    text: &'a str,
    location: &'a str,
}

/// The routes.
pub(super) fn routes() -> axum::Router<Arc<Web>> {
    axum::Router::new()
        .route(documents::SERVER_PATH, get(documents::server))
        .route(documents::RESOURCE_PATH, get(documents::resource))
        .route(AUTHORIZE, get(authorize))
        .route("/oauth/consent/{token}", get(consent::show).post(consent::answer))
        .route(TOKEN, post(endpoints::token))
        .route(REGISTER, post(endpoints::register))
        .route(REVOKE, post(endpoints::revoke))
}

/// A browser comes from a client.
async fn authorize(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    headers: HeaderMap,
    query: Result<Query<OauthAuthorization>, QueryRejection>,
) -> Response {
    if let Err(failure) = admit(&web, &peer) {
        return sso::refused(&failure.0);
    }
    let Ok(Query(mut request)) = query else {
        return refused("Its request cannot be read, or says something twice.");
    };
    let ticket = Ticket::of(&headers);
    request.binding = ticket.binding();
    request.client_addr = Some(peer.address.to_string());
    request.proxy_addr = web.public_addr.clone();
    match web.client.start_oauth(&request).await {
        Ok(OauthStarted::SignIn { location }) => ticket.stamp(sso::lead(&location, &[])),
        Ok(OauthStarted::Back { location, .. }) if is_loopback(&location) => {
            sso::lead(&location, &[])
        }
        Ok(OauthStarted::Back { location, refusal }) => {
            let text = refusal.error_description.as_str();
            page::render(StatusCode::BAD_REQUEST, &TurnedBack { text, location: &location })
        }
        Ok(OauthStarted::Refused(refusal)) => refused(&refusal.error_description),
        Err(error) => sso::refused(&error),
    }
}

/// Whether an address of a client is on the person's own machine: only there is `http` taken. Anybody can register
/// another, or another program's scheme, and would have a browser sent there by an address of ours (RFC 9700, section
/// 4.11.2): people go there by themselves.
fn is_loopback(location: &str) -> bool {
    location.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"))
}

fn refused(why: &str) -> Response {
    let text = format!("The client that sent you here did not ask as it must. {why}");
    page::message(StatusCode::BAD_REQUEST, "You are not signed in", &text)
}

#[cfg(test)]
mod tests;
