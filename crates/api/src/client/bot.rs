//! What bots ask.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::wire;

impl Client {
    /// Joins the cluster as a bot.
    ///
    /// # Errors
    /// The token is not good, or the server cannot be reached.
    pub async fn bot_join(
        &self,
        request: &wire::BotJoinRequest,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, "/v1/bots/join", Some(request)).await
    }

    /// Renews what the calling bot holds of itself.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn bot_renew(
        &self,
        request: &wire::BotRenewRequest,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, "/v1/bots/renew", Some(request)).await
    }

    /// Gets a certificate for the programs of the calling bot.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn bot_output(
        &self,
        request: &wire::BotOutputRequest,
    ) -> Result<wire::UserCredentials, Error> {
        self.call(Method::POST, "/v1/bots/outputs", Some(request)).await
    }
}
