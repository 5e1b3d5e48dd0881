//! A running cluster as a bench uses it: a user with roles, and the ways to its servers.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::{Endpoint, PROXY_SERVER_NAME};
use pki::{CredentialsSlot, IdentityFile, ServerTrust, TrustStore};
use serde_json::json;
use testkit::Cluster;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::http::Target;
use crate::proc;
use crate::upstream::Upstream;

/// The user who calls.
pub(crate) const USER: &str = "bench";

/// A process is idle when it has not run for so long.
const QUIET: Duration = Duration::from_millis(200);
/// It is not waited for longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A cluster.
#[derive(Debug)]
pub(crate) struct Site {
    cluster: Cluster,
    identity: PathBuf,
    endpoint: Endpoint,
    /// The same over HTTP/1.1.
    config: Arc<rustls::ClientConfig>,
    /// Its processes.
    pids: Vec<u32>,
}

// === impl Site ===

impl Site {
    /// Sets a cluster up: roles such as people have, and someone who holds them.
    pub(crate) fn new(mut cluster: Cluster) -> anyhow::Result<Self> {
        let tools =
            ["get_*", "^(list|search|describe)_.*$", "echo", "keep_*", "{{internal.mcp_tools}}"];
        cluster.tools_role("reader", &tools);
        let allow = json!({
            "app_labels": {"env": ["test", "staging"]},
            "mcp": {"tools": ["convert_time", "^(create|update)_(issue|comment)$"]},
        });
        let deny = json!({"mcp": {"tools": ["*_secret*", "delete_*"]}});
        cluster.role("writer", &allow, &deny);
        let identity = cluster.identity(USER, &["reader", "writer"]);
        let pids = [
            cluster.auth().process().id(),
            cluster.proxy().process().id(),
            cluster.agent().process().id(),
        ];
        let file = IdentityFile::read(&identity)?;
        let slot = CredentialsSlot::new(file.credentials()?);
        let trust = ServerTrust::Cluster(TrustStore::new(file.trust()?));
        let config = pki::tls::client_config(trust.clone(), Some(&slot), &[b"http/1.1"])?;
        let endpoint = Endpoint::Tls {
            addresses: vec![cluster.proxy_addr().to_owned()],
            server_name: pki::tls::server_name(PROXY_SERVER_NAME)?,
            config: Arc::new(pki::tls::client_config(trust, Some(&slot), &[b"h2"])?),
        };
        let pids = BTreeSet::from(pids).into_iter().collect();
        Ok(Self { cluster, identity, endpoint, config: Arc::new(config), pids })
    }

    /// Registers a server, which is served when this returns.
    pub(crate) fn register(&self, upstream: &Upstream) {
        self.cluster.app(upstream.name, &upstream.argv);
    }

    /// Registers a server over HTTP, which is served when this returns.
    pub(crate) fn register_web(&self, name: &str, port: u16) {
        self.cluster.put(&json!({
            "kind": "app", "version": "v3",
            "metadata": {"name": name, "labels": {"env": "test"}},
            "spec": {"uri": format!("mcp+http://127.0.0.1:{port}/mcp")},
        }));
        self.cluster.await_served(name);
    }

    /// To a server, by HTTP to the proxy.
    pub(crate) fn by_http(&self, app: &str) -> anyhow::Result<Target> {
        let name = pki::tls::server_name(PROXY_SERVER_NAME)?;
        Ok(Target {
            address: self.cluster.proxy_addr().to_owned(),
            path: format!("/mcp/apps/{app}"),
            tls: Some((self.config.clone(), name)),
        })
    }

    /// To a server, by `tsh mcp connect`.
    pub(crate) fn by_tsh(&self, upstream: &Upstream) -> anyhow::Result<Connection> {
        Connection::direct(&self.cluster.way(&self.identity, upstream.name))
    }

    /// To a server, by a stream to the proxy.
    pub(crate) async fn by_stream(&self, upstream: &Upstream) -> anyhow::Result<Connection> {
        Connection::stream(&self.endpoint, self.cluster.proxy_addr(), upstream.name).await
    }

    /// The cluster's processes, without what they started for connections.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Waits until the cluster has nothing to do: records are brought to the log after the calls that
    /// they are of.
    pub(crate) async fn calm_down(&self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        let mut before = proc::processor_time(&self.pids)?;
        while Instant::now() < end {
            sleep(QUIET).await;
            let now = proc::processor_time(&self.pids)?;
            if now.saturating_sub(before) <= Duration::from_millis(10) {
                return Ok(());
            }
            before = now;
        }
        Ok(())
    }

    /// Waits until no server runs any more.
    pub(crate) async fn empty(&self) -> anyhow::Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = self.pids.iter().map(|pid| proc::below(*pid).0.len()).sum::<usize>();
            match left {
                0 => return Ok(()),
                _ if Instant::now() > end => anyhow::bail!("{left} servers do not end"),
                _ => sleep(QUIET).await,
            }
        }
    }

    /// Calls that are not recorded are not what is to be measured.
    pub(crate) fn require_records(&self, app: &str) -> anyhow::Result<()> {
        let words = ["--user", USER, "--app", app, "--event", "mcp.session.request"];
        let records = self.cluster.audit(&words);
        if records.is_empty() {
            anyhow::bail!("no call of {app} was recorded");
        }
        Ok(())
    }
}
