//! Second factors that are shown for one session.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{path, wire};

// === impl Client ===

impl Client {
    /// Prepares a page at which the caller shows a second factor.
    ///
    /// # Errors
    /// The caller cannot have a session certificate, or the server cannot be reached.
    pub async fn start_session_mfa(
        &self,
        request: &wire::SessionMfaStart,
    ) -> Result<wire::SessionMfaStarted, Error> {
        self.call(Method::POST, "/v1/mfa/sessions", Some(request)).await
    }

    /// Fetches what came of it.
    ///
    /// # Errors
    /// It was rejected, or is over, or the server cannot be reached.
    pub async fn finish_session_mfa(
        &self,
        request: &wire::SessionMfaFinish,
    ) -> Result<wire::SessionCertificate, Error> {
        self.call(Method::POST, "/v1/mfa/session-certificates", Some(request)).await
    }

    /// The same by a one-time code that was typed.
    ///
    /// # Errors
    /// The code is wrong, the caller cannot have a session certificate, or the server cannot be reached.
    pub async fn type_session_mfa(
        &self,
        request: &wire::SessionMfaTyped,
    ) -> Result<wire::SessionCertificate, Error> {
        self.call(Method::POST, "/v1/mfa/session-codes", Some(request)).await
    }

    /// What such a page shows. Proxies call this for the browser that opened it.
    ///
    /// # Errors
    /// It is over, or was opened in another browser.
    pub async fn read_session_mfa(
        &self,
        token: &str,
        request: &wire::SessionMfaRead,
    ) -> Result<wire::SessionMfaPage, Error> {
        self.call(Method::POST, &format!("{}/page", path::session_mfa(token)), Some(request)).await
    }

    /// Takes what a person showed at the page. Proxies call this.
    ///
    /// # Errors
    /// It is wrong, or the page is over.
    pub async fn answer_session_mfa(
        &self,
        token: &str,
        answer: &wire::SessionMfaAnswer,
    ) -> Result<wire::SessionMfaAnswered, Error> {
        self.call(Method::POST, &format!("{}/answers", path::session_mfa(token)), Some(answer))
            .await
    }
}
