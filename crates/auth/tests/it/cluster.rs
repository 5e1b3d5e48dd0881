//! A cluster of one auth service, and callers of every kind.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ::audit::{Log, LogOptions};
use api::{ALPN_AUTH, AUTH_SERVER_NAME, Client, Endpoint, Error, ErrorKind, Write};
use auth::{Auth, AuthConfig, ServiceRequest, bind_local};
use pki::tls::{self, ServerTrust};
use pki::{Certificate, Credentials, CredentialsSlot, PrivateKey, Service, TrustStore};
use resource::{App, Conditions, Kind, LabelSelector, Resource, Role, Rule, Secrets, User};
use runtime::{Clock, Tasks};
use rustls::pki_types::ServerName;
use store::{Backend, MemoryBackend};
use tempfile::TempDir;
use time::macros::datetime;
use tokio::net::TcpListener;

pub(crate) const NAME: &str = "example.test";

/// A running cluster.
pub(crate) struct Cluster {
    pub(crate) auth: Auth,
    pub(crate) clock: Clock,
    pub(crate) log: Arc<Log>,
    /// The local administrator.
    pub(crate) admin: Client,
    pub(crate) tasks: Tasks,
    pub(crate) dir: TempDir,
}

/// A service of the cluster, as a caller.
pub(crate) struct Host {
    pub(crate) id: String,
    pub(crate) client: Client,
}

// === impl Cluster ===

impl Cluster {
    pub(crate) async fn start() -> Self {
        Self::named(NAME).await
    }

    /// A cluster of this name.
    pub(crate) async fn named(name: &str) -> Self {
        let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
        let store = Arc::new(MemoryBackend::new(clock.clone()));
        Self::begin(name, store, clock, tempfile::tempdir().unwrap(), None).await.unwrap()
    }

    /// One whose auth service runs in a cluster of Kubernetes.
    pub(crate) async fn in_kubernetes(api: auth::KubernetesApi) -> Self {
        let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
        let store = Arc::new(MemoryBackend::new(clock.clone()));
        Self::begin(NAME, store, clock, tempfile::tempdir().unwrap(), Some(api)).await.unwrap()
    }

    /// Starts over what an earlier cluster left behind.
    pub(crate) async fn over(
        backend: Arc<dyn Backend>,
        clock: Clock,
        dir: TempDir,
    ) -> Result<Self, Error> {
        Self::begin(NAME, backend, clock, dir, None).await
    }

    async fn begin(
        name: &str,
        backend: Arc<dyn Backend>,
        clock: Clock,
        dir: TempDir,
        kubernetes: Option<auth::KubernetesApi>,
    ) -> Result<Self, Error> {
        let log = Arc::new(Log::open(LogOptions::new(dir.path().join("audit"))).unwrap());
        let tasks = Tasks::new();
        let config = AuthConfig {
            cluster_name: name.to_owned(),
            node_name: "auth-node".to_owned(),
            host_id: None,
            names: vec!["localhost".to_owned()],
            backend,
            audit_log: log.clone(),
            clock: clock.clone(),
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
            local: Some(bind_local(dir.path()).unwrap()),
            kubernetes,
        };
        let auth = Auth::start(config, &tasks).await?;
        let admin = auth.local_client(&tasks).unwrap();
        Ok(Self { auth, clock, log, admin, tasks, dir })
    }

    /// A caller with these credentials, or none, who trusts the cluster.
    pub(crate) fn client(&self, credentials: Option<Credentials>) -> Client {
        client_of(
            &self.auth.address().to_string(),
            &self.auth.trust(),
            &self.clock,
            credentials,
            &self.tasks,
        )
    }

    /// Somebody without an identity.
    pub(crate) fn stranger(&self) -> Client {
        self.client(None)
    }

    /// A host that runs these services.
    pub(crate) async fn host(&self, services: &[Service]) -> Host {
        let (id, credentials) = self.host_credentials(services).await;
        Host { id, client: self.client(Some(credentials)) }
    }

    /// What a host that runs these services shows, and its id.
    pub(crate) async fn host_credentials(&self, services: &[Service]) -> (String, Credentials) {
        let key = PrivateKey::generate().unwrap();
        let request = ServiceRequest {
            host_id: None,
            node_name: "node".to_owned(),
            services: services.iter().copied().collect::<BTreeSet<_>>(),
            names: Vec::new(),
            key: key.public(),
            join_token: None,
        };
        let issued = self.auth.issue_service(&request).await.unwrap();
        (issued.host_id, credentials(&issued.certificate, &key))
    }

    /// A user who is made now, with these roles, and holds a certificate.
    pub(crate) async fn user(&self, name: &str, roles: &[&str]) -> Client {
        self.put(User::new(name, roles.iter().copied())).await;
        self.certified(name, None).await
    }

    /// A certificate for a user who exists.
    pub(crate) async fn certified(&self, name: &str, ttl_seconds: Option<u64>) -> Client {
        let key = PrivateKey::generate().unwrap();
        let public_key = key.public().to_pem();
        let request = api::wire::UserCertificateRequest { public_key, ttl_seconds };
        let issued = self.admin.sign_user(name, &request).await.unwrap();
        self.client(Some(credentials(&issued.certificate, &key)))
    }

    /// Writes a resource as the local administrator.
    pub(crate) async fn put(&self, resource: impl Into<Resource>) -> Resource {
        self.admin.put(&resource.into(), Write::Upsert).await.unwrap()
    }

    /// The role whose only rule is this, and a user who holds it.
    pub(crate) async fn user_with_rule(
        &self,
        name: &str,
        kinds: &[&str],
        verbs: &[&str],
    ) -> Client {
        self.put(role_with(name, |allow| allow.rules.push(rule(kinds, verbs)))).await;
        self.user(name, &[name]).await
    }

    /// The names of a kind that the caller is shown.
    pub(crate) async fn names(&self, caller: &Client, kind: Kind) -> Vec<String> {
        let listing = caller.list(kind, Secrets::Redact).await.unwrap();
        listing.items.iter().map(|item| item.name().to_owned()).collect()
    }

    /// The audit records so far, oldest first.
    pub(crate) async fn records(&self) -> Vec<serde_json::Value> {
        let page = self.log.query(::audit::log::Query::default()).await.unwrap();
        let events = page.events.iter().rev();
        events.map(|entry| serde_json::from_str(&entry.json).unwrap()).collect()
    }

    /// The audit records of one event.
    pub(crate) async fn records_of(&self, event: &str) -> Vec<serde_json::Value> {
        let mut records = self.records().await;
        records.retain(|record| record["event"] == event);
        records
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// A caller of the service at an address.
pub(crate) fn client_of(
    address: &str,
    trust: &TrustStore,
    clock: &Clock,
    credentials: Option<Credentials>,
    tasks: &Tasks,
) -> Client {
    let slot = credentials.map(CredentialsSlot::new);
    let trust = ServerTrust::Cluster(trust.clone());
    let mut config = tls::client_config(trust, slot.as_ref(), &[ALPN_AUTH]).unwrap();
    let clock = clock.clone();
    config.time_provider = tls::time_provider(move || clock.now());
    let endpoint = Endpoint::Tls {
        addresses: vec![address.to_owned()],
        server_name: ServerName::try_from(AUTH_SERVER_NAME).unwrap(),
        config: Arc::new(config),
    };
    Client::new(endpoint, tasks.clone())
}

pub(crate) fn credentials(certificate: &str, key: &PrivateKey) -> Credentials {
    Credentials::alone(&Certificate::from_pem(certificate).unwrap(), key).unwrap()
}

/// A role that allows what `allow` says.
pub(crate) fn role_with(name: &str, allow: impl FnOnce(&mut Conditions)) -> Role {
    let mut role = Role::new(name);
    allow(&mut role.spec.allow);
    role
}

pub(crate) fn rule(kinds: &[&str], verbs: &[&str]) -> Rule {
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    Rule { resources: owned(kinds), verbs: owned(verbs), ..Rule::default() }
}

pub(crate) fn labels(pairs: &[(&str, &str)]) -> LabelSelector {
    LabelSelector::from_pairs(pairs.iter().copied())
}

/// An app with these labels.
pub(crate) fn app(name: &str, pairs: &[(&str, &str)]) -> App {
    let labels: serde_json::Map<_, _> =
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect();
    let json = serde_json::json!({
        "kind": "app",
        "version": "v3",
        "metadata": { "name": name, "labels": labels },
        "spec": { "mcp": { "command": "true", "run_as_host_user": "nobody" } },
    });
    parse(&json)
}

/// A resource of a known kind from JSON.
pub(crate) fn parse<T: TryFrom<Resource>>(json: &serde_json::Value) -> T {
    let resource = Resource::from_json(json.to_string().as_bytes()).unwrap();
    T::try_from(resource).unwrap_or_else(|_| panic!("another kind of resource"))
}

/// Fails unless the outcome is an error of this kind.
#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>, kind: ErrorKind) -> Error {
    let error = outcome.expect_err("it was not refused");
    assert_eq!(error.kind(), kind, "{error}");
    error
}

/// Compares with a file that is checked in; `UPDATE_EXPECT=1` writes it.
#[track_caller]
pub(crate) fn expect_file(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(name);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{name} differs; UPDATE_EXPECT=1 writes it anew:\n{actual}");
}
