//! By what clients learn how to have a person sign in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use api::oauth_issuer;

use super::{AUTHORIZE, REGISTER, REVOKE, TOKEN};
use crate::oauth;
use crate::service::Web;
use crate::web::{page, well_known};

/// Where the document about the authorization server is (RFC 8414, section 3).
pub(super) const SERVER_PATH: &str = "/.well-known/oauth-authorization-server";
/// Where those about MCP servers are (RFC 9728, section 3.1).
pub(super) const RESOURCE_PATH: &str = "/.well-known/oauth-protected-resource/{*path}";

/// The authorization server: this proxy.
pub(super) async fn server(State(web): State<Arc<Web>>) -> Response {
    if let Err(answer) = require(&web) {
        return answer;
    }
    let issuer = oauth_issuer(&web.public_addr);
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}{AUTHORIZE}"),
        "token_endpoint": format!("{issuer}{TOKEN}"),
        "revocation_endpoint": format!("{issuer}{REVOKE}"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
    });
    let snapshot = web.replica.snapshot();
    let preference = snapshot.auth_preference.as_ref();
    if preference.is_some_and(|preference| preference.spec.allows_oauth_registration())
        && let Some(document) = document.as_object_mut()
    {
        document.insert("registration_endpoint".to_owned(), format!("{issuer}{REGISTER}").into());
    }
    Json(document).into_response()
}

/// An MCP server, whether there is one of this name or not: that is not told to strangers.
pub(super) async fn resource(
    State(web): State<Arc<Web>>,
    OriginalUri(uri): OriginalUri,
) -> Response {
    if let Err(answer) = require(&web) {
        return answer;
    }
    let path = uri.path().strip_prefix(oauth::METADATA_PATH).unwrap_or_default();
    match oauth::resource_at(path, &web.public_addr) {
        Some(resource) => Json(json!({
            "resource": resource.url(&web.public_addr),
            "authorization_servers": [oauth_issuer(&web.public_addr)],
            "bearer_methods_supported": ["header"],
        }))
        .into_response(),
        None => page::not_found().await,
    }
}

#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn require(web: &Web) -> Result<(), Response> {
    if !web.replica.is_ready() {
        return Err(well_known::not_yet("it is not known here yet whether clients may do this\n"));
    }
    if oauth::is_on(&web.replica.snapshot()) {
        return Ok(());
    }
    Err(page::message(
        http::StatusCode::NOT_FOUND,
        "Nothing here",
        "In this cluster clients may not have people sign in by themselves (allow_oauth).",
    ))
}
