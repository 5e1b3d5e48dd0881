//! Signing in through a connector, as far as browsers see it: a link that leads to the identity provider,
//! and the way back.
//!
//! The page behind the link and the way back are answered with nothing but a redirection or a sentence.
//! A cookie ties the way back to the browser that opened the link, so that nobody can have another's
//! browser finish what they began (RFC 9700, section 4.7). It is `Lax`: the way back comes from the
//! provider, and what comes from elsewhere in other ways than by going there is not believed. Providers that
//! speak SAML send a form, with which browsers bring no such cookie: theirs is `None`. It is worth nothing
//! but together with a response that was signed for just this login.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Extension, Form, Json, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use api::wire::{self, SsoAnswer, SsoBegin};
use api::{Error, ErrorKind};

use super::browser::Browser;
use super::{Failure, admit, arrival, page};
use crate::connection::Peer;
use crate::service::Web;

/// What providers send browsers back with. What is not known here is not needed.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
    #[serde(default)]
    iss: Option<String>,
}

/// What SAML providers send browsers back with (bindings, section 3.5.3).
#[derive(Deserialize)]
pub(super) struct Returned {
    #[serde(rename = "SAMLResponse", default)]
    response: Option<String>,
    #[serde(rename = "RelayState", default)]
    state: Option<String>,
}

/// Letters of what a login is known by on the way: 256 bits in base64url.
const STATE: usize = 43;
/// The largest form: a response, each character of it escaped.
const MAX_FORM: usize = 1 << 20;

/// Where forms are sent.
pub(super) fn forms() -> axum::Router<Arc<Web>> {
    let named = format!("{}/{{connector}}", resource::saml::ACS_PATH);
    axum::Router::new()
        .route(resource::saml::ACS_PATH, post(back_by_form))
        .route(&named, post(back_to_connector))
        .layer(DefaultBodyLimit::max(MAX_FORM))
}

/// `tsh` asks for a link.
pub(super) async fn start(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Json(mut request): Json<wire::SsoStart>,
) -> Result<Json<wire::SsoStarted>, Failure> {
    admit(&web, &peer)?;
    request.client_addr = Some(peer.address.to_string());
    request.proxy_addr = Some(web.public_addr.clone());
    web.client.start_sso(&request).await.map(Json).map_err(Failure)
}

/// `tsh` fetches what came of it.
pub(super) async fn finish(
    State(web): State<Arc<Web>>,
    Json(request): Json<wire::SsoFinish>,
) -> Result<Json<wire::UserCredentials>, Failure> {
    web.client.finish_sso(&request).await.map(Json).map_err(Failure)
}

/// A browser opens a link.
pub(super) async fn begin(
    State(web): State<Arc<Web>>,
    Extension(peer): Extension<Arc<Peer>>,
    Path(token): Path<String>,
) -> Response {
    let request = SsoBegin { client_addr: Some(peer.address.to_string()) };
    match web.client.begin_sso(&token, &request).await {
        Ok(begun) => lead_to(&begun),
        Err(error) => refused(&error),
    }
}

/// A browser comes back.
pub(super) async fn back(browser: Browser, Query(back): Query<Back>) -> Response {
    let answer = SsoAnswer {
        state: back.state.unwrap_or_default(),
        saml_response: None,
        code: back.code,
        error: back.error,
        error_description: back.error_description,
        iss: back.iss,
        binding: String::new(),
        client_addr: Some(browser.address()),
    };
    bring(&browser, answer).await
}

/// A browser comes with a form to where the name of a connector stands.
pub(super) async fn back_to_connector(
    browser: Browser,
    Path(connector): Path<String>,
    Form(returned): Form<Returned>,
) -> Response {
    if is_ours(&returned) {
        return back_by_form(browser, Form(returned)).await;
    }
    // What else stands there is the provider's own business.
    arrival::arrive(&browser, connector, returned.response.unwrap_or_default()).await
}

/// Whether a form could be the answer to what was asked here.
fn is_ours(returned: &Returned) -> bool {
    let state = returned.state.as_deref().unwrap_or_default();
    let is_ours = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    state.len() == STATE && state.bytes().all(is_ours)
}

/// A browser comes back with a form.
async fn back_by_form(browser: Browser, Form(returned): Form<Returned>) -> Response {
    if !is_ours(&returned) {
        return refused(&Error::invalid(
            "Sign-ins begin here, not at the identity provider. Begin with tsh login.",
        ));
    }
    let answer = SsoAnswer {
        state: returned.state.unwrap_or_default(),
        saml_response: returned.response,
        code: None,
        error: None,
        error_description: None,
        iss: None,
        binding: String::new(),
        client_addr: Some(browser.address()),
    };
    bring(&browser, answer).await
}

/// Brings what a browser was sent back with to the auth service, with the cookie of the login.
async fn bring(browser: &Browser, mut answer: SsoAnswer) -> Response {
    if answer.state.is_empty() {
        return refused(&Error::invalid(
            "The identity provider did not say which sign-in this is.",
        ));
    }
    let name = api::sso_cookie(&answer.state);
    let Some(binding) = find_cookie(&browser.headers, &name) else {
        return refused(&Error::denied(
            "This browser did not begin this sign-in, or did so too long ago. Begin again with tsh login.",
        ));
    };
    answer.binding = binding;
    let gone = format!("{name}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax");
    match browser.web.client.answer_sso(&answer).await {
        Ok(answered) => lead(&answered.location, &[gone]),
        Err(error) => refused(&error),
    }
}

/// Sends a browser to where a login goes on, marked.
pub(super) fn lead_to(begun: &wire::SsoBegun) -> Response {
    let same_site = if begun.by_form { "None" } else { "Lax" };
    let cookie = format!(
        "{}={}; Path=/; Max-Age={}; HttpOnly; Secure; SameSite={same_site}",
        begun.cookie, begun.binding, begun.max_age
    );
    lead(&begun.location, &[cookie])
}

/// Sends a browser on.
pub(super) fn lead(location: &str, cookies: &[String]) -> Response {
    let Ok(location) = HeaderValue::try_from(location) else {
        return refused(&Error::internal("an address that is no header"));
    };
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::try_from(cookie.as_str()) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

/// A cookie's value; of two with one name, none.
pub(super) fn find_cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let pairs = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut found = pairs
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned());
    match (found.next(), found.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

pub(super) fn refused(error: &Error) -> Response {
    let title = match error.kind() {
        ErrorKind::NotFound => "This sign-in is over",
        ErrorKind::Denied | ErrorKind::InvalidArgument => "You are not signed in",
        ErrorKind::RateLimited => "Too many attempts",
        _ => "Not possible now",
    };
    page::message(error.kind().status(), title, &sentence(error))
}

/// What an error says, and what may help.
pub(super) fn sentence(error: &Error) -> String {
    let mut text = error.message().to_owned();
    for hint in error.hints() {
        text.push_str(". ");
        text.push_str(hint);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&'static str]) -> HeaderMap {
        cookies.iter().map(|text| (COOKIE, HeaderValue::from_static(text))).collect()
    }

    #[test]
    fn one_cookie_is_found_and_two_of_a_name_are_none() {
        assert_eq!(find_cookie(&headers(&["a=1; b=2"]), "b").as_deref(), Some("2"));
        assert_eq!(find_cookie(&headers(&["a=1", "b=2=x"]), "b").as_deref(), Some("2=x"));
        assert_eq!(find_cookie(&headers(&["a=1; b=2; b=3"]), "b"), None);
        assert_eq!(find_cookie(&headers(&["b=1", "b=1"]), "b"), None);
        assert_eq!(find_cookie(&headers(&["xb=1"]), "b"), None);
    }

    #[test]
    fn an_address_that_is_no_header_leads_nowhere() {
        let response = lead("http://127.0.0.1/\r\nset-cookie: a=b", &[]);
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().get(LOCATION).is_none());
    }
}
