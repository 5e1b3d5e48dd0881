//! The auth service: what it is made of, how it begins and what it gives to its own process.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use api::{ALPN_AUTH, Client, Endpoint, Error, ErrorKind, Replica, Source, wire};
use audit::record::{Change, UserMetadata};
use bytes::Bytes;
use pki::tls::{self, ServerCredentials};
use pki::{
    CaCertificate, CaKind, CaPin, Certificate, CertificateAuthority, ClientAuth, Credentials,
    CredentialsSlot, JwtKey, PrivateKey, Service, TrustStore,
};
use resource::Resource;
use runtime::{Clock, Tasks};
use serde::{Deserialize, Serialize};
use store::Backend;
use time::OffsetDateTime;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::attempts::Attempts;
use crate::audit_log::AuditLog;
use crate::authorities::{Authorities, Keyring};
use crate::catalog::{self, Catalog};
use crate::core::{Core, REPLICATED};
use crate::http::{self, listener, local};
use crate::join::{self, ServiceRequest, VALIDITY};
use crate::kubernetes::KubernetesApi;
use crate::leases::Leases;
use crate::logins::Logins;
use crate::oauth::Documents;
use crate::password::Passwords;
use crate::providers::Providers;
use crate::records::{Condition, Records};
use crate::source::StoreSource;
use crate::{authorities, clusters, events, fault, keys, rotation};

/// How long the service waits for its own copy of the store when it starts.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait before another try when the own certificate cannot be renewed.
const RENEW_PAUSE: Duration = Duration::from_secs(60);

/// What an auth service needs to run.
#[derive(Debug)]
pub struct AuthConfig {
    /// The cluster's name. It is fixed when the cluster begins.
    pub cluster_name: String,
    /// What the machine calls itself.
    pub node_name: String,
    /// The identity of an earlier run, or none for a new one.
    pub host_id: Option<String>,
    /// Host names and addresses under which the service is reached.
    pub names: Vec<String>,
    /// Where everything is kept.
    pub backend: Arc<dyn Backend>,
    /// Where it is recorded what happens.
    pub audit_log: Arc<audit::Log>,
    /// The time.
    pub clock: Clock,
    /// The bound port.
    pub listener: TcpListener,
    /// The local socket, from [`local::bind`].
    pub local: Option<UnixListener>,
    /// The Kubernetes that this service runs in, which join tokens of `type: in_cluster` ask for.
    pub kubernetes: Option<KubernetesApi>,
}

/// A running auth service. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Auth {
    core: Arc<Core>,
    address: SocketAddr,
    socket: Option<PathBuf>,
    host_id: String,
}

/// What an auth service knows of, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Registered apps.
    pub apps: usize,
    /// Live records of agents by their state.
    pub servers: BTreeMap<&'static str, usize>,
    /// App services.
    pub agents: usize,
}

/// What is written when a cluster begins.
#[derive(Serialize, Deserialize)]
struct Founding {
    cluster_name: String,
}

// === impl Auth ===

impl Auth {
    /// Starts the service; everything it does is a task of `tasks`. The first start over a store
    /// makes the cluster's keys and the preset roles.
    ///
    /// # Errors
    /// The store belongs to another cluster or does not answer, or the name cannot be a cluster's.
    pub async fn start(config: AuthConfig, tasks: &Tasks) -> Result<Self, Error> {
        let AuthConfig {
            cluster_name,
            node_name,
            host_id,
            names,
            backend,
            audit_log,
            clock,
            listener,
            local,
            kubernetes,
        } = config;
        let address = listener.local_addr().map_err(Error::internal)?;
        let socket = local
            .as_ref()
            .and_then(|socket| socket.local_addr().ok()?.as_pathname().map(PathBuf::from));
        let records = Records::new(backend.clone());
        check_name(&cluster_name)?;
        found(&backend, &cluster_name).await?;
        let authorities = Authorities::load(&records, &cluster_name, clock.now()).await?;
        let audit = AuditLog::new(audit_log, &cluster_name, clock.clone());
        create_presets(&records, &audit).await?;
        tasks.spawn_until_cancelled(
            "auth.sweeper",
            store::run_sweeper(backend.clone(), store::sweep::SWEEP_EVERY),
        );
        let source = Arc::new(StoreSource::new(records.clone()));
        let replica = Replica::follow(tasks, source.clone(), &REPLICATED);
        let ready = tokio::time::timeout(READY_TIMEOUT, replica.ready()).await;
        ready.map_err(|_elapsed| Error::unavailable("the store does not answer"))?;
        let catalog = Replica::follow(tasks, source.clone(), &catalog::KINDS);
        let ready = tokio::time::timeout(READY_TIMEOUT, catalog.ready()).await;
        ready.map_err(|_elapsed| Error::unavailable("the store does not answer"))?;
        let catalog = Arc::new(Catalog::new(catalog));
        let leases = Arc::new(Leases::new(backend.clone(), clock.clone()));
        leases.grace(&catalog).await?;
        tasks.spawn_until_cancelled("auth.leases", leases.clone().flush());
        tasks.spawn_until_cancelled("auth.records", leases.clone().keep(catalog.clone()));
        let authorities = Keyring::new(authorities, &cluster_name)?;
        let core = Arc::new(Core {
            catalog,
            leases,
            trust: authorities.trust().clone(),
            cluster: cluster_name,
            source,
            replica,
            authorities,
            audit,
            attempts: Attempts::new(backend, clock.clone()),
            passwords: Passwords::new(tasks.clone()).map_err(Error::internal)?,
            providers: Providers::new(),
            kubernetes,
            logins: Logins::new(),
            oauth_documents: Documents::new(),
            visits: clusters::Recorded::default(),
            own: CredentialsSlot::empty(),
            tasks: tasks.clone(),
            tools_turn: Semaphore::new(1),
            records,
            clock,
        });
        let host_id = host_id.unwrap_or_else(|| Uuid::new_v4().to_string());
        tasks.spawn_until_cancelled("auth.authorities", authorities::follow(core.clone()));
        tasks.spawn_until_cancelled("auth.rotation", rotation::run(core.clone(), host_id.clone()));
        let own = Own { host_id: host_id.clone(), node_name, names };
        serve(&core, own, listener, local, tasks)?;
        tasks.spawn_until_cancelled("auth.clusters", clusters::exchange_all(core.clone()));
        Ok(Self { core, address, socket, host_id })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Names this process in certificates.
    #[must_use]
    pub fn host_id(&self) -> &str {
        &self.host_id
    }

    /// Whom the cluster believes.
    #[must_use]
    pub fn trust(&self) -> TrustStore {
        self.core.trust.clone()
    }

    /// The authorities as they travel.
    #[must_use]
    pub fn authorities(&self) -> wire::Authorities {
        self.core.authorities.current().wire()
    }

    /// What a new client pins.
    ///
    /// # Errors
    /// An authority cannot be read, which is a fault of ours.
    pub fn ca_pins(&self) -> Result<Vec<String>, Error> {
        self.core.authorities.current().pins()
    }

    /// What the service knows of in numbers.
    #[must_use]
    pub fn census(&self) -> Census {
        let snapshot = self.core.catalog.snapshot();
        let mut servers = BTreeMap::new();
        for server in snapshot.app_servers.values() {
            *servers.entry(server.spec.state.as_str()).or_default() += 1;
        }
        Census { apps: snapshot.apps.len(), servers, agents: snapshot.agents.len() }
    }

    /// The key that signs tokens for upstreams.
    #[must_use]
    pub fn jwt_key(&self) -> JwtKey {
        self.core.authorities.current().jwt.clone()
    }

    /// The store's resources, without secrets, for replicas in this process.
    #[must_use]
    pub fn source(&self) -> Arc<dyn Source> {
        self.core.source.clone()
    }

    /// The copy by which this service decides: roles, users, locks, sign-in rules and proxies.
    #[must_use]
    pub fn replica(&self) -> Replica {
        self.core.replica.clone()
    }

    /// Certifies a service that runs in this process.
    ///
    /// # Errors
    /// The request breaks a rule, or cannot be recorded.
    pub async fn issue_service(
        &self,
        request: &ServiceRequest,
    ) -> Result<wire::ServiceCredentials, Error> {
        let (identity, credentials) = join::certify(&self.core, request)?;
        let actor = UserMetadata::system(&self.host_id);
        events::certificate(&self.core.audit, &actor, &identity.into()).await?;
        Ok(credentials)
    }

    /// The auth API as the local administrator; none without a local socket.
    #[must_use]
    pub fn local_client(&self, tasks: &Tasks) -> Option<Client> {
        let socket = self.socket.clone()?;
        Some(Client::new(Endpoint::Unix(socket), tasks.clone()))
    }
}

/// Refuses, before anything is written, a name that the authorities could not bear.
pub(crate) fn check_name(cluster_name: &str) -> Result<(), Error> {
    CertificateAuthority::generate(
        CaKind::Host,
        cluster_name,
        OffsetDateTime::UNIX_EPOCH,
        Duration::from_secs(1),
    )
    .map(drop)
    .map_err(|error| Error::invalid(error.to_string()))
}

/// Makes the store this cluster's, or sees that it is.
async fn found(backend: &Arc<dyn Backend>, cluster_name: &str) -> Result<(), Error> {
    let key = keys::cluster()?;
    let founding = Founding { cluster_name: cluster_name.to_owned() };
    let value = Bytes::from(serde_json::to_vec(&founding).map_err(Error::internal)?);
    match backend.create(&key, value, None).await {
        Ok(_revision) => return Ok(()),
        Err(store::Error::AlreadyExists { .. }) => {}
        Err(error) => return Err(fault::store(&error)),
    }
    let item = backend.get(&key).await.map_err(|error| fault::store(&error))?;
    let kept: Founding = serde_json::from_slice(&item.value).map_err(Error::internal)?;
    if kept.cluster_name == cluster_name {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the store belongs to the cluster {:?}, and the configuration says cluster_name: {:?}",
        kept.cluster_name, cluster_name
    ))
    .hint("a cluster keeps its name: set cluster_name back, or use another data directory"))
}

/// Makes the preset roles that are not there. What is there under such a name stays as it is.
async fn create_presets(records: &Records, audit: &AuditLog) -> Result<(), Error> {
    let actor = UserMetadata::system("preset");
    for role in policy::preset_roles() {
        let role = Resource::from(role);
        if records.find(role.kind(), role.name()).await?.is_some() {
            continue;
        }
        events::changed(audit, &actor, Change::Created, &role).await?;
        match records.write(&role, Condition::Absent, Vec::new()).await {
            Ok(_written) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The service's own identity.
struct Own {
    host_id: String,
    node_name: String,
    names: Vec<String>,
}

fn serve(
    core: &Arc<Core>,
    own: Own,
    listener: TcpListener,
    local: Option<UnixListener>,
    tasks: &Tasks,
) -> Result<(), Error> {
    let (first, issuer) = own.certify(core)?;
    let slot = core.own.clone();
    slot.replace(first);
    let credentials = ServerCredentials::new(slot.clone());
    let alpn: [&[u8]; 2] = [ALPN_AUTH, b"h2"];
    let mut config = tls::server_config(&credentials, &core.trust, ClientAuth::Optional, &alpn)
        .map_err(Error::internal)?;
    let clock = core.clock.clone();
    config.time_provider = tls::time_provider(move || clock.now());
    let router = http::router(core);
    if let Some(local) = local {
        let serving = local::run(core.clone(), router.clone(), local, tasks.clone());
        tasks.spawn_critical("auth.local", serving);
    }
    let serving = listener::run(core.clone(), router, listener, Arc::new(config), tasks.clone());
    tasks.spawn_critical("auth.listener", serving);
    tasks.spawn_until_cancelled("auth.renewal", own.renew(core.clone(), slot, issuer));
    Ok(())
}

/// The authority that a certificate of ours is by.
fn issuer(core: &Core, certificate: &Certificate) -> Result<CaCertificate, Error> {
    let trust = core.trust.trust();
    let issuer = trust.issuer_of(certificate).cloned();
    issuer.ok_or_else(|| Error::internal("the service's certificate is by none of its authorities"))
}

// === impl Own ===

impl Own {
    /// A certificate, and by which authority it is.
    fn certify(&self, core: &Core) -> Result<(Credentials, CaPin), Error> {
        let key = PrivateKey::generate().map_err(Error::internal)?;
        let request = ServiceRequest {
            host_id: Some(self.host_id.clone()),
            node_name: self.node_name.clone(),
            services: [Service::Auth].into(),
            names: self.names.clone(),
            key: key.public(),
            join_token: None,
        };
        let (_identity, credentials) = join::certify(core, &request)?;
        let certificate =
            Certificate::from_pem(&credentials.certificate).map_err(Error::internal)?;
        let issued_by = issuer(core, &certificate)?;
        let credentials =
            Credentials::new(&certificate, &issued_by, &key).map_err(Error::internal)?;
        Ok((credentials, issued_by.pin()))
    }

    /// Replaces the certificate when half of its life is over, or when another key certifies services,
    /// for ever.
    async fn renew(self, core: Arc<Core>, slot: CredentialsSlot, mut issuer: CaPin) {
        let mut changes = core.authorities.changes();
        let mut until = core.clock.now() + VALIDITY / 2;
        loop {
            let signs = |now: &Arc<Authorities>| now.host.certificate().pin();
            tokio::select! {
                () = core.clock.sleep_until(until) => {}
                changed = changes.wait_for(|now| signs(now) != issuer) => if changed.is_err() { return },
            }
            let pause = match self.certify(&core) {
                Ok((credentials, by)) => {
                    slot.replace(credentials);
                    issuer = by;
                    VALIDITY / 2
                }
                Err(error) => {
                    tracing::error!(%error, cause = error.cause(), "cannot renew the certificate");
                    tokio::time::sleep(RENEW_PAUSE).await;
                    Duration::ZERO
                }
            };
            until = core.clock.now() + pause;
        }
    }
}
