//! Certificates that are bound to the address that they were asked from, and where connections come from.

use std::net::SocketAddr;
use std::time::Duration;

use api::wire::{SignInRequest, UserCertificateRequest};
use api::{Client, Error, ErrorKind, Relayed, Write};
use pki::vouch::Origin;
use pki::{Certificate, Credentials, PrivateKey, Service};
use resource::{Lock, LockTarget, Resource};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::cluster::{Cluster, Host, NAME, client_of, credentials, refused, role_with};
use crate::sign_in::Person;

const THERE: &str = "198.51.100.7";

/// What a relay makes of a client's first words.
type Say = fn(&Credentials, SocketAddr, &[u8]) -> Vec<u8>;

impl Cluster {
    /// A service, and what it shows.
    async fn shown(&self, services: &[Service]) -> (Host, Credentials) {
        let key = PrivateKey::generate().unwrap();
        let request = auth::ServiceRequest {
            host_id: None,
            node_name: "node".to_owned(),
            services: services.iter().copied().collect(),
            names: Vec::new(),
            key: key.public(),
            join_token: None,
        };
        let issued = self.auth.issue_service(&request).await.unwrap();
        let shown = credentials(&issued.certificate, &key);
        (Host { id: issued.host_id, client: self.client(Some(shown.clone())) }, shown)
    }

    /// The address of one that relays to the auth service as somebody with these credentials, and says `say`.
    async fn relay(&self, shown: &Credentials, client: &str, say: Say) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (auth, shown) = (self.auth.address(), shown.clone());
        let client = SocketAddr::new(client.parse().unwrap(), 50_123);
        drop(self.tasks.spawn("test.relay", async move {
            while let Ok((mut from, _)) = listener.accept().await {
                let mut hello = Vec::with_capacity(16 << 10);
                from.read_buf(&mut hello).await.unwrap();
                let mut to = TcpStream::connect(auth).await.unwrap();
                to.write_all(&say(&shown, client, &hello)).await.unwrap();
                let passed = tokio::io::copy_bidirectional(&mut from, &mut to).await;
                drop(passed);
            }
        }));
        address
    }

    fn by(&self, address: &str, shown: Option<Credentials>) -> Client {
        client_of(address, &self.auth.trust(), &self.clock, shown, &self.tasks)
    }

    /// Alice, whose role binds certificates to addresses, and what she got at an address.
    async fn pinned(&self, at: &str) -> (Person, Credentials) {
        let mut role = role_with("bound", |_allow| {});
        role.spec.options.pin_source_ip = Some(true);
        self.put(role).await;
        let alice = Person::invite(self, "alice", &["bound"]).await;
        let (key, signed_in) = sign_in(self, &alice, Some(&format!("{at}:50001"))).await;
        (alice, credentials(&signed_in.unwrap(), &key))
    }
}

/// The key, and the certificate for it.
async fn sign_in(
    cluster: &Cluster,
    alice: &Person,
    from: Option<&str>,
) -> (PrivateKey, Result<String, Error>) {
    let key = PrivateKey::generate().unwrap();
    let request = SignInRequest {
        user: alice.name.clone(),
        password: alice.password.clone(),
        totp: Some(alice.code(cluster)),
        public_key: key.public().to_pem(),
        ttl_seconds: None,
        client_addr: from.map(str::to_owned),
    };
    (key, alice.proxy.sign_in(&request).await.map(|issued| issued.certificate))
}

fn honest(shown: &Credentials, client: SocketAddr, hello: &[u8]) -> Vec<u8> {
    Relayed::write(shown, &Origin { cluster: NAME, client, hello }).unwrap()
}

/// A word for another connection: what was said in that one is passed on, this one's words follow.
fn stolen(shown: &Credentials, client: SocketAddr, hello: &[u8]) -> Vec<u8> {
    let other: Vec<u8> = hello
        .iter()
        .enumerate()
        .map(|(at, byte)| if at == 20 { byte ^ 1 } else { *byte })
        .collect();
    let said = Relayed::write(shown, &Origin { cluster: NAME, client, hello: &other }).unwrap();
    // The same length: only the hello is exchanged, and the signature left as it was.
    let (head, json) = said.split_at(12);
    let json = std::str::from_utf8(json).unwrap();
    assert!(json.contains(&encoded(&other)));
    let json = json.replace(&encoded(&other), &encoded(hello));
    [head, json.as_bytes()].concat()
}

fn other_cluster(shown: &Credentials, client: SocketAddr, hello: &[u8]) -> Vec<u8> {
    Relayed::write(shown, &Origin { cluster: "leaf.test", client, hello }).unwrap()
}

fn endless(_shown: &Credentials, _client: SocketAddr, _hello: &[u8]) -> Vec<u8> {
    [&b"tessera\x01"[..], &u32::MAX.to_be_bytes(), &[b' '; 1000]].concat()
}

fn encoded(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[tokio::test]
async fn a_certificate_is_bound_to_where_it_was_asked_for() {
    let cluster = Cluster::start().await;
    let (_alice, shown) = cluster.pinned(THERE).await;
    let certificate = Certificate::from_der(shown.chain()[0].clone()).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    assert_eq!(identity.as_user().unwrap().source_ip, Some(THERE.parse().unwrap()));

    // The test itself is elsewhere.
    let told = refused(
        cluster.client(Some(shown.clone())).who_am_i().await.map(drop),
        ErrorKind::Unauthenticated,
    );
    assert!(told.message().contains("another address"), "{told}");
    // As a proxy sees it.
    let (_proxy, proxy) = cluster.shown(&[Service::Proxy]).await;
    for (from, is_right) in [(THERE, true), ("198.51.100.70", false), ("::ffff:198.51.100.7", true)]
    {
        let by = cluster.relay(&proxy, from, honest).await;
        let me = cluster.by(&by, Some(shown.clone())).who_am_i().await;
        assert_eq!(me.is_ok(), is_right, "{from}: {me:?}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_bound_is_worth_nothing_to_a_role_that_wants_it_to_be() {
    let cluster = Cluster::start().await;
    let (alice, _bound) = cluster.pinned("127.0.0.1").await;
    cluster.clock.advance(Duration::from_secs(60));
    let (_key, nowhere) = sign_in(&cluster, &alice, None).await;
    let told = refused(nowhere.map(drop), ErrorKind::Denied);
    assert!(told.message().contains("pin_source_ip"), "{told}");
    let request = UserCertificateRequest {
        public_key: PrivateKey::generate().unwrap().public().to_pem(),
        ttl_seconds: None,
    };
    let told =
        refused(cluster.admin.sign_user("alice", &request).await.map(drop), ErrorKind::Denied);
    assert!(told.message().contains("\"bound\""), "{told}");

    // From before the role said so.
    cluster.put(role_with("late", |_allow| {})).await;
    let bob = cluster.user("bob", &["late"]).await;
    assert_eq!(bob.who_am_i().await.unwrap().name, "bob");
    let mut late = role_with("late", |_allow| {});
    late.spec.options.pin_source_ip = Some(true);
    cluster.admin.put(&Resource::from(late), Write::Upsert).await.unwrap();
    let told = refused(bob.who_am_i().await.map(drop), ErrorKind::Unauthenticated);
    assert!(told.message().contains("bound"), "{told}");
}

#[tokio::test]
async fn only_a_proxy_is_believed_about_where_a_connection_comes_from() {
    let cluster = Cluster::start().await;
    let (_alice, shown) = cluster.pinned(THERE).await;
    let (proxy, of_proxy) = cluster.shown(&[Service::Proxy]).await;
    let (_agent, of_agent) = cluster.shown(&[Service::App]).await;
    for (who, say) in [
        (&of_agent, honest as Say),
        (&shown, honest),
        (&of_proxy, stolen),
        (&of_proxy, other_cluster),
        (&of_proxy, endless),
    ] {
        let by = cluster.relay(who, THERE, say).await;
        cluster.by(&by, Some(shown.clone())).who_am_i().await.unwrap_err();
        // Nor about somebody who needs no address.
        cluster.by(&by, None).who_am_i().await.unwrap_err();
    }
    let by = cluster.relay(&of_proxy, THERE, honest).await;
    cluster.by(&by, Some(shown.clone())).who_am_i().await.unwrap();
    let target = LockTarget { server_id: Some(proxy.id), ..LockTarget::default() };
    cluster.put(Lock::new("proxy", target, "")).await;
    cluster.by(&by, Some(shown)).who_am_i().await.unwrap_err();
}

#[tokio::test]
async fn records_say_where_the_client_is_and_not_the_proxy() {
    let cluster = Cluster::start().await;
    let (_proxy, proxy) = cluster.shown(&[Service::Proxy]).await;
    let key = PrivateKey::generate().unwrap();
    let public_key = key.public().to_pem();
    cluster.put(role_with("nothing", |_allow| {})).await;
    cluster.user("alice", &["nothing"]).await;
    let request = UserCertificateRequest { public_key, ttl_seconds: None };
    let issued = cluster.admin.sign_user("alice", &request).await.unwrap();
    let by = cluster.relay(&proxy, THERE, honest).await;
    let alice = cluster.by(&by, Some(credentials(&issued.certificate, &key)));
    let made = Resource::from(role_with("made", |_allow| {}));
    refused(alice.put(&made, Write::Upsert).await.map(drop), ErrorKind::Denied);
    let denied = cluster.records_of("access.denied").await;
    assert_eq!(denied[0]["addr.remote"], format!("{THERE}:50123"), "{denied:?}");
}
