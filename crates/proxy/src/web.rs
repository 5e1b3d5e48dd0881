//! What the proxy serves beside MCP: the cluster's facts, sign-in for `tsh`, pages for people, and
//! health for machines.

mod arrival;
mod browser;
mod guard;
mod headless;
mod invite;
mod login;
mod mfa;
pub(crate) mod oauth;
mod page;
mod session;
mod sso;
mod well_known;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, State};
use axum::response::{IntoResponse, Json, Response as AxumResponse};
use axum::routing::{get, post};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use tower_service::Service;

use api::{Body, ErrorKind, wire};

use crate::connection::Peer;
use crate::service::{Shared, Web};

/// Bodies that people and `tsh` send are small.
const MAX_BODY: usize = 64 << 10;

/// An auth API error on its way to a client.
struct Failure(api::Error);

/// The routes.
pub(crate) fn router(web: Arc<Web>) -> axum::Router {
    axum::Router::new()
        .route("/", get(page::index))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .route("/v1/ping", get(ping))
        .route("/v1/sign-in", post(sign_in))
        .route("/v1/sso/logins", post(sso::start))
        .route("/v1/sso/finish", post(sso::finish))
        .route("/v1/headless/logins", post(headless::start))
        .route("/v1/headless/finish", post(headless::finish))
        .route("/web/headless", get(headless::show).post(headless::open))
        .route("/web/sso/{token}", get(sso::begin))
        .route(resource::oidc::CALLBACK_PATH, get(sso::back))
        .route(resource::github::CALLBACK_PATH, get(sso::back))
        .route("/web/login/{state}", get(login::show).post(login::answer))
        .route("/web/arrival/{token}", get(arrival::show).post(arrival::answer))
        .route("/web/mfa/{token}", get(mfa::show).post(mfa::answer))
        .route("/web/session/{token}", get(session::show).post(session::answer))
        .merge(sso::forms())
        .merge(oauth::routes())
        .route("/web/style.css", get(page::style))
        .route("/web/keys.js", get(page::keys))
        .route("/web/invite/{token}", get(invite::show).post(invite::answer))
        .route(well_known::KEYS_PATH, get(well_known::keys))
        .route(well_known::CONFIGURATION_PATH, get(well_known::configuration))
        .fallback(page::not_found)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(web)
}

/// Answers one request.
pub(crate) async fn answer(
    request: Request<Body>,
    peer: &Arc<Peer>,
    shared: &Shared,
) -> Response<Body> {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(peer.clone());
    let mut router = shared.router.clone();
    let response = match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let mut response = response.map(api::boxed);
    let headers = response.headers_mut();
    // RFC 6797: browsers stay with TLS. The rest keeps pages from being framed, sniffed or leaked. Without a
    // referrer for ourselves, browsers would not say either where a form comes from (Fetch, section 3.2).
    for (name, value) in [
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
             form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        ),
        // Nobody else's window holds on to one of ours, and no page lends the use of keys.
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (
            HeaderName::from_static("permissions-policy"),
            "publickey-credentials-create=(self), publickey-credentials-get=(self)",
        ),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

async fn ready(State(web): State<Arc<Web>>) -> AxumResponse {
    if web.replica.is_ready() {
        "ready\n".into_response()
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "waiting for the auth service\n").into_response()
    }
}

async fn ping(State(web): State<Arc<Web>>) -> Result<Json<wire::Ping>, Failure> {
    // The auth service's answer is asked for each time: pins change when authorities rotate.
    match web.client.ping().await {
        Ok(ping) => Ok(Json(ping)),
        Err(error) => Err(Failure(error)),
    }
}

async fn sign_in(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Json(mut request): Json<wire::SignInRequest>,
) -> Result<Json<wire::UserCredentials>, Failure> {
    admit(&web, &peer)?;
    request.client_addr = Some(peer.address.to_string());
    match web.client.sign_in(&request).await {
        Ok(credentials) => Ok(Json(credentials)),
        Err(error) => Err(Failure(error)),
    }
}

/// Lets an attempt to sign in through, or not yet.
fn admit(web: &Web, peer: &Peer) -> Result<(), Failure> {
    if web.attempts.admit(peer.address.ip()) {
        return Ok(());
    }
    Err(Failure(too_many()))
}

fn too_many() -> api::Error {
    let text = "too many attempts from your address; wait a minute and try again";
    api::Error::new(ErrorKind::RateLimited, text)
}

// === impl Failure ===

impl IntoResponse for Failure {
    fn into_response(self) -> AxumResponse {
        (self.0.kind().status(), Json(self.0.body())).into_response()
    }
}
