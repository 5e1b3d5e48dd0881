//! What clients that show tokens are told of how to get one: by the cluster, and by nobody else.
//!
//! A client that speaks MCP's authorization believes a challenge about where to sign in, and shows its refresh token
//! there. So whatever a server, an agent or another cluster says of that ends here; a client with a certificate has
//! nothing that it could be talked out of.

use api::{Body, stream_headers};
use http::header::WWW_AUTHENTICATE;
use http::{Response, StatusCode};

use super::refusal::Refusal;
use crate::oauth;
use crate::service::Shared;

/// An answer for a client that shows a token, with nobody's challenge but ours.
pub(super) fn replace(
    mut response: Response<Body>,
    path: &str,
    shared: &Shared,
) -> Result<Response<Body>, Refusal> {
    let headers = response.headers_mut();
    headers.remove(WWW_AUTHENTICATE);
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(response);
    }
    if response.headers().contains_key(stream_headers::ERROR_ORIGIN) {
        return Err(Refusal::new(
            StatusCode::BAD_GATEWAY,
            "the MCP server asks for credentials of its own; an administrator can give it some, in the registration of the app",
        ));
    }
    // An agent's: what was shown let in a moment ago, and does not any more.
    let told = lead(Refusal::invalid_token("it lets in no more"), path, shared);
    if let Some(challenge) = told.challenge() {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    Ok(response)
}

/// A refusal that leads clients to where a person signs in, if they may do that here.
pub(super) fn lead(refusal: Refusal, path: &str, shared: &Shared) -> Refusal {
    if !oauth::is_on(&shared.replica.snapshot()) {
        return refusal;
    }
    match oauth::metadata_of(path, &shared.public_addr) {
        Some(document) => refusal.with_metadata(&document),
        None => refusal,
    }
}
