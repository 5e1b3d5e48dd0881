//! What bots ask.

use http::Method;

use super::Client;
use crate::error::Error;
use crate::{body, path, wire};

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

    /// The places where bots run.
    ///
    /// # Errors
    /// It is not allowed, there is no such bot, or the server cannot be reached.
    pub async fn bot_instances(
        &self,
        query: &wire::BotInstanceQuery,
    ) -> Result<wire::BotInstances, Error> {
        let path = format!("/v1/bots/instances?{}", path::query(query)?);
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// One place where a bot runs.
    ///
    /// # Errors
    /// It is not allowed, there is no such place, or the server cannot be reached.
    pub async fn bot_instance(&self, bot: &str, id: &str) -> Result<wire::BotInstance, Error> {
        let path = format!("/v1/bots/{}/instances/{}", path::escape(bot), path::escape(id));
        self.call(Method::GET, &path, None::<&()>).await
    }

    /// Forgets a place where a bot runs, and locks what it holds.
    ///
    /// # Errors
    /// As for [`Client::bot_instance`].
    pub async fn remove_bot_instance(&self, bot: &str, id: &str) -> Result<(), Error> {
        let path = format!("/v1/bots/{}/instances/{}", path::escape(bot), path::escape(id));
        self.raw(Method::DELETE, &path, body::empty()).await.map(drop)
    }
}
