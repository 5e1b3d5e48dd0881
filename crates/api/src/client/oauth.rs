//! Clients without a certificate that have a person sign in. Proxies call all of these.

use http::Method;

use super::{Client, encode};
use crate::error::Error;
use crate::{body, path, wire};

// === impl Client ===

impl Client {
    /// Registers a client (RFC 7591).
    ///
    /// # Errors
    /// The cluster takes no registrations, or the server cannot be reached.
    pub async fn register_oauth_client(
        &self,
        request: &wire::OauthRegistration,
    ) -> Result<wire::OauthRegistered, Error> {
        self.call(Method::POST, "/v1/oauth/clients", Some(request)).await
    }

    /// Begins an authorization: where the browser goes.
    ///
    /// # Errors
    /// The cluster lets nobody in so, too many have begun, or the server cannot be reached. For a page.
    pub async fn start_oauth(
        &self,
        request: &wire::OauthAuthorization,
    ) -> Result<wire::OauthStarted, Error> {
        self.call(Method::POST, "/v1/oauth/authorizations", Some(request)).await
    }

    /// What the consent page shows to the browser in which the authorization was begun.
    ///
    /// # Errors
    /// It is over, or was begun in another browser.
    pub async fn read_oauth_consent(
        &self,
        token: &str,
        request: &wire::OauthConsentRead,
    ) -> Result<wire::OauthConsent, Error> {
        let path = format!("{}/page", path::oauth_consent(token));
        self.call(Method::POST, &path, Some(request)).await
    }

    /// Takes what the person answered, once.
    ///
    /// # Errors
    /// It is over, or was begun in another browser.
    pub async fn answer_oauth_consent(
        &self,
        token: &str,
        answer: &wire::OauthConsentAnswer,
    ) -> Result<wire::OauthConsented, Error> {
        self.call(Method::POST, &path::oauth_consent(token), Some(answer)).await
    }

    /// Tokens for a code or a refresh token.
    ///
    /// # Errors
    /// The cluster lets nobody in so, or the server cannot be reached.
    pub async fn oauth_tokens(
        &self,
        request: &wire::OauthTokenRequest,
    ) -> Result<wire::OauthTokenAnswer, Error> {
        self.call(Method::POST, "/v1/oauth/tokens", Some(request)).await
    }

    /// Gives tokens up (RFC 7009). Unknown ones are fine.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn revoke_oauth(&self, request: &wire::OauthRevocation) -> Result<(), Error> {
        let body = body::full(encode(request)?);
        self.raw(Method::POST, "/v1/oauth/revocations", body).await.map(drop)
    }
}
