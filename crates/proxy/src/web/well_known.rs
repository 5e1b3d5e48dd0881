//! By what upstreams verify the cluster's statements of who a user is: its keys (RFC 7517) and what
//! OpenID Connect Discovery 1.0, section 4, has a provider tell.
//!
//! Both come from this proxy's copy of the authorities and proxies, so they are there while the auth
//! service is not.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::json;

use crate::service::Web;

/// Where the keys are.
pub(super) const KEYS_PATH: &str = "/.well-known/jwks.json";
/// Where the rest is.
pub(super) const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// How long an answer may be kept by others. A key that is to sign must be told of this much before.
const CACHE: &str = "public, max-age=300";
/// When to ask again for what is not there yet, in seconds.
const RETRY_AFTER: &str = "5";

/// The public keys.
pub(super) async fn keys(State(web): State<Arc<Web>>) -> Response {
    match api::token_keys_of(&web.replica.snapshot(), &web.cluster) {
        Ok(set) if !set.is_empty() => lasting(&set),
        Ok(_none) => not_yet("the keys of this cluster are not known here yet\n"),
        Err(error) => {
            tracing::error!(cause = error.cause(), "token keys cannot be published");
            not_yet("the keys of this cluster cannot be told at the moment\n")
        }
    }
}

/// What a relying party configures itself by.
pub(super) async fn configuration(State(web): State<Arc<Web>>) -> Response {
    let Some(issuer) = api::issuer_of(&web.replica.snapshot()) else {
        return not_yet("the public address of this cluster is not known here yet\n");
    };
    lasting(&json!({
        "issuer": issuer,
        "jwks_uri": format!("{issuer}{KEYS_PATH}"),
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "scopes_supported": ["openid"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "nbf", "exp", "auth_time", "jti", "preferred_username",
            "roles", "traits",
        ],
    }))
}

fn lasting(document: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, CACHE)], Json(document)).into_response()
}

/// Nothing that a verifier could keep: an empty set would make it refuse everybody for minutes.
pub(super) fn not_yet(text: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, RETRY_AFTER)], text).into_response()
}

#[cfg(test)]
mod tests;
