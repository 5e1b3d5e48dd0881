//! The way to an MCP server through the cluster, as whoever is signed in at the moment.

use std::path::PathBuf;
use std::sync::Arc;

use api::stream_headers::{NEEDED, NEEDED_SECOND_FACTOR};
use api::{Brought, Endpoint};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue};
use pki::PrivateKey;
use pki::jwt::proof::{Asking, prove};
use runtime::Clock;

use super::args::Global;
use super::fault::{Cause, Fault};
use super::second_factor::SecondFactor;
use crate::browser::Opening;
use crate::run::Context;
use crate::session::Session;

/// How much of what another cluster says is repeated, in characters.
const MAX_WORDS: usize = 1 << 10;

/// Finds the way, anew each time: somebody may have signed in meanwhile.
pub(super) trait Guide: Send + Sync {
    /// The way as it is now.
    fn way(&self) -> Result<Way, Fault>;

    /// Has a second factor shown, for want of which this way was refused. Another way is to be asked for then.
    fn show_second_factor<'a>(
        &'a self,
        refused: &'a Way,
        fault: Fault,
    ) -> BoxFuture<'a, Result<(), Fault>>;
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
    /// Proves that it is us who ask.
    pub(super) prover: Prover,
    /// What the MCP server itself is to be told.
    pub(super) brought: Brought,
    /// The cluster that has the app, if it is another than the proxy's own.
    pub(super) elsewhere: Option<String>,
}

/// Proves that requests come from who holds the key of the certificate.
#[derive(Clone, Debug)]
pub(super) struct Prover {
    pub(super) key: PrivateKey,
    pub(super) cluster: String,
    pub(super) app: String,
    pub(super) clock: Clock,
}

/// The way of the profile, or of the identity file, that a command names.
#[derive(Debug)]
pub(super) struct SignedIn {
    pub(super) identity: Option<PathBuf>,
    pub(super) proxy: Option<String>,
    pub(super) cluster: Option<String>,
    pub(super) app: String,
    pub(super) clock: Clock,
    pub(super) brought: Brought,
    pub(super) second_factor: SecondFactor,
}

// === impl Way ===

impl Way {
    /// The whole URI of the app.
    pub(super) fn uri(&self) -> String {
        format!("https://{}{}", self.proxy, self.path)
    }
}

/// Whether a refusal is for want of a second factor.
pub(super) fn needs_second_factor(headers: &HeaderMap) -> bool {
    headers.get(NEEDED).is_some_and(|needed| needed == NEEDED_SECOND_FACTOR)
}

/// The same in words.
pub(super) fn second_factor_needed(way: &Way) -> Fault {
    let app = &way.prover.app;
    let words = format!("the MCP server {app:?} needs a second factor for this session");
    Fault::new(Cause::SecondFactor, words)
}

/// What a cluster says, for people: another's words do not pass for those of the own.
pub(super) fn told(elsewhere: Option<&str>, words: &str) -> String {
    match elsewhere {
        None => words.to_owned(),
        Some(cluster) => {
            let words = resource::plain::short(words, MAX_WORDS);
            format!("on the way to the cluster {cluster:?}: {words:?}")
        }
    }
}

// === impl Prover ===

impl Prover {
    /// A proof for a request that is sent now.
    pub(super) fn header(&self) -> Result<HeaderValue, Fault> {
        let failed = |error: String| {
            Fault::new(Cause::Other, format!("cannot prove who we are to the cluster: {error}"))
        };
        let asking = Asking { cluster: &self.cluster, app: &self.app };
        let proof = prove(&self.key, &asking, self.clock.now());
        let proof = proof.map_err(|error| failed(error.to_string()))?;
        HeaderValue::try_from(proof).map_err(|error| failed(error.to_string()))
    }
}

// === impl SignedIn ===

impl SignedIn {
    pub(super) fn new(
        cx: &Context,
        global: &Global,
        (app, cluster): (String, Option<String>),
        opening: Opening,
    ) -> Self {
        let (identity, proxy, clock) = (global.identity(), global.proxy(), cx.clock.clone());
        let asked = (app.clone(), cluster.clone());
        let second_factor = SecondFactor::new(cx, asked, global.mfa_mode, opening);
        let brought = Brought::default();
        Self { identity, proxy, cluster, app, clock, brought, second_factor }
    }

    /// The same with headers for the MCP server itself.
    pub(super) fn bringing(self, brought: Brought) -> Self {
        Self { brought, ..self }
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
        let session = match self.second_factor.shown(&session) {
            Some(shown) => session
                .continued(shown.key.clone(), &shown.certificate)
                .map_err(|error| Fault::of(&error))?,
            None => session,
        };
        let app = api::escape(&self.app);
        // Never what is selected: that may change while a client's configuration, or this program, stays as it is.
        let elsewhere = self.cluster.clone().filter(|cluster| *cluster != session.user.cluster);
        let path = match &elsewhere {
            Some(cluster) => format!("/mcp/sites/{}/apps/{app}", api::escape(cluster)),
            None => format!("/mcp/apps/{app}"),
        };
        let endpoint = session.proxy_endpoint().map_err(|error| Fault::of(&error))?;
        // Of another cluster's app, that one's agent wants to know.
        let cluster = elsewhere.clone().unwrap_or(session.user.cluster);
        let (key, clock) = (session.key, self.clock.clone());
        let prover = Prover { key, cluster, app: self.app.clone(), clock };
        let (certificate, proxy) = (session.certificate, session.proxy);
        let brought = self.brought.clone();
        Ok(Way { endpoint, path, prover, certificate, proxy, brought, elsewhere })
    }

    fn show_second_factor<'a>(
        &'a self,
        refused: &'a Way,
        fault: Fault,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            let session = self.session()?;
            self.second_factor.show(session, &refused.certificate, fault).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_cluster_says_is_told_as_its_own() {
        assert_eq!(told(None, "so it is"), "so it is");
        assert_eq!(
            told(Some("leaf"), "sign in at \"x\"\u{1b}[2J\n."),
            r#"on the way to the cluster "leaf": "sign in at \"x\" [2J .""#
        );
        let (fits, long) = ("x".repeat(MAX_WORDS), "x".repeat(MAX_WORDS + 1));
        assert!(told(Some("leaf"), &fits).ends_with(&format!("\"{fits}\"")));
        assert!(told(Some("leaf"), &long).ends_with(&format!("\"{fits}…\"")));
    }
}
