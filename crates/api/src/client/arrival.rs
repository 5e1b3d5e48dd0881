//! Sign-ins that begin at an identity provider.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{path, wire};

// === impl Client ===

impl Client {
    /// Takes a response that nobody asked for. Proxies call this.
    ///
    /// # Errors
    /// The connector does not allow it, or the response is not to be believed.
    pub async fn arrive(&self, arrival: &wire::Arrival) -> Result<wire::SsoBegun, Error> {
        self.call(Method::POST, "/v1/sso/arrivals", Some(arrival)).await
    }

    /// What the page of somebody who arrived shows. Proxies call this.
    ///
    /// # Errors
    /// It is over, or was opened in another browser.
    pub async fn read_arrival(
        &self,
        token: &str,
        read: &wire::ArrivalRead,
    ) -> Result<wire::ArrivalPage, Error> {
        self.call(Method::POST, &format!("{}/page", path::arrival(token)), Some(read)).await
    }

    /// Takes what they did there. Proxies call this.
    ///
    /// # Errors
    /// The code is none, or the page is over.
    pub async fn answer_arrival(
        &self,
        token: &str,
        answer: &wire::ArrivalAnswer,
    ) -> Result<wire::ArrivalAnswered, Error> {
        self.call(Method::POST, &format!("{}/answers", path::arrival(token)), Some(answer)).await
    }
}
