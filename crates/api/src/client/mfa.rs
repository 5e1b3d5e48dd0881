//! The devices of users.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{path, wire};

// === impl Client ===

impl Client {
    /// The caller's own devices.
    ///
    /// # Errors
    /// The caller is no local user, or the server cannot be reached.
    pub async fn mfa_devices(&self) -> Result<wire::MfaDevices, Error> {
        self.call(Method::GET, "/v1/mfa/devices", None::<&()>).await
    }

    /// Prepares a change of the caller's devices.
    ///
    /// # Errors
    /// It is not allowed, or the server cannot be reached.
    pub async fn begin_mfa(&self, request: &wire::MfaBegin) -> Result<wire::MfaBegun, Error> {
        self.call(Method::POST, "/v1/mfa/changes", Some(request)).await
    }

    /// Finishes a change in the terminal where it was begun.
    ///
    /// # Errors
    /// What was shown is wrong, or the change is over.
    pub async fn answer_mfa(
        &self,
        token: &str,
        answer: &wire::MfaAnswer,
    ) -> Result<wire::MfaAnswered, Error> {
        self.call(Method::POST, &path::mfa_change(token), Some(answer)).await
    }

    /// What the page of a change shows. Proxies call this for the browser that opened it.
    ///
    /// # Errors
    /// The change is over, or was opened in another browser.
    pub async fn read_mfa_page(
        &self,
        token: &str,
        request: &wire::MfaRead,
    ) -> Result<wire::MfaPage, Error> {
        self.call(Method::POST, &format!("{}/page", path::mfa_change(token)), Some(request)).await
    }

    /// Takes what a person showed at the page of a change. Proxies call this.
    ///
    /// # Errors
    /// It is wrong, or the change is over.
    pub async fn answer_mfa_page(
        &self,
        token: &str,
        answer: &wire::MfaAnswer,
    ) -> Result<wire::MfaAnswered, Error> {
        self.call(Method::POST, &format!("{}/answers", path::mfa_change(token)), Some(answer)).await
    }
}
