//! The life of a process: bind, get an identity, start the services, be ready, drain, end.

mod edge;
mod replicated;
mod tunnels;

use std::fs;
use std::future::Future;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{Client, Replica, Selected};
use auth::Auth;
use pki::{CaPin, PrivateKey, Service, TrustStore};
use runtime::{Clock, Shutdown, Tasks};
use tokio::net::TcpListener;
use tunnel::{Attachment, Registry, Up};

use crate::config::{AuthSection, Config, Join, ProxySection};
use crate::descriptors;
use crate::diag::{Diagnostics, Sources};
use crate::identity::{HostIdentity, Wanted};

/// How long proxy and agent may take to drain, and the auth service after them.
const EDGE_GRACE: Duration = Duration::from_secs(10);
const CORE_GRACE: Duration = Duration::from_secs(5);
/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    /// Proxy and agent: they end first.
    edge: Tasks,
    /// What brings audit records to the auth service: it ends when all are there.
    shipping: Tasks,
    /// Connections to the auth service, which both use to the end.
    wires: Tasks,
    /// The auth service, which they need to the end.
    core: Tasks,
    proxy_addr: Option<String>,
    auth: Option<Auth>,
    routing: Option<Routing>,
    spool: Option<Arc<audit::Spool>>,
    kept: Option<Kept>,
    agent: Option<(agent::Agent, Up)>,
    proxy: Option<proxy::Proxy>,
    diagnostics: Option<Arc<Diagnostics>>,
}

/// Where the auth service keeps things: closed when it has ended.
#[derive(Clone, Debug)]
struct Kept {
    backend: Arc<dyn store::Backend>,
    log: Arc<audit::Log>,
}

/// What a process with a proxy or an agent knows of the cluster.
#[derive(Debug)]
struct Routing {
    trust: TrustStore,
    replica: Replica,
    registry: Registry,
    _attachment: Option<Attachment>,
}

/// Sockets that were bound before anything else was done.
struct Bound {
    auth: Option<TcpListener>,
    proxy: Option<TcpListener>,
    diag: Option<TcpListener>,
}

/// Runs a process on a runtime of its own.
pub(crate) fn run<F, R>(main: F) -> anyhow::Result<ExitCode>
where
    F: FnOnce(Tasks) -> R,
    R: Future<Output = anyhow::Result<ExitCode>>,
{
    pki::install_crypto_provider();
    descriptors::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start: the operating system gives no threads or poller")?;
    let tasks = Tasks::new();
    let outcome = runtime.block_on(async {
        let outcome = main(tasks.clone()).await;
        tasks.shutdown(CORE_GRACE).await;
        outcome
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// Waits for a reason to end: a signal, or a service that failed.
pub(crate) async fn until_end(shutdown: &Shutdown, tasks: &Tasks) {
    tokio::select! {
        () = shutdown.requested() => {}
        () = tasks.cancelled() => {}
    }
}

// === impl Process ===

impl Process {
    /// Starts the services of a configuration.
    pub(crate) async fn start(config: Config, clock: Clock, tasks: &Tasks) -> anyhow::Result<Self> {
        create_private(&config.data_dir)?;
        agent::withhold_from_apps(&config.data_dir)
            .with_context(|| format!("cannot find {}", config.data_dir.display()))?;
        let bound = Bound::bind(&config).await?;
        let (edge, core) = (tasks.child(), tasks.child());
        let (shipping, wires) = (tasks.child(), tasks.child());
        let wanted = wanted(&config, bound.proxy.as_ref())?;
        let kept = HostIdentity::load(&config.data_dir)?;
        let auth_address = bound.auth.as_ref().map(TcpListener::local_addr).transpose()?;
        let auth = match (&config.auth, bound.auth) {
            (Some(section), Some(listener)) => {
                let host_id = kept.as_ref().map(|identity| identity.host_id.clone());
                let kept = open_kept(&config, &clock, &core).await?;
                let auth =
                    start_auth(section, listener, host_id, &config, &kept, &clock, &core).await?;
                Some((auth, kept))
            }
            _ => None,
        };
        let (auth, store) = auth.unzip();
        let mut process = Self {
            edge,
            shipping,
            wires,
            core,
            proxy_addr: None,
            auth,
            routing: None,
            spool: None,
            kept: store,
            agent: None,
            proxy: None,
            diagnostics: None,
        };
        if wanted.services.is_empty() {
            process.tell_diagnostics(bound.diag);
            return Ok(process);
        }
        let kept = kept.filter(|identity| identity.is_good_for(&wanted, &clock));
        let identity = match (&process.auth, kept) {
            (Some(auth), kept) => match kept.filter(|identity| identity.is_of(auth)) {
                Some(identity) => identity,
                None => issue_locally(auth, &config.data_dir, &wanted).await?,
            },
            (None, Some(identity)) => identity,
            (None, None) => {
                let join = config.join.as_ref();
                let join = join.context("this process is not told where the cluster is")?;
                HostIdentity::join(&config.data_dir, join, &wanted, &process.wires).await?
            }
        };
        process.start_edge(config, bound.proxy, auth_address, identity, wanted, clock).await?;
        process.tell_diagnostics(bound.diag);
        Ok(process)
    }

    /// Tells how the process is, to the end, if that is wanted.
    fn tell_diagnostics(&mut self, listener: Option<TcpListener>) {
        let Some(listener) = listener else { return };
        let registry = self.routing.as_ref().map(|routing| routing.registry.clone());
        let diagnostics = Diagnostics::new(Sources {
            auth: self.auth.clone(),
            proxy: self.proxy.take().zip(registry),
            agent: self.agent.take(),
            spool: self.spool.clone(),
        });
        let serving = diagnostics.clone().serve(listener, self.core.clone());
        self.core.spawn("server.diag", serving);
        self.diagnostics = Some(diagnostics);
    }

    /// Whether the process can do what it is there for.
    pub(crate) fn set_ready(&self, ready: bool) {
        if let Some(diagnostics) = &self.diagnostics {
            diagnostics.set_ready(ready);
        }
    }

    /// Starts proxy and agent.
    async fn start_edge(
        &mut self,
        config: Config,
        listener: Option<TcpListener>,
        auth_address: Option<SocketAddr>,
        identity: HostIdentity,
        wanted: Wanted,
        clock: Clock,
    ) -> anyhow::Result<()> {
        let edge = &self.edge.clone();
        let addresses = auth_addresses(auth_address, config.join.as_ref());
        let client = identity.client(addresses.clone(), &self.wires)?;
        let selectors = config.app.as_ref().map_or(&[][..], |section| &section.selectors);
        let source =
            Selected::new(client.clone(), selectors).noticing(replicated::noticed(&wanted));
        let replica = Replica::follow(edge, Arc::new(source), &replicated::kinds(&wanted));
        let trust_changes =
            api::follow_trust(edge, &replica, identity.trust.clone(), clock.clone());
        let registry = Registry::default();
        let mut attachment = None;
        if let Some(section) = config.app {
            let spool = self.open_spool(&config.data_dir, config.durability, &client).await?;
            self.spool = Some(spool.clone());
            let agent = edge::start_agent(edge::AgentParts {
                section,
                node_name: config.node_name.clone(),
                spool,
                identity: &identity,
                client: client.clone(),
                replica: replica.clone(),
                clock: clock.clone(),
                tasks: edge,
            })?;
            let handler = agent.handler();
            if listener.is_some() {
                attachment = Some(registry.attach(identity.host_id.clone(), handler.clone()));
            }
            let join = config.join.as_ref();
            let up = tunnels::keep(
                &identity,
                join,
                listener.is_some(),
                &replica,
                clock.clone(),
                handler,
                edge,
            );
            self.agent = Some((agent, up));
        }
        if let (Some(section), Some(listener)) = (&config.proxy, listener) {
            let public_addr = public_addr(section, &config.node_name, listener.local_addr()?);
            tracing::info!(address = %listener.local_addr()?, public_addr, "proxy is up");
            self.proxy_addr = Some(public_addr.clone());
            let proxy = edge::start_proxy(edge::ProxyParts {
                listener,
                limits: section.limits,
                public_addr,
                node_name: config.node_name.clone(),
                auth_addresses: addresses,
                identity: &identity,
                client: client.clone(),
                replica: replica.clone(),
                registry: registry.clone(),
                trust_changes: trust_changes.clone(),
                clock: clock.clone(),
                tasks: edge,
            })?;
            self.proxy = Some(proxy);
        }
        let trust = identity.trust.clone();
        identity.renew_in_time(client, wanted, clock, trust_changes, edge);
        self.routing = Some(Routing { trust, replica, registry, _attachment: attachment });
        Ok(())
    }

    /// Waits until the services know what they decide by.
    pub(crate) async fn ready(&self) {
        if let Some(routing) = &self.routing {
            routing.replica.ready().await;
        }
    }

    /// `host:port` of the proxy, for people.
    pub(crate) fn proxy_addr(&self) -> Option<String> {
        self.proxy_addr.clone()
    }

    /// What new clients pin.
    pub(crate) fn ca_pins(&self) -> Vec<CaPin> {
        self.routing.as_ref().map(|routing| routing.trust.trust().pins()).unwrap_or_default()
    }

    /// The auth API as this machine's administrator.
    pub(crate) fn local_client(&self) -> anyhow::Result<Client> {
        let auth = self.auth.as_ref().context("this process runs no auth service")?;
        auth.local_client(&self.wires).context("the auth service has no local socket")
    }

    /// Waits until an agent that can be reached serves an app.
    pub(crate) async fn until_served(&self, app: &str) {
        let Some(routing) = &self.routing else { return std::future::pending().await };
        let mut changes = routing.replica.changes();
        loop {
            let snapshot = routing.replica.snapshot();
            let servers = snapshot.servers_of(app);
            if servers.iter().any(|server| routing.registry.is_connected(&server.spec.host_id)) {
                return;
            }
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Opens the place where audit records wait, and starts to ship them.
    async fn open_spool(
        &self,
        data_dir: &Path,
        durability: audit::Durability,
        client: &Client,
    ) -> anyhow::Result<Arc<audit::Spool>> {
        let mut options = audit::SpoolOptions::new(data_dir.join("spool"));
        options.durability = durability;
        let opened = self.shipping.spawn_blocking("server.spool", || audit::Spool::open(options));
        let spool = Arc::new(opened.await??);
        let client = client.clone();
        let shipper = audit::run_shipper(spool.clone(), move |batch| {
            let client = client.clone();
            async move { edge::ship(&client, &batch).await }
        });
        self.shipping.spawn("server.shipper", shipper);
        Ok(spool)
    }

    /// Drains and ends, the auth service last.
    pub(crate) async fn stop(self, shutdown: &Shutdown) {
        self.end(&self.edge, EDGE_GRACE, shutdown).await;
        if let Some(spool) = &self.spool {
            spool.close();
        }
        for tasks in [&self.shipping, &self.wires, &self.core] {
            self.end(tasks, CORE_GRACE, shutdown).await;
        }
        if let Some(kept) = &self.kept {
            if let Err(error) = kept.log.close() {
                tracing::warn!(%error, "the audit log was not closed cleanly");
            }
            kept.backend.close().await;
        }
    }

    async fn end(&self, tasks: &Tasks, grace: Duration, shutdown: &Shutdown) {
        let late = tokio::select! {
            late = tasks.shutdown(grace) => late,
            () = shutdown.forced() => Vec::new(),
        };
        if !late.is_empty() {
            tracing::warn!(tasks = late.join(", "), "did not end in time");
        }
    }
}

// === impl Bound ===

impl Bound {
    async fn bind(config: &Config) -> anyhow::Result<Self> {
        let auth = match &config.auth {
            Some(section) => Some(bind(section.listen_addr, "auth_service.listen_addr").await?),
            None => None,
        };
        let proxy = match &config.proxy {
            Some(section) => {
                Some(bind(section.web_listen_addr, "proxy_service.web_listen_addr").await?)
            }
            None => None,
        };
        let diag = match config.diag_addr {
            Some(address) => Some(bind(address, "diag_addr").await?),
            None => None,
        };
        Ok(Self { auth, proxy, diag })
    }
}

async fn bind(address: SocketAddr, field: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} ({field})"))
}

/// Makes a directory that only its owner enters.
fn create_private(path: &Path) -> anyhow::Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot create the data directory {}", path.display()))
}

/// What this process's certificate must say.
fn wanted(config: &Config, proxy: Option<&TcpListener>) -> anyhow::Result<Wanted> {
    let mut services = Vec::new();
    let mut names = Vec::new();
    if let (Some(section), Some(listener)) = (&config.proxy, proxy) {
        services.push(Service::Proxy);
        let own = public_addr(section, &config.node_name, listener.local_addr()?);
        names.extend(
            section.public_addrs.iter().chain([&own]).map(|address| host(address).to_owned()),
        );
        names.extend(["localhost".to_owned(), "127.0.0.1".to_owned()]);
        names.sort();
        names.dedup();
    }
    if config.app.is_some() {
        services.push(Service::App);
    }
    Ok(Wanted { node_name: config.node_name.clone(), services, names })
}

/// Where people find a proxy: as configured, else by this machine's name and the bound port.
fn public_addr(section: &ProxySection, node_name: &str, bound: SocketAddr) -> String {
    let configured = section.public_addrs.first();
    match configured.and_then(|address| address.rsplit_once(':')) {
        // A configured port of 0 means whichever port was bound.
        Some((host, "0")) => format!("{host}:{}", bound.port()),
        Some((host, port)) => format!("{host}:{port}"),
        None if bound.ip().is_loopback() => bound.to_string(),
        None => format!("{node_name}:{}", bound.port()),
    }
}

fn host(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _port)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

fn auth_addresses(local: Option<SocketAddr>, join: Option<&Join>) -> Vec<String> {
    match (local, join) {
        (Some(mut address), _) => {
            if address.ip().is_unspecified() {
                address.set_ip(std::net::Ipv4Addr::LOCALHOST.into());
            }
            vec![address.to_string()]
        }
        (None, Some(join)) => join.contact.addresses.clone(),
        (None, None) => Vec::new(),
    }
}

async fn open_kept(config: &Config, clock: &Clock, tasks: &Tasks) -> anyhow::Result<Kept> {
    let (path, audit_dir) = (config.data_dir.join("store.sqlite"), config.data_dir.join("audit"));
    let (clock, durability) = (clock.clone(), config.durability);
    // Both read files from end to end.
    let opened = tasks.spawn_blocking("server.open", move || {
        let backend = store::SqliteBackend::open(store::SqliteOptions::new(path, clock))?;
        let mut options = audit::LogOptions::new(audit_dir);
        options.durability = durability;
        anyhow::Ok(Kept { backend: Arc::new(backend), log: Arc::new(audit::Log::open(options)?) })
    });
    opened.await?
}

async fn start_auth(
    section: &AuthSection,
    listener: TcpListener,
    host_id: Option<String>,
    config: &Config,
    kept: &Kept,
    clock: &Clock,
    tasks: &Tasks,
) -> anyhow::Result<Auth> {
    let config = auth::AuthConfig {
        cluster_name: section.cluster_name.clone().unwrap_or_else(|| config.node_name.clone()),
        node_name: config.node_name.clone(),
        host_id,
        names: Vec::new(),
        backend: kept.backend.clone(),
        audit_log: kept.log.clone(),
        clock: clock.clone(),
        listener,
        local: Some(auth::bind_local(&config.data_dir)?),
        kubernetes: auth::KubernetesApi::from_environment(|name| std::env::var(name).ok()),
    };
    let auth = Auth::start(config, tasks).await?;
    let pins = auth.ca_pins()?.join(", ");
    tracing::info!(address = %auth.address(), ca_pin = pins, "auth service is up");
    Ok(auth)
}

async fn issue_locally(
    auth: &Auth,
    data_dir: &Path,
    wanted: &Wanted,
) -> anyhow::Result<HostIdentity> {
    let key = PrivateKey::generate()?;
    let request = auth::ServiceRequest {
        host_id: Some(auth.host_id().to_owned()),
        node_name: wanted.node_name.clone(),
        services: wanted.services.iter().copied().collect(),
        names: wanted.names.clone(),
        key: key.public(),
        join_token: None,
    };
    let credentials = auth.issue_service(&request).await?;
    HostIdentity::issued(data_dir, key, &credentials)
}
