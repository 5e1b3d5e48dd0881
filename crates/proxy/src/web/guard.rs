//! Forms are sent from our own pages, or not taken.
//!
//! A page's form carries a hash of a cookie that only the page's browser has; another site can have a browser
//! send a form, but knows neither. Browsers say besides where a form comes from (Fetch Metadata, and the header
//! `Origin` of RFC 6454), and what they say must be us.

use std::sync::Arc;

use axum::extract::{Form, FromRequest, FromRequestParts as _, OriginalUri, Request};
use axum::response::{IntoResponse, Response};
use http::header::{COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN, SET_COOKIE};
use http::{StatusCode, Uri};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{page, sso};
use crate::service::Web;

/// The cookie that a form is tied to.
const COOKIE_NAME: &str = "__Host-tessera-form";
/// Letters and digits of such a cookie.
const COOKIE_LENGTH: usize = 64;

/// What a page's form is tied to.
pub(super) struct Ticket {
    /// What the form carries.
    pub(super) csrf: String,
    /// The browser's cookie.
    cookie: String,
    /// Whether it is to be set.
    is_fresh: bool,
}

// === impl Ticket ===

impl Ticket {
    /// For the browser that sent these headers.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let known = cookie(headers);
        let is_fresh = known.is_none();
        let cookie = known.unwrap_or_else(|| hex(&rand::random::<[u8; 32]>()));
        Self { csrf: token(&cookie), cookie, is_fresh }
    }

    /// A text that tells this browser from all others, and does not give its cookie away.
    pub(super) fn binding(&self) -> String {
        hex(&pki::digest_of(&[b"binding", self.cookie.as_bytes()]))
    }

    /// Adds the cookie to the page.
    pub(super) fn stamp(&self, mut response: Response) -> Response {
        if self.is_fresh {
            let cookie = &self.cookie;
            let text = format!("{COOKIE_NAME}={cookie}; Path=/; HttpOnly; Secure; SameSite=Lax");
            if let Ok(text) = HeaderValue::try_from(text) {
                response.headers_mut().append(SET_COOKIE, text);
            }
        }
        response
    }
}

/// What a form of ours sends. One that does not come from a page of ours in the same browser is refused before anybody
/// reads what it says.
pub(super) struct Posted<T>(pub(super) T);

#[derive(Deserialize)]
struct Sent<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    answer: T,
}

// === impl Posted ===

impl<T: DeserializeOwned> FromRequest<Arc<Web>> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, web: &Arc<Web>) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Ok(OriginalUri(uri)) = OriginalUri::from_request_parts(&mut parts, web).await;
        let headers = parts.headers.clone();
        let form = Form::from_request(Request::from_parts(parts, body), web).await;
        let Form(Sent { csrf, answer }) = form.map_err(IntoResponse::into_response)?;
        admit(&uri, &headers, &csrf)?;
        Ok(Self(answer))
    }
}

/// Refuses a form that does not come from a page of ours in the same browser.
#[expect(clippy::result_large_err, reason = "the error is the answer")]
fn admit(uri: &Uri, headers: &HeaderMap, csrf: &str) -> Result<(), Response> {
    let says = |name: &str| headers.get(name).map(HeaderValue::as_bytes);
    let host = uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = host.or_else(|| headers.get(HOST).map(HeaderValue::as_bytes)).unwrap_or_default();
    let is_ours = match says(ORIGIN.as_str()) {
        Some(origin) => origin.strip_prefix(b"https://".as_slice()) == Some(host),
        None => true,
    };
    let is_same = says("sec-fetch-site").is_none_or(|site| site == b"same-origin");
    let expected = cookie(headers).map(|cookie| token(&cookie));
    // Hashed again, so that the time it takes to compare them tells nothing of them.
    let hash = |text: &str| pki::digest_of(&[b"compare", text.as_bytes()]);
    let fits = expected.is_some_and(|expected| hash(&expected) == hash(csrf));
    if is_ours && is_same && fits {
        return Ok(());
    }
    Err(page::message(
        StatusCode::FORBIDDEN,
        "This was not taken",
        "What was sent does not come from a page that this browser was shown here. Open the page again; cookies must be allowed.",
    ))
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    if !headers.contains_key(COOKIE) {
        return None;
    }
    sso::find_cookie(headers, COOKIE_NAME).filter(|cookie| {
        cookie.len() == COOKIE_LENGTH && cookie.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

fn token(cookie: &str) -> String {
    hex(&pki::digest_of(&[b"form", cookie.as_bytes()]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
