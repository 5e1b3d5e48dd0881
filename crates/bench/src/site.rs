//! A running cluster as a bench uses it: a user with roles, and the ways to its servers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::{Client, Endpoint, PROXY_SERVER_NAME};
use pki::{CredentialsSlot, IdentityFile, ServerTrust, TrustStore};
use runtime::Tasks;
use rustls::ClientConfig;
use serde_json::json;
use testkit::Cluster;
use tokio::time::{Instant, sleep};

use crate::connection::Connection;
use crate::http::Target;
use crate::proc;
use crate::upstream::Upstream;

/// The user who calls.
pub(crate) const USER: &str = "bench";
/// The roles that users have.
const ROLES: [&str; 2] = ["reader", "writer"];

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
    config: Arc<ClientConfig>,
    /// Its processes.
    pids: Vec<u32>,
    /// Those of them that clients' traffic goes through.
    edge: Vec<u32>,
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
        let identity = cluster.identity(USER, &ROLES);
        let pids = [
            cluster.auth().process().id(),
            cluster.proxy().process().id(),
            cluster.agent().process().id(),
        ];
        let endpoint = endpoint(&cluster, &identity)?;
        let config = client_config(&identity, b"http/1.1")?;
        let edge = BTreeSet::from([pids[1], pids[2]]).into_iter().collect();
        let pids = BTreeSet::from(pids).into_iter().collect();
        Ok(Self { cluster, identity, endpoint, config, pids, edge })
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
        self.by_http_with(self.config.clone(), path_of(app))
    }

    /// The same as another user of the same roles, who is made.
    pub(crate) fn by_http_as(&self, user: &str, app: &str) -> anyhow::Result<Target> {
        let identity = self.cluster.identity(user, &ROLES);
        self.by_http_with(client_config(&identity, b"http/1.1")?, path_of(app))
    }

    /// To a server of a cluster that trusts this one, by HTTP to the proxy of this one.
    pub(crate) fn by_http_to(&self, leaf: &Self, app: &str) -> anyhow::Result<Target> {
        self.by_http_with(self.config.clone(), leaf.path_there(app))
    }

    fn by_http_with(&self, config: Arc<ClientConfig>, path: String) -> anyhow::Result<Target> {
        let name = pki::tls::server_name(PROXY_SERVER_NAME)?;
        Ok(Target {
            address: self.cluster.proxy_addr().to_owned(),
            path,
            tls: Some((config, name)),
        })
    }

    /// To a server, by `tsh mcp connect`.
    pub(crate) fn by_tsh(&self, upstream: &Upstream) -> anyhow::Result<Connection> {
        Connection::direct(&self.cluster.way(&self.identity, upstream.name))
    }

    /// To a server, by a stream to the proxy.
    pub(crate) async fn by_stream(&self, upstream: &Upstream) -> anyhow::Result<Connection> {
        self.stream_by(&self.endpoint, upstream.name).await
    }

    /// To a server of a cluster that trusts this one, by a stream to the proxy of this one.
    pub(crate) async fn by_stream_to(&self, leaf: &Self, app: &str) -> anyhow::Result<Connection> {
        let path = leaf.path_there(app);
        Connection::stream(&self.endpoint, self.cluster.proxy_addr(), &path).await
    }

    /// To a server, by a stream of another user of the same roles, who is made.
    pub(crate) fn endpoint_of(&self, user: &str) -> anyhow::Result<Endpoint> {
        endpoint(&self.cluster, &self.cluster.identity(user, &ROLES))
    }

    /// Opens a stream to a server.
    pub(crate) async fn stream_by(
        &self,
        endpoint: &Endpoint,
        app: &str,
    ) -> anyhow::Result<Connection> {
        Connection::stream(endpoint, self.cluster.proxy_addr(), &path_of(app)).await
    }

    /// How a server of this cluster is called at those whose users it lets in.
    fn path_there(&self, app: &str) -> String {
        format!("/mcp/sites/{}/apps/{app}", self.cluster.name())
    }

    /// The cluster.
    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Lets in the users of another cluster, with the roles that they have there.
    pub(crate) fn trust(&self, root: &Self) {
        self.cluster.trust(&root.cluster, &same_roles());
    }

    /// The document for that.
    pub(crate) fn trusted(&self) -> serde_json::Value {
        self.cluster.trusted(&same_roles(), true)
    }

    /// The auth API, as whoever is at its machine.
    pub(crate) fn admin(&self) -> Client {
        let socket = self.cluster.auth_socket();
        Client::new(Endpoint::Unix(socket), Tasks::new())
    }

    /// The evidence that a user's calls come with.
    pub(crate) fn evidence(&self) -> anyhow::Result<IdentityFile> {
        Ok(IdentityFile::read(&self.identity)?)
    }

    /// The cluster's processes, without what they started for connections.
    pub(crate) fn pids(&self) -> &[u32] {
        &self.pids
    }

    /// Those with the proxy and the agent.
    pub(crate) fn edge(&self) -> &[u32] {
        &self.edge
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

fn path_of(app: &str) -> String {
    format!("/mcp/apps/{app}")
}

fn same_roles() -> serde_json::Value {
    ROLES.map(|role| json!({"remote": role, "local": [role]})).into_iter().collect()
}

/// The proxy, as the holder of an identity file sees it.
fn endpoint(cluster: &Cluster, identity: &Path) -> anyhow::Result<Endpoint> {
    Ok(Endpoint::Tls {
        addresses: vec![cluster.proxy_addr().to_owned()],
        server_name: pki::tls::server_name(PROXY_SERVER_NAME)?,
        config: client_config(identity, b"h2")?,
    })
}

/// How the holder of an identity file connects.
fn client_config(identity: &Path, protocol: &[u8]) -> anyhow::Result<Arc<ClientConfig>> {
    let file = IdentityFile::read(identity)?;
    let slot = CredentialsSlot::new(file.credentials()?);
    let trust = ServerTrust::Cluster(TrustStore::new(file.trust()?));
    Ok(Arc::new(pki::tls::client_config(trust, Some(&slot), &[protocol])?))
}
