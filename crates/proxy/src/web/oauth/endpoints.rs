//! What programs ask, and what they are told in the words of the RFCs.

use std::sync::Arc;

use axum::extract::rejection::{FormRejection, JsonRejection};
use axum::extract::{Extension, Form, Json, State};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde_json::json;

use api::wire::{
    OauthError, OauthRefusal, OauthRegistered, OauthRegistration, OauthRevocation,
    OauthTokenAnswer, OauthTokenRequest,
};
use api::{Error, ErrorKind, oauth_description};

use crate::connection::Peer;
use crate::service::Web;

/// When to ask again, in seconds.
const RETRY_AFTER: &str = "10";

/// Tokens for a code, or for a refresh token.
pub(super) async fn token(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    form: Result<Form<OauthTokenRequest>, FormRejection>,
) -> Response {
    if let Err(answer) = admit(&web, &peer) {
        return answer;
    }
    let Ok(Form(mut request)) = form else { return unreadable(FORM) };
    request.client_addr = Some(peer.address.to_string());
    request.proxy_addr = web.public_addr.clone();
    match web.client.oauth_tokens(&request).await {
        Ok(OauthTokenAnswer::Issued(tokens)) => Json(tokens).into_response(),
        Ok(OauthTokenAnswer::Refused(refusal)) => refused(&refusal),
        Err(error) => failed(&error),
    }
}

/// A client registers itself.
pub(super) async fn register(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    body: Result<Json<OauthRegistration>, JsonRejection>,
) -> Response {
    if let Err(answer) = admit(&web, &peer) {
        return answer;
    }
    let Ok(Json(mut request)) = body else {
        return told(
            StatusCode::BAD_REQUEST,
            OauthError::InvalidClientMetadata.as_str(),
            "a registration is a JSON object of RFC 7591, as application/json, with each name once",
        );
    };
    request.client_addr = Some(peer.address.to_string());
    match web.client.register_oauth_client(&request).await {
        Ok(OauthRegistered::Client(client)) => (StatusCode::CREATED, Json(client)).into_response(),
        Ok(OauthRegistered::Refused(refusal)) => refused(&refusal),
        Err(error) => failed(&error),
    }
}

/// A client gives up what it got.
pub(super) async fn revoke(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    form: Result<Form<OauthRevocation>, FormRejection>,
) -> Response {
    if let Err(answer) = admit(&web, &peer) {
        return answer;
    }
    let Ok(Form(mut request)) = form else { return unreadable(FORM) };
    if request.token.is_empty() {
        return unreadable("the parameter token is missing");
    }
    request.client_addr = Some(peer.address.to_string());
    match web.client.revoke_oauth(&request).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => failed(&error),
    }
}

const FORM: &str =
    "parameters are sent as application/x-www-form-urlencoded in the body, each of them once";

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn admit(web: &Web, peer: &Peer) -> Result<(), Response> {
    if web.oauth_attempts.admit(peer.address.ip()) {
        return Ok(());
    }
    let text = "too much is asked from your address; wait a minute and try again";
    Err(failed(&Error::new(ErrorKind::RateLimited, text)))
}

fn unreadable(text: &str) -> Response {
    told(StatusCode::BAD_REQUEST, OauthError::InvalidRequest.as_str(), text)
}

fn refused(refusal: &OauthRefusal) -> Response {
    let status = match refusal.error {
        OauthError::InvalidClient => StatusCode::UNAUTHORIZED,
        _ => StatusCode::BAD_REQUEST,
    };
    told(status, refusal.error.as_str(), &refusal.error_description)
}

/// What is no refusal in OAuth's own words: its codes for it are those of the authorization endpoint (RFC 6749, section
/// 4.1.2.1), which clients know.
fn failed(error: &Error) -> Response {
    let kind = error.kind();
    let mut response = match kind {
        ErrorKind::RateLimited | ErrorKind::Unavailable => {
            // Where the auth service is, is nobody's business.
            let words = if kind == ErrorKind::Unavailable {
                "the auth service cannot be reached; try again shortly"
            } else {
                error.message()
            };
            told(kind.status(), "temporarily_unavailable", words)
        }
        ErrorKind::Internal => told(kind.status(), "server_error", "this failed here"),
        _ => told(kind.status(), OauthError::AccessDenied.as_str(), error.message()),
    };
    if matches!(kind, ErrorKind::RateLimited | ErrorKind::Unavailable) {
        let soon = http::HeaderValue::from_static(RETRY_AFTER);
        response.headers_mut().insert(header::RETRY_AFTER, soon);
    }
    response
}

/// An error (RFC 6749, section 5.2, which says of which characters descriptions are).
fn told(status: StatusCode, error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": oauth_description(description) });
    (status, Json(body)).into_response()
}
