//! Signing in through others, and tokens of others.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{path, wire};

// === impl Client ===

impl Client {
    /// Prepares a login through a connector. Proxies call this for their visitors; `tsh` calls the proxy.
    ///
    /// # Errors
    /// There is no such connector, or the server cannot be reached.
    pub async fn start_sso(&self, request: &wire::SsoStart) -> Result<wire::SsoStarted, Error> {
        self.call(Method::POST, "/v1/sso/logins", Some(request)).await
    }

    /// Where a browser that opened the link of a login is sent. Proxies call this.
    ///
    /// # Errors
    /// The link is unknown, used or expired, or the identity provider does not answer.
    pub async fn begin_sso(
        &self,
        token: &str,
        request: &wire::SsoBegin,
    ) -> Result<wire::SsoBegun, Error> {
        self.call(Method::POST, &path::sso_login(token), Some(request)).await
    }

    /// Takes what an identity provider said. Proxies call this.
    ///
    /// # Errors
    /// It belongs to no login of this browser.
    pub async fn answer_sso(&self, answer: &wire::SsoAnswer) -> Result<wire::SsoAnswered, Error> {
        self.call(Method::POST, "/v1/sso/answers", Some(answer)).await
    }

    /// What came of a login. Proxies call this for their visitors; `tsh` calls the proxy.
    ///
    /// # Errors
    /// The login was refused, or the code is not good.
    pub async fn finish_sso(
        &self,
        request: &wire::SsoFinish,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, "/v1/sso/finish", Some(request)).await
    }

    /// Prepares a login through a connector that need not exist, which creates nothing.
    ///
    /// # Errors
    /// The caller may not write such connectors, or the server cannot be reached.
    pub async fn test_sso(&self, request: &wire::SsoTest) -> Result<wire::SsoStarted, Error> {
        self.call(Method::POST, "/v1/sso/tests", Some(request)).await
    }

    /// What such a login would yield.
    ///
    /// # Errors
    /// The code is not good, or the server cannot be reached.
    pub async fn finish_sso_test(
        &self,
        request: &wire::SsoFinish,
    ) -> Result<wire::SsoReport, Error> {
        self.call(Method::POST, "/v1/sso/tests/finish", Some(request)).await
    }

    /// Evidence for whom a client's token names. Proxies call this.
    ///
    /// # Errors
    /// The token is not accepted for the app, or the server cannot be reached.
    pub async fn verify_app_token(
        &self,
        request: &wire::AppTokenRequest,
    ) -> Result<wire::AppTokenIdentity, Error> {
        self.call(Method::POST, "/v1/apps/tokens", Some(request)).await
    }
}
