//! What services of the cluster ask of the auth service.

use http::Method;

use super::{Client, encode};
use crate::error::Error;
use crate::{body, wire};

// === impl Client ===

impl Client {
    /// Joins the cluster as a service.
    ///
    /// # Errors
    /// The token is not good, or the server cannot be reached.
    pub async fn join(
        &self,
        request: &wire::JoinRequest,
    ) -> Result<wire::ServiceCredentials, Error> {
        self.call(Method::POST, "/v1/join", Some(request)).await
    }

    /// Renews the calling service's certificate.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn renew(
        &self,
        request: &wire::RenewRequest,
    ) -> Result<wire::ServiceCredentials, Error> {
        self.call(Method::POST, "/v1/services/renew", Some(request)).await
    }

    /// Takes a step of a change of the cluster's keys.
    ///
    /// # Errors
    /// No such step can follow, the caller may not, or the server cannot be reached.
    pub async fn rotate_authorities(
        &self,
        request: &wire::RotationRequest,
    ) -> Result<wire::RotationReport, Error> {
        self.call(Method::POST, "/v1/authorities/rotate", Some(request)).await
    }

    /// Says which apps this agent serves, and that it is still there: see [`wire::Heartbeat`].
    ///
    /// # Errors
    /// A record is not one of this host's, or the server cannot be reached.
    pub async fn heartbeat(
        &self,
        heartbeat: &wire::Heartbeat,
    ) -> Result<wire::HeartbeatReceipt, Error> {
        self.call(Method::POST, "/v1/heartbeats", Some(heartbeat)).await
    }

    /// Says which tools servers were seen to offer. Agents call this.
    ///
    /// # Errors
    /// The caller does not serve one of the apps, or the server cannot be reached.
    pub async fn report_tools(&self, report: &wire::SeenReport) -> Result<(), Error> {
        let body = body::full(encode(report)?);
        self.raw(Method::POST, "/v1/tools", body).await.map(drop)
    }

    /// Statements of who a user is, for the MCP server of an app. Agents call this.
    ///
    /// # Errors
    /// The user may not use the app, the caller does not serve it, or the server cannot be reached.
    pub async fn sign_assertion(
        &self,
        request: &wire::AssertionRequest,
    ) -> Result<wire::Assertion, Error> {
        self.call(Method::POST, "/v1/assertions", Some(request)).await
    }

    /// Hands audit records over.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn ship_audit(&self, batch: &wire::AuditBatch) -> Result<wire::AuditReceipt, Error> {
        self.call(Method::POST, "/v1/audit/batches", Some(batch)).await
    }
}
