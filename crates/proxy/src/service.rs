//! The proxy service: what it is made of and how it starts.

use std::sync::Arc;

use api::{Client, Replica};
use pki::{CredentialsSlot, TrustStore};
use runtime::{Clock, Tasks};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tunnel::Registry;

use crate::clusters::Clusters;
use crate::connection::ALPN_HTTP2;
use crate::ingress::{Held, Tokens};
use crate::limit::Attempts;
use crate::limits::Limits;
use crate::strangers::Strangers;
use crate::{clusters, heartbeat, listener, web};

/// What a proxy needs to run.
pub struct Config {
    /// The bound port.
    pub listener: TcpListener,
    /// The bounds within which it works.
    pub limits: Limits,
    /// The proxy's certificate, its key, and who is trusted: with [`Config::alpn`] as protocols.
    pub tls: Arc<rustls::ServerConfig>,
    /// What `tls` shows of the cluster's, for the proxy's word besides.
    pub credentials: CredentialsSlot,
    /// The identity that `tls` shows.
    pub host_id: String,
    /// What the machine calls itself.
    pub node_name: String,
    /// The cluster's name.
    pub cluster: String,
    /// `host:port` under which people and agents reach this proxy.
    pub public_addr: String,
    /// `host:port` of the auth service, to relay connections to it.
    pub auth_addresses: Vec<String>,
    /// Who is trusted.
    pub trust: TrustStore,
    /// Tells when that has changed.
    pub trust_changes: watch::Receiver<u64>,
    /// Tells when connections of this proxy's are to be replaced, as its certificate or who is trusted is another.
    pub renewals: watch::Receiver<u64>,
    /// The auth API, as this proxy.
    pub client: Client,
    /// Apps' live records, authorities and proxies.
    pub replica: Replica,
    /// The agents that can be reached.
    pub registry: Registry,
    /// The time.
    pub clock: Clock,
}

/// What every connection shares.
pub(crate) struct Shared {
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) credentials: CredentialsSlot,
    pub(crate) host_id: String,
    pub(crate) node_name: String,
    pub(crate) cluster: String,
    pub(crate) public_addr: String,
    pub(crate) auth_addresses: Vec<String>,
    pub(crate) trust: TrustStore,
    pub(crate) trust_changes: watch::Receiver<u64>,
    pub(crate) client: Client,
    pub(crate) replica: Replica,
    pub(crate) registry: Registry,
    pub(crate) clock: Clock,
    pub(crate) tasks: Tasks,
    pub(crate) router: axum::Router,
    pub(crate) strangers: Strangers,
    /// A permit for each connection that there may be.
    pub(crate) places: Arc<Semaphore>,
    /// The room for long messages that may have to be sent twice.
    pub(crate) held: Held,
    pub(crate) tokens: Tokens,
    pub(crate) clusters: Clusters,
}

/// What the web pages need.
pub(crate) struct Web {
    pub(crate) cluster: String,
    pub(crate) public_addr: String,
    pub(crate) client: Client,
    pub(crate) replica: Replica,
    pub(crate) attempts: Attempts,
    /// Of programs, which ask more often than people.
    pub(crate) oauth_attempts: Attempts,
}

/// A running proxy service.
#[derive(Debug)]
pub struct Proxy {
    address: std::net::SocketAddr,
    /// How many connections there may be, and a permit for each that there is room for.
    most: usize,
    places: Arc<Semaphore>,
}

/// A proxy could not start.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The listener has no address.
    #[error("the proxy's port cannot be read")]
    Listener(#[source] std::io::Error),
}

// === impl Config ===

impl Config {
    /// The protocols that a proxy's port agrees to.
    #[must_use]
    pub fn alpn() -> [&'static [u8]; 4] {
        [ALPN_HTTP2, b"http/1.1", tunnel::ALPN_TUNNEL, tunnel::ALPN_CLUSTER]
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config").field("public_addr", &self.public_addr).finish_non_exhaustive()
    }
}

// === impl Proxy ===

impl Proxy {
    /// Starts to accept; everything it does is a task of `tasks`.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(config: Config, tasks: &Tasks) -> Result<Self, ProxyError> {
        let address = config.listener.local_addr().map_err(ProxyError::Listener)?;
        let router = web::router(Arc::new(Web {
            cluster: config.cluster.clone(),
            public_addr: config.public_addr.clone(),
            client: config.client.clone(),
            replica: config.replica.clone(),
            attempts: Attempts::of(config.limits.sign_in_attempts),
            oauth_attempts: Attempts::of(web::oauth::ATTEMPTS),
        }));
        let shared = Arc::new(Shared {
            tls: config.tls,
            credentials: config.credentials,
            host_id: config.host_id,
            node_name: config.node_name,
            cluster: config.cluster,
            public_addr: config.public_addr,
            auth_addresses: config.auth_addresses,
            trust: config.trust,
            trust_changes: config.trust_changes,
            client: config.client,
            replica: config.replica,
            registry: config.registry,
            clock: config.clock,
            tasks: tasks.clone(),
            router,
            strangers: Strangers::new(),
            places: Arc::new(Semaphore::new(config.limits.connections)),
            held: Held::new(),
            tokens: Tokens::new(),
            clusters: Clusters::new(),
        });
        let (most, places) = (config.limits.connections, shared.places.clone());
        tasks.spawn("proxy.heartbeat", heartbeat::run(shared.clone()));
        tasks.spawn("proxy.clusters", clusters::dial(shared.clone(), config.renewals));
        tasks.spawn_critical("proxy.listener", listener::run(config.listener, shared));
        Ok(Self { address, most, places })
    }

    /// How many connections are open, whatever they are for.
    #[must_use]
    pub fn connections(&self) -> usize {
        // One permit is held by whoever waits for the next connection.
        self.most.saturating_sub(1).saturating_sub(self.places.available_permits())
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> std::net::SocketAddr {
        self.address
    }
}
