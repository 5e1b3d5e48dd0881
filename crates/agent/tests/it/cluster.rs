//! An agent in a cluster of which only the resources exist: a test changes them and sees what happens.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use agent::{Agent, AgentConfig, Limits};
use api::{Client, Endpoint, Listing, Replica, Snapshot, Source, WatchEvent};
use audit::sink::Recording;
use audit::{Event, Sink};
use base64::Engine as _;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, BoxStream};
use parking_lot::Mutex;
use pki::{CaKind, CertificateAuthority, PrivateKey, Trust, TrustStore, UserIdentity, UserKind};
use resource::{Kind, LabelSelector, Resource};
use runtime::{Clock, Tasks};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tunnel::Handler;

use crate::client::TestClient;
use crate::processes::{Mark, wait_until};

pub(crate) const FIXTURE: &str = env!("CARGO_BIN_EXE_agent-fixture");
pub(crate) const CLUSTER: &str = "test.example.com";

/// An agent, its resources and its records.
pub(crate) struct Cluster {
    pub(crate) agent: Agent,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) records: Arc<Records>,
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    pub(crate) replica: Replica,
    pub(crate) mark: Mark,
    pub(crate) users: CertificateAuthority,
    pub(crate) trust: TrustStore,
    resources: Arc<Resources>,
    directory: TempDir,
}

/// The resources of the cluster, as a source that is followed.
struct Resources {
    history: Arc<Mutex<Vec<WatchEvent>>>,
    length: watch::Sender<usize>,
}

/// Records in memory; full on demand.
#[derive(Debug, Default)]
pub(crate) struct Records {
    lines: Mutex<Vec<Value>>,
    full: Mutex<bool>,
    /// While it is there, a record is written only when it has a permit.
    slow: Mutex<Option<Arc<Semaphore>>>,
}

// === impl Cluster ===

impl Cluster {
    /// An agent that serves everything, an app `files`, and a user for each role.
    pub(crate) async fn start(roles: &[(&str, Value)]) -> Self {
        let cluster = Self::start_with(roles, &[LabelSelector::wildcard()]).await;
        cluster.settled().await;
        cluster
    }

    /// The same, within other bounds.
    pub(crate) async fn within(limits: Limits, roles: &[(&str, Value)]) -> Self {
        let cluster = Self::start_as(roles, &[LabelSelector::wildcard()], limits).await;
        cluster.settled().await;
        cluster
    }

    /// The same, with other selectors.
    pub(crate) async fn start_with(roles: &[(&str, Value)], selectors: &[LabelSelector]) -> Self {
        Self::start_as(roles, selectors, Limits::default()).await
    }

    async fn start_as(
        roles: &[(&str, Value)],
        selectors: &[LabelSelector],
        limits: Limits,
    ) -> Self {
        pki::install_crypto_provider();
        let now = Clock::system().now();
        let clock = Clock::manual(now);
        let validity = Duration::from_secs(86_400);
        let authority =
            |kind| CertificateAuthority::generate(kind, CLUSTER, now, validity).unwrap();
        let (users, hosts) = (authority(CaKind::User), authority(CaKind::Host));
        let trust = Trust::new(
            CLUSTER,
            vec![users.certificate().clone()],
            vec![hosts.certificate().clone()],
        );
        let trust = TrustStore::new(trust.unwrap());
        let resources =
            Arc::new(Resources { history: Arc::default(), length: watch::channel(0).0 });
        let tasks = Tasks::new();
        let mut kinds = vec![Kind::App, Kind::Role, Kind::User, Kind::Lock];
        kinds.extend([Kind::ClusterAuthPreference, Kind::TrustedCluster, Kind::OauthGrant]);
        let replica = Replica::follow(&tasks, resources.clone(), &kinds);
        let records = Arc::new(Records::default());
        let config = AgentConfig {
            host_id: "host-1".to_owned(),
            join_token: Some("hosts".to_owned()),
            node_name: "host".to_owned(),
            selectors: selectors.to_vec(),
            static_apps: Vec::new(),
            demo_server: true,
            egress: agent::Egress::default(),
            limits,
            keeper_binary: FIXTURE.into(),
            audit: records.clone(),
            clock: clock.clone(),
        };
        let client = Client::new(Endpoint::Unix("/nonexistent".into()), tasks.clone());
        let agent = Agent::start(config, client, replica.clone(), trust.clone(), &tasks).unwrap();
        let cluster = Self {
            handler: agent.handler(),
            agent,
            records,
            tasks,
            clock,
            replica,
            mark: Mark::new(),
            users,
            trust,
            resources,
            directory: tempfile::tempdir().unwrap(),
        };
        cluster.put(cluster.app("files", json!({})));
        for (name, allow) in roles {
            cluster.put(role(name, allow));
            cluster.put(document("user", "v2", name, json!({"spec": {"roles": [name]}})));
        }
        cluster.copied().await;
        cluster
    }

    /// An app whose server is the fixture's, with what is to be different.
    pub(crate) fn app(&self, name: &str, labels: Value) -> Resource {
        let log = self.log_path(name);
        self.app_of(name, labels, FIXTURE, &["serve", log.to_str().unwrap()])
    }

    pub(crate) fn app_of(
        &self,
        name: &str,
        labels: Value,
        command: &str,
        args: &[&str],
    ) -> Resource {
        let user = nix::unistd::User::from_uid(nix::unistd::Uid::effective()).unwrap().unwrap();
        let (variable, value) = self.mark.variable();
        let mcp = json!({
            "command": command, "args": args, "run_as_host_user": user.name,
            "env": BTreeMap::from([(variable, value)]),
        });
        let mut app = document("app", "v3", name, json!({"spec": {"mcp": mcp}}));
        let labels: BTreeMap<String, String> = serde_json::from_value(labels).unwrap();
        app.metadata_mut().labels.extend(labels);
        app
    }

    pub(crate) fn log_path(&self, app: &str) -> std::path::PathBuf {
        self.directory.path().join(app)
    }

    /// The lines that reached the server of an app.
    pub(crate) fn reached(&self, app: &str) -> String {
        read_if_there(&self.log_path(app))
    }

    pub(crate) fn put(&self, resource: Resource) {
        self.resources.push(|cursor| WatchEvent::Put { resource: Arc::new(resource), cursor });
    }

    pub(crate) fn delete(&self, kind: Kind, name: &str) {
        let name = name.to_owned();
        self.resources.push(|cursor| WatchEvent::Delete { kind, name, cursor });
    }

    /// Waits until the agent serves everything as it is registered.
    pub(crate) async fn settled(&self) {
        self.copied().await;
        for app in self.resources.snapshot().apps.keys() {
            // No evidence: refused, but not as an app that is not served.
            self.until_status(app, 401).await;
        }
    }

    /// Waits until the agent has a copy of everything.
    pub(crate) async fn copied(&self) {
        let wanted = self.resources.snapshot();
        let same = |replica: &Snapshot| {
            replica.apps == wanted.apps
                && replica.roles == wanted.roles
                && replica.users == wanted.users
                && replica.locks == wanted.locks
                && replica.oauth_grants == wanted.oauth_grants
                && replica.auth_preference == wanted.auth_preference
                && replica.trusted_clusters == wanted.trusted_clusters
        };
        wait_until("the agent has all resources", || same(&self.replica.snapshot())).await;
    }

    /// The status with which a request with this evidence is answered.
    pub(crate) async fn status(&self, app: &str, evidence: &str) -> u16 {
        let request = TestClient::request(app, evidence, api::empty());
        self.handler.call(request).await.status().as_u16()
    }

    /// Waits until a request without evidence is answered so.
    pub(crate) async fn until_status(&self, app: &str, wanted: u16) {
        let look = async {
            while self.status(app, "").await != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), look).await.expect("the status in time");
    }

    pub(crate) fn identity(&self, name: &str) -> UserIdentity {
        let now = self.clock.now();
        UserIdentity {
            name: name.to_owned(),
            kind: UserKind::Human,
            roles: vec![name.to_owned()],
            traits: BTreeMap::new(),
            cluster: CLUSTER.to_owned(),
            login_id: "login-1".to_owned(),
            mfa: pki::SecondFactors::default(),
            source_ip: None,
            app: None,
            visit: None,
            bot_instance_id: None,
            oauth_grant: None,
            join_token: None,
            issued: now,
            expires: now + Duration::from_secs(3_600),
        }
    }

    /// The evidence of an identity, as the proxy sends it.
    pub(crate) fn evidence(&self, identity: &UserIdentity) -> String {
        evidence_of(&self.users, identity)
    }

    /// Connects as the user who is named as the role.
    pub(crate) async fn connect(&self, user: &str, app: &str) -> TestClient {
        let evidence = self.evidence(&self.identity(user));
        TestClient::connect(&self.handler, app, &evidence).await
    }
}

/// A certificate for this identity, as the proxy sends it.
pub(crate) fn evidence_of(authority: &CertificateAuthority, identity: &UserIdentity) -> String {
    let key = PrivateKey::generate().unwrap().public();
    let certificate = authority.issue_user(&key, identity).unwrap();
    base64::engine::general_purpose::STANDARD.encode(certificate.der())
}

/// Any resource.
pub(crate) fn document(kind: &str, version: &str, name: &str, rest: Value) -> Resource {
    let mut document = json!({"kind": kind, "version": version, "metadata": {"name": name}});
    document.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    Resource::from_json(document.to_string().as_bytes()).unwrap()
}

/// A role for all apps that allows these tools.
pub(crate) fn role(name: &str, tools: &Value) -> Resource {
    role_with(name, tools, json!({}))
}

pub(crate) fn role_with(name: &str, tools: &Value, options: Value) -> Resource {
    let allow = json!({"app_labels": {"*": "*"}, "mcp": {"tools": tools}});
    document("role", "v8", name, json!({"spec": {"allow": allow, "options": options}}))
}

fn read_if_there(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

// === impl Resources ===

impl Resources {
    fn push(&self, event: impl FnOnce(String) -> WatchEvent) {
        let mut history = self.history.lock();
        let cursor = (history.len() + 1).to_string();
        history.push(event(cursor));
        self.length.send_replace(history.len());
    }

    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for event in self.history.lock().iter() {
            snapshot.apply(event);
        }
        snapshot
    }
}

impl Source for Resources {
    fn list(&self, _kind: Kind) -> BoxFuture<'_, Result<Listing, api::Error>> {
        // Everything comes by the watch, from the beginning.
        Box::pin(async { Ok(Listing { items: Vec::new(), cursor: "0".to_owned() }) })
    }

    fn watch(
        &self,
        _kinds: Vec<Kind>,
        _cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, api::Error>>, api::Error>> {
        let (history, lengths) = (self.history.clone(), self.length.subscribe());
        let events = stream::unfold((history, lengths, 0), async |(history, mut lengths, at)| {
            lengths.wait_for(|length| *length > at).await.ok()?;
            let event = history.lock()[at].clone();
            Some((Ok(event), (history, lengths, at + 1)))
        });
        Box::pin(async move { Ok(events.boxed()) })
    }
}

// === impl Records ===

impl Records {
    /// Makes every record fail, or no longer.
    pub(crate) fn clear(&self) {
        self.lines.lock().clear();
    }

    pub(crate) fn set_full(&self, full: bool) {
        *self.full.lock() = full;
    }

    /// Makes the records that come wait for the permits of this.
    pub(crate) fn hold(&self) -> Arc<Semaphore> {
        let held = Arc::new(Semaphore::new(0));
        *self.slow.lock() = Some(held.clone());
        held
    }

    /// The records with this code.
    pub(crate) fn of(&self, code: &str) -> Vec<Value> {
        self.lines.lock().iter().filter(|line| line["code"] == code).cloned().collect()
    }

    /// The codes of all records, in the order in which they were written.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.lines.lock().iter().map(|line| line["code"].as_str().unwrap().to_owned()).collect()
    }
}

impl Sink for Records {
    fn append(&self, event: &Event) -> std::io::Result<()> {
        if *self.full.lock() {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.lines.lock().push(serde_json::from_slice(event.line()).unwrap());
        Ok(())
    }

    fn record<'a>(&'a self, event: &'a Event) -> Recording<'a> {
        let slow = self.slow.lock().clone();
        Box::pin(async move {
            if let Some(slow) = slow {
                slow.acquire().await.unwrap().forget();
            }
            self.append(event)
        })
    }
}
