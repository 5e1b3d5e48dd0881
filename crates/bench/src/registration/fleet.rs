//! A cluster with many agents, and its administrator.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use api::{AUTH_SERVER_NAME, Client, Endpoint, PROXY_SERVER_NAME};
use nix::sys::signal::Signal;
use pki::{CredentialsSlot, IdentityFile, ServerTrust, TrustStore};
use resource::{Kind, Resource, Secrets};
use runtime::Tasks;
use serde_json::json;
use testkit::Cluster;
use testkit::cluster::Node;
use tokio::time::{Instant, sleep};

use super::caller::Caller;
use crate::http::{Target, Web};

/// Numbers of apps that are made one by one.
pub(super) const FRESH: usize = 1_000_000;
/// How long agents may take to come up.
const PATIENCE: Duration = Duration::from_secs(180);

/// The cluster.
pub(super) struct Fleet {
    cluster: Cluster,
    agents: Vec<Node>,
    /// The auth API, from elsewhere, as somebody who may write apps.
    pub(super) admin: Client,
    identity: PathBuf,
    by_http: Arc<rustls::ClientConfig>,
    web: Web,
}

// === impl Fleet ===

impl Fleet {
    pub(super) async fn start(agents: usize) -> anyhow::Result<Self> {
        // One of its services is the agent of all apps.
        let cluster = Cluster::apart();
        cluster.role(
            "registrar",
            &json!({
                "app_labels": {"*": "*"},
                "rules": [{"resources": ["app", "app_server"], "verbs": ["*"]}],
            }),
            &json!({}),
        );
        let allow = json!({"app_labels": {"env": "test"}, "mcp": {"tools": ["*"]}});
        cluster.role("caller", &allow, &json!({}));
        let (registrar, identity) = (
            cluster.identity("registrar", &["registrar"]),
            cluster.identity("caller", &["caller"]),
        );
        let (trust, slot) = credentials(&registrar)?;
        let config = pki::tls::client_config(trust, Some(&slot), &[api::ALPN_AUTH])?;
        let endpoint = Endpoint::Tls {
            addresses: vec![cluster.proxy_addr().to_owned()],
            server_name: pki::tls::server_name(AUTH_SERVER_NAME)?,
            config: Arc::new(config),
        };
        let admin = Client::new(endpoint, Tasks::new());
        let (trust, slot) = credentials(&identity)?;
        let by_http = Arc::new(pki::tls::client_config(trust, Some(&slot), &[b"http/1.1"])?);
        let join = cluster.join_params("app");
        let join = format!("  proxy_server: {}\n{join}", cluster.proxy_addr());
        let nodes = (0..agents).map(|number| {
            let services = format!(
                "app_service:\n  enabled: yes\n  resources:\n  - labels:\n      shard: ['{}', '{}']\n",
                number,
                (number + 1) % agents,
            );
            cluster.node(&format!("agent-{number}"), &join, &services)
        });
        let nodes = nodes.collect();
        let web = Web::start(10).await?;
        let mut fleet = Self { cluster, agents: nodes, admin, identity, by_http, web };
        let end = Instant::now() + PATIENCE;
        for agent in &mut fleet.agents {
            while !agent.log().contains("tunnel to the proxy is up") {
                agent.check();
                ensure!(Instant::now() < end, "{} does not come up", agent.name());
                sleep(Duration::from_millis(50)).await;
            }
        }
        println!("{agents} agents are up");
        Ok(fleet)
    }

    fn app(&self, number: usize, env: &str, version: &str) -> anyhow::Result<Resource> {
        let document = json!({
            "kind": "app", "version": "v3",
            "metadata": {
                "name": name(number),
                "description": format!("Searches and edits the records of department {number}"),
                "labels": {
                    "env": env,
                    "shard": (number % self.agents.len()).to_string(),
                    "team": format!("team-{}", number % 37),
                    "version": version,
                },
            },
            "spec": {
                "uri": format!("mcp+http://127.0.0.1:{}/mcp", self.web.port),
                "mcp": {"protocol": "modern"},
            },
        });
        Ok(Resource::from_json(document.to_string().as_bytes())?)
    }

    pub(super) async fn put(&self, number: usize, version: &str) -> anyhow::Result<()> {
        let app = self.app(number, "test", version)?;
        self.admin.put(&app, api::Write::Upsert).await?;
        Ok(())
    }

    pub(super) async fn create(&self, number: usize) -> anyhow::Result<()> {
        self.admin.create(&self.app(number, "test", "1")?).await?;
        Ok(())
    }

    pub(super) async fn relabel(&self, number: usize, env: &str) -> anyhow::Result<()> {
        self.admin.put(&self.app(number, env, "1")?, api::Write::Update).await?;
        Ok(())
    }

    /// How many records tell that an app of this version is served.
    pub(super) async fn told(&self, version: Option<&str>) -> anyhow::Result<usize> {
        let records = self.admin.list(Kind::AppServer, Secrets::Redact).await?.items;
        let Some(version) = version else { return Ok(records.len()) };
        let told = records.iter().filter(|record| match record {
            Resource::AppServer(server) => {
                server.spec.state == resource::ServerState::Serving
                    && server.metadata.labels.get("version").is_some_and(|told| told == version)
            }
            _ => false,
        });
        Ok(told.count())
    }

    /// How many agents are said to serve an app.
    pub(super) async fn servers(&self, number: usize) -> anyhow::Result<usize> {
        match self.admin.get(Kind::App, &name(number), Secrets::Redact).await? {
            Resource::App(app) => Ok(app.status.map_or(0, |status| status.servers.len())),
            _ => Ok(0),
        }
    }

    /// Somebody who calls an app.
    pub(super) async fn caller(&self, app: &str) -> anyhow::Result<Caller> {
        Caller::connect(&Target {
            address: self.cluster.proxy_addr().to_owned(),
            path: format!("/mcp/apps/{app}"),
            tls: Some((self.by_http.clone(), pki::tls::server_name(PROXY_SERVER_NAME)?)),
        })
        .await
    }

    /// What people run to list and to search.
    pub(super) fn commands(&self) -> Vec<(String, Vec<std::ffi::OsString>)> {
        let config = self.cluster.auth_config();
        let tctl = |words: &[&str]| {
            let program = self.cluster.binaries().folder().join("tctl");
            let mut all = vec![program.into_os_string(), "-c".into(), config.into()];
            all.extend(words.iter().map(Into::into));
            (format!("tctl {}", words.join(" ")), all)
        };
        let tsh = |words: &[&str]| {
            let program = self.cluster.binaries().folder().join("tsh");
            let mut all = vec![program.into_os_string(), "-i".into()];
            all.extend([self.identity.clone().into(), "--proxy".into()]);
            all.push(self.cluster.proxy_addr().into());
            all.extend(words.iter().map(Into::into));
            (format!("tsh {}", words.join(" ")), all)
        };
        vec![
            tctl(&["get", "apps"]),
            tctl(&["get", "apps", "--format=json"]),
            tctl(&["get", "apps", "--format=text"]),
            tctl(&["get", "app/app-00001"]),
            tctl(&["apps", "ls"]),
            tctl(&["apps", "ls", "--search=app-00042"]),
            tsh(&["mcp", "ls"]),
            tsh(&["mcp", "ls", "--search=app-00042"]),
        ]
    }

    /// The auth service, the proxy, the agent of all apps, and one of the others.
    pub(super) fn pids(&mut self) -> Vec<(String, u32)> {
        let mut pids = vec![
            ("auth".to_owned(), self.cluster.auth().process().id()),
            ("proxy".to_owned(), self.cluster.proxy().process().id()),
            ("agent of all".to_owned(), self.cluster.agent().process().id()),
        ];
        let one = self.agents.first_mut().map(|agent| agent.process().id());
        pids.extend(one.map(|pid| ("agent of two shards".to_owned(), pid)));
        pids
    }

    pub(super) fn agent_pids(&mut self) -> Vec<u32> {
        self.agents.iter_mut().map(|agent| agent.process().id()).collect()
    }

    /// Signals the agent of all apps.
    pub(super) fn signal_whole(&mut self, signal: Signal) {
        match signal {
            Signal::SIGKILL => self.cluster.agent().kill(),
            signal => self.cluster.agent().process().signal(signal),
        }
    }

    pub(super) fn restart_whole(&mut self) {
        self.cluster.agent().start();
    }
}

/// The name of an app.
pub(super) fn name(number: usize) -> String {
    format!("app-{number:05}")
}

/// Runs a command to its end; gives how much it said.
pub(super) fn output(words: &[std::ffi::OsString]) -> anyhow::Result<usize> {
    let (program, words) = words.split_first().context("a command has a name")?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stderr(Stdio::inherit());
    let done = command.output().context("run a command")?;
    ensure!(done.status.success(), "{command:?}: {}", done.status);
    Ok(done.stdout.len())
}

/// How many bytes a process has sent to disks.
pub(super) fn written(pid: u32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    line.and_then(|bytes| bytes.trim().parse().ok()).context("read /proc/PID/io")
}

fn credentials(identity: &std::path::Path) -> anyhow::Result<(ServerTrust, CredentialsSlot)> {
    let file = IdentityFile::read(identity)?;
    let slot = CredentialsSlot::new(file.credentials()?);
    Ok((ServerTrust::Cluster(TrustStore::new(file.trust()?)), slot))
}
