//! The way to an MCP server through the cluster, as whoever is signed in at the moment.

use std::path::PathBuf;
use std::sync::Arc;

use api::Endpoint;
use runtime::Clock;

use super::args::Global;
use super::fault::{Cause, Fault};
use crate::session::Session;

/// Finds the way, anew each time: somebody may have signed in meanwhile.
pub(super) trait Guide: Send + Sync {
    /// The way as it is now.
    fn way(&self) -> Result<Way, Fault>;
}

/// Where the proxy is, who asks there, and for what.
#[derive(Clone, Debug)]
pub(super) struct Way {
    /// The connection, with the user's certificate.
    pub(super) endpoint: Endpoint,
    /// `host:port` of the proxy, for messages.
    pub(super) proxy: String,
    /// Who asks: another one after each sign-in.
    pub(super) certificate: Arc<[u8]>,
    /// The path of the app there.
    pub(super) path: String,
}

/// The way of the profile, or of the identity file, that a command names.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) identity: Option<PathBuf>,
    pub(super) proxy: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) app: String,
    pub(super) clock: Clock,
}

// === impl Way ===

impl Way {
    /// The whole URI of the app.
    pub(super) fn uri(&self) -> String {
        format!("https://{}{}", self.proxy, self.path)
    }
}

// === impl SignedIn ===

impl SignedIn {
    pub(super) fn new(global: &Global, cluster: Option<String>, app: String, clock: Clock) -> Self {
        Self { identity: global.identity(), proxy: global.proxy(), cluster, app, clock }
    }

    pub(super) fn session(&self) -> Result<Session, Fault> {
        let login = |error: anyhow::Error| Fault::of(&error).caused_by(Cause::Login);
        let session =
            Session::open(self.identity.as_deref(), self.proxy.as_deref()).map_err(login)?;
        session.require_valid(self.clock.now()).map_err(|refused| login(refused.into()))?;
        Ok(session)
    }
}

impl Guide for SignedIn {
    fn way(&self) -> Result<Way, Fault> {
        let session = self.session()?;
        let app = api::escape(&self.app);
        let path = match &self.cluster {
            Some(cluster) => format!("/mcp/sites/{}/apps/{app}", api::escape(cluster)),
            None => format!("/mcp/apps/{app}"),
        };
        let endpoint = session.proxy_endpoint().map_err(|error| Fault::of(&error))?;
        Ok(Way { endpoint, path, certificate: session.certificate, proxy: session.proxy })
    }
}
