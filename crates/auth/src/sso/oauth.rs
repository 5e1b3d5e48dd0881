//! What providers that speak OAuth 2.0 have in common: the authorization code flow with proof of the
//! code's receiver (RFC 6749, section 4.1; RFC 7636).

use api::Error;
use api::wire::SsoAnswer;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fetch::Fetched;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use resource::Secret;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::random;
use super::words::{declined, refused, short};
use crate::core::Core;
use crate::providers::unavailable;

/// Shows that who brings a code is who asked for it (PKCE, S256).
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Proof(String);

/// The answer of a token endpoint (RFC 6749, sections 5.1 and 5.2).
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    #[serde(default)]
    pub(super) id_token: Option<String>,
    #[serde(default)]
    pub(super) access_token: Option<String>,
    #[serde(default)]
    pub(super) token_type: Option<String>,
    #[serde(default)]
    pub(super) scope: Option<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    error_description: Option<String>,
}

// === impl Proof ===

impl Proof {
    pub(super) fn new() -> Self {
        Self(random())
    }

    /// What is shown first.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes()))
    }

    /// What is shown with the code.
    pub(super) fn verifier(&self) -> &str {
        &self.0
    }
}

/// The code that a browser brought, or why it brought none.
pub(super) fn code(answer: &SsoAnswer) -> Result<&str, Error> {
    if let Some(error) = &answer.error {
        return Err(declined(error, answer.error_description.as_deref()));
    }
    let code = answer.code.as_deref().filter(|code| !code.is_empty());
    code.ok_or_else(|| refused("it came back with neither a code nor an error"))
}

/// Exchanges a code for tokens.
pub(super) async fn exchange(
    core: &Core,
    endpoint: &str,
    headers: HeaderMap,
    form: String,
) -> Result<TokenAnswer, Error> {
    let url = Url::parse(endpoint)
        .map_err(|error| unavailable(format!("the token endpoint: {error}")))?;
    let answer = core.providers.fetcher().post_form(&url, headers, form).await;
    let answer = answer.map_err(|error| unavailable(error.to_string()))?;
    let read: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_error| {
        unavailable(format!(
            "the token endpoint answers {} and nothing that is understood",
            answer.status
        ))
    })?;
    match &read.error {
        Some(error) => Err(refused(&format!(
            "its token endpoint refuses: {} {}",
            short(error),
            short(read.error_description.as_deref().unwrap_or_default())
        ))),
        None if answer.status.is_success() => Ok(read),
        None => Err(unavailable(format!("the token endpoint answers {}", answer.status))),
    }
}

/// Asks something with an access token (RFC 6750, section 2.1).
pub(super) async fn ask(
    core: &Core,
    endpoint: &str,
    access: &Secret<String>,
) -> Result<Fetched, Error> {
    let url =
        Url::parse(endpoint).map_err(|error| unavailable(format!("{endpoint:?}: {error}")))?;
    let mut headers = HeaderMap::new();
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", access.expose()))
        .map_err(|_error| refused("its access token cannot be sent"))?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    let answer = core.providers.fetcher().get(&url, headers).await;
    answer.map_err(|error| unavailable(error.to_string()))
}

/// Where the provider sends people back to: to the proxy that they came from, if the connector names it.
pub(super) fn callback(named: &[String], proxy: Option<&str>, path: &str) -> Result<String, Error> {
    let same = |url: &&String| {
        let authority = Url::parse(url).ok().map(|url| authority_of(&url));
        proxy.is_some_and(|proxy| authority.as_deref() == Some(proxy))
    };
    if let Some(url) = named.iter().find(same).or(named.first()) {
        return Ok(url.clone());
    }
    let proxy = proxy.ok_or_else(|| {
        Error::invalid("the connector has no redirect_url, and no proxy has a public address")
    })?;
    Ok(format!("https://{}{path}", super::bare(proxy)))
}

/// `host:port`, as proxies write their address.
fn authority_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests;
