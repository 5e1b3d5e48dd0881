//! Somebody who holds keys of a cluster, and what can be done with those: clients that show what they like, to
//! whom they like.

mod forgery;
mod leaf;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api::{ALPN_AUTH, AUTH_SERVER_NAME, Access, Client, ENDPOINTS, Endpoint, ErrorKind, Operation};
use api::{PROXY_SERVER_NAME, Refusal};
use http::{Method, Request};
use pki::{
    CaKind, Certificate, CertificateAuthority, Credentials, CredentialsSlot, IdentityFile,
    PrivateKey, ServerTrust, Service, ServiceIdentity, UserIdentity, UserKind, Visit, VisitTools,
};
use runtime::{Clock, Tasks};
use serde_json::{Value, json};
use testkit::{Cluster, Real, process, wait};
use tokio::io::AsyncReadExt;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

pub(super) use self::leaf::FalseLeaf;
pub(super) use self::proxy::FalseProxy;
use crate::gateway::REVISION;

/// Reads what an auth service keeps, as who has its disk can.
const READ: &str = "\
import sqlite3, sys
store = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)
for (value,) in store.execute(\"select value from items where key like '%cert_authority%'\"):
    print(value.decode() if isinstance(value, bytes) else value)
";

/// Whom they claim to be, where it is a service.
const HOST_ID: &str = "0193f6d5-77aa-7c3e-9d4b-1f0c5a1b2c3d";
const DAY: Duration = Duration::from_secs(86_400);

/// Who does it.
pub(super) struct Villain {
    runtime: Runtime,
    tasks: Tasks,
    pub(super) clock: Clock,
}

/// The authorities of a cluster with their keys.
pub(super) struct Keys {
    pub(super) users: CertificateAuthority,
    pub(super) hosts: CertificateAuthority,
}

/// What a client is answered: the status and the text, or why there is no answer.
pub(super) type Answer = Result<(u16, String), String>;

// === impl Keys ===

impl Keys {
    /// Those of a running cluster, from its auth service's disk.
    #[track_caller]
    pub(super) fn stolen(real: &Real, cluster: &mut Cluster) -> Self {
        let store = cluster.auth().data().join("store.sqlite");
        let mut python = process::command(real.python());
        python.args(["-c", READ]).arg(store);
        let read = process::run(python, b"", wait::PATIENCE);
        assert!(read.status.success(), "{read:?}");
        let kept = String::from_utf8(read.stdout).unwrap();
        let kept: Vec<Value> =
            kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let of = |kind: &str| {
            let name = format!("{kind}.{}", cluster.name());
            let named = |one: &&Value| one.pointer("/metadata/name") == Some(&json!(name));
            let key = kept.iter().find(named).and_then(|one| one.pointer("/spec/active_keys/0"));
            let part = |part| key.and_then(|key| key.get(part)?.as_str()).unwrap();
            CertificateAuthority::from_pem(part("certificate"), part("private_key")).unwrap()
        };
        Self { users: of("user"), hosts: of("host") }
    }

    /// New ones, which call themselves those of a cluster.
    #[track_caller]
    pub(super) fn made_up(cluster: &str, clock: &Clock) -> Self {
        let make = |kind| CertificateAuthority::generate(kind, cluster, clock.now(), DAY).unwrap();
        Self { users: make(CaKind::User), hosts: make(CaKind::Host) }
    }

    /// What anybody may know of them.
    pub(super) fn public(&self) -> api::wire::Authorities {
        api::wire::Authorities {
            user: vec![self.users.certificate().to_pem()],
            host: vec![self.hosts.certificate().to_pem()],
        }
    }

    /// A service of the cluster.
    #[track_caller]
    pub(super) fn service(&self, services: &[Service], clock: &Clock) -> Credentials {
        self.service_at(HOST_ID, services, clock)
    }

    /// The same with the identifier of any host.
    #[track_caller]
    pub(super) fn service_at(
        &self,
        host_id: &str,
        services: &[Service],
        clock: &Clock,
    ) -> Credentials {
        let key = PrivateKey::generate().unwrap();
        let mut identity = service(self.hosts.certificate().cluster(), services, clock);
        host_id.clone_into(&mut identity.host_id);
        let certificate = self.hosts.issue_service(&key.public(), &identity, &[]).unwrap();
        Credentials::alone(&certificate, &key).unwrap()
    }

    /// A user of the cluster.
    #[track_caller]
    pub(super) fn user(&self, visit: Option<&str>, clock: &Clock) -> Credentials {
        let key = PrivateKey::generate().unwrap();
        let identity = user(self.users.certificate().cluster(), visit, clock);
        let certificate = self.users.issue_user(&key.public(), &identity).unwrap();
        Credentials::alone(&certificate, &key).unwrap()
    }

    /// A service of another cluster, by the key of this one's authority.
    #[track_caller]
    pub(super) fn service_of(
        &self,
        cluster: &str,
        services: &[Service],
        clock: &Clock,
    ) -> Credentials {
        let key = PrivateKey::generate().unwrap();
        let likeness = Self::made_up(cluster, clock).hosts;
        let likeness =
            likeness.issue_service(&key.public(), &service(cluster, services, clock), &[]).unwrap();
        let forged = forgery::like(&likeness, &self.hosts, &key, clock);
        Credentials::alone(&forged, &key).unwrap()
    }

    /// A user of another cluster, by the key of one of this one's authorities.
    #[track_caller]
    pub(super) fn user_of(
        &self,
        cluster: &str,
        visit: Option<&str>,
        by: CaKind,
        clock: &Clock,
    ) -> Credentials {
        let key = PrivateKey::generate().unwrap();
        let likeness = Self::made_up(cluster, clock).users;
        let likeness = likeness.issue_user(&key.public(), &user(cluster, visit, clock)).unwrap();
        let by = if by == CaKind::Host { &self.hosts } else { &self.users };
        Credentials::alone(&forgery::like(&likeness, by, &key, clock), &key).unwrap()
    }
}

fn service(cluster: &str, services: &[Service], clock: &Clock) -> ServiceIdentity {
    ServiceIdentity {
        host_id: HOST_ID.to_owned(),
        node_name: "villain".to_owned(),
        services: services.iter().copied().collect::<BTreeSet<_>>(),
        cluster: cluster.to_owned(),
        join_token: None,
        issued: clock.now(),
        expires: clock.now() + DAY,
    }
}

/// Alice, who may everything.
fn user(cluster: &str, visit: Option<&str>, clock: &Clock) -> UserIdentity {
    let all = vec!["*".to_owned()];
    let tools = VisitTools { allowed: all.clone(), denied: Vec::new() };
    UserIdentity {
        name: "alice".to_owned(),
        kind: UserKind::Human,
        roles: ["mcp-user", "editor", "access", "auditor"].map(str::to_owned).to_vec(),
        traits: BTreeMap::from([("mcp_tools".to_owned(), all)]),
        cluster: cluster.to_owned(),
        login_id: "a-login".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        visit: visit.map(|cluster| Visit { cluster: cluster.to_owned(), tools }),
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        issued: clock.now(),
        expires: clock.now() + DAY,
    }
}

// === impl Villain ===

impl Villain {
    pub(super) fn new() -> Self {
        pki::install_crypto_provider();
        Self { runtime: Runtime::new().unwrap(), tasks: Tasks::new(), clock: Clock::system() }
    }

    /// What this does, done.
    pub(super) fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// The API of the auth service behind a proxy.
    pub(super) fn api(&self, proxy: &str, credentials: Option<Credentials>) -> Client {
        let endpoint = endpoint(proxy, AUTH_SERVER_NAME, credentials, ALPN_AUTH);
        Client::new(endpoint, self.tasks.clone())
    }

    /// The operations of an auth service's API that do not refuse a caller at their door, and are not for
    /// everybody; nothing when there is not even a connection.
    pub(super) fn opens(&self, proxy: &str, credentials: &Credentials) -> Vec<Operation> {
        let client = self.api(proxy, Some(credentials.clone()));
        self.run(async {
            let mut opened = Vec::new();
            // What anybody is answered, who has a connection.
            if client.ping().await.is_err() {
                return opened;
            }
            for row in ENDPOINTS.iter().filter(|row| row.access != Access::Public) {
                let path = row.path.replace("{kind}", "user").replace("{name}", "x");
                let path = path.replace("{token}", "x");
                let body = (row.method != Method::GET).then(|| json!({}));
                let answer: Result<Value, _> =
                    client.call(row.method.clone(), &path, body.as_ref()).await;
                let at_the_door = |kind| {
                    use ErrorKind::{Denied, Unauthenticated, Unavailable};
                    matches!(kind, Denied | Unauthenticated | Unavailable)
                };
                if !answer.is_err_and(|error| at_the_door(error.kind())) {
                    opened.push(row.operation);
                }
            }
            opened
        })
    }

    /// What a proxy answers the first message to an MCP server.
    pub(super) fn asks(
        &self,
        proxy: &str,
        path: &str,
        credentials: Option<Credentials>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = hello(&format!("https://{proxy}{path}"), headers);
        self.run(async {
            let refusal = Refusal::default();
            let endpoint = endpoint(proxy, PROXY_SERVER_NAME, credentials, b"h2");
            let (sender, connection) =
                endpoint.http2(&refusal).await.map_err(|error| error.to_string())?;
            let mut running = JoinSet::new();
            running.spawn(async move {
                // How it ended, its stream tells.
                drop(connection.await);
            });
            let response = sender.send(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let body = api::boxed(response.into_body());
            let body = api::collect(body, 1 << 20).await.map_err(|error| error.to_string())?;
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        })
    }

    /// Whether a proxy takes a tunnel: it speaks first, as HTTP/2 clients do.
    pub(super) fn gets_a_tunnel(
        &self,
        proxy: &str,
        credentials: &Credentials,
        alpn: &[u8],
    ) -> bool {
        self.run(async {
            let endpoint = endpoint(proxy, PROXY_SERVER_NAME, Some(credentials.clone()), alpn);
            let Ok(mut opened) = endpoint.open(&Refusal::default()).await else { return false };
            let mut first = [0; 3];
            opened.stream.read_exact(&mut first).await.is_ok() && first == *b"PRI"
        })
    }
}

/// The first message to an MCP server.
pub(super) fn hello(uri: &str, headers: &[(&str, &str)]) -> Request<api::Body> {
    let params = json!({
        "protocolVersion": REVISION, "capabilities": {},
        "clientInfo": {"name": "villain", "version": "1"},
    });
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
    let mut request = Request::post(uri)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(api::full(message.to_string())).unwrap()
}

/// A certificate that somebody has, with its key.
pub(super) fn identity(file: &Path) -> (Certificate, PrivateKey) {
    let file = IdentityFile::read(file).unwrap();
    (file.certificate, file.key)
}

/// A service, whoever it is.
fn endpoint(
    address: &str,
    server_name: &str,
    credentials: Option<Credentials>,
    alpn: &[u8],
) -> Endpoint {
    let slot = credentials.map(CredentialsSlot::new);
    let trust = ServerTrust::InsecureAnything;
    let config = pki::tls::client_config(trust, slot.as_ref(), &[alpn]).unwrap();
    Endpoint::Tls {
        addresses: vec![address.to_owned()],
        server_name: pki::tls::server_name(server_name).unwrap(),
        config: Arc::new(config),
    }
}
