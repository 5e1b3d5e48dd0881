use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rustls::{ClientConfig, ProtocolVersion, ServerConfig};
use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    ClientAuth, Credentials, CredentialsSlot, ServerCredentials, ServerTrust, TlsError,
    client_config, server_config, server_name, time_provider,
};
use crate::identity::{Identity, Service};
use crate::key::PrivateKey;
use crate::pin::CaPin;
use crate::testing::{Cluster, Forgery, HOST_ID, NOW, YEAR, alice, node};
use crate::trust::{Trust, TrustStore, VerifyError};

const PROXY: &str = "proxy.tessera.internal";

/// A server and a client of one cluster, whose parts a test replaces.
struct Pair {
    cluster: Cluster,
    store: TrustStore,
    server_slot: CredentialsSlot,
    client_slot: CredentialsSlot,
    now: Arc<Mutex<OffsetDateTime>>,
}

/// What both ends saw.
#[derive(Debug)]
struct Met {
    client_chain: Vec<CertificateDer<'static>>,
    server_chain: Vec<CertificateDer<'static>>,
    alpn: Option<Vec<u8>>,
    version: Option<ProtocolVersion>,
}

impl Pair {
    fn new() -> Self {
        let cluster = Cluster::new("example");
        let proxy = cluster.service_credentials(&node("example", &[Service::Proxy]));
        let user = cluster.user_credentials(&alice("example"));
        Self {
            store: cluster.store(),
            server_slot: CredentialsSlot::new(proxy),
            client_slot: CredentialsSlot::new(user),
            now: Arc::new(Mutex::new(NOW)),
            cluster,
        }
    }

    fn server(&self, auth: ClientAuth) -> Arc<ServerConfig> {
        let credentials = ServerCredentials::new(self.server_slot.clone());
        let mut config = server_config(&credentials, &self.store, auth, &[b"h2"]).unwrap();
        let now = Arc::clone(&self.now);
        config.time_provider = time_provider(move || *now.lock());
        Arc::new(config)
    }

    fn client(&self, trust: ServerTrust) -> Arc<ClientConfig> {
        let mut config = client_config(trust, Some(&self.client_slot), &[b"h2"]).unwrap();
        let now = Arc::clone(&self.now);
        config.time_provider = time_provider(move || *now.lock());
        Arc::new(config)
    }

    fn by_cluster(&self) -> Arc<ClientConfig> {
        self.client(ServerTrust::Cluster(self.store.clone()))
    }

    fn by_pins(&self, pins: &[CaPin]) -> Arc<ClientConfig> {
        self.client(ServerTrust::Pins(pins.to_vec()))
    }

    async fn meet(&self, auth: ClientAuth) -> io::Result<Met> {
        meet(&self.server(auth), &self.by_cluster(), PROXY).await
    }
}

/// A handshake over a real socket and a byte each way: a server's refusal reaches the client only
/// after the client's side of the handshake is done. The client's error comes first.
async fn meet(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    name: &str,
) -> io::Result<Met> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let accept = async {
        let (tcp, _) = listener.accept().await?;
        let mut tls = TlsAcceptor::from(Arc::clone(server)).accept(tcp).await?;
        let mut byte = [0];
        tls.read_exact(&mut byte).await?;
        tls.write_all(&byte).await?;
        tls.flush().await?;
        let peer = tls.get_ref().1.peer_certificates();
        Ok::<_, io::Error>(
            peer.unwrap_or_default().iter().map(|c| c.clone().into_owned()).collect(),
        )
    };
    let connect = async {
        let tcp = tokio::net::TcpStream::connect(address).await?;
        let name = server_name(name).unwrap();
        let mut tls = TlsConnector::from(Arc::clone(client)).connect(name, tcp).await?;
        tls.write_all(&[7]).await?;
        let mut byte = [0];
        tls.read_exact(&mut byte).await?;
        let state = tls.get_ref().1;
        let chain = state.peer_certificates().unwrap_or_default();
        Ok::<_, io::Error>((
            chain.iter().map(|c| c.clone().into_owned()).collect(),
            state.alpn_protocol().map(<[u8]>::to_vec),
            state.protocol_version(),
        ))
    };
    let both = async { tokio::join!(connect, accept) };
    let (connected, accepted) = tokio::time::timeout(Duration::from_secs(10), both)
        .await
        .expect("the handshake ends one way or the other");
    let (server_chain, alpn, version) = connected?;
    Ok(Met { client_chain: accepted?, server_chain, alpn, version })
}

fn reason(met: io::Result<Met>) -> VerifyError {
    let error = met.expect_err("the handshake is refused");
    VerifyError::find(&error).unwrap_or_else(|| panic!("no reason in {error:?}")).clone()
}

/// The alert with which the other side refused.
fn alert(met: io::Result<Met>) -> rustls::AlertDescription {
    let error = met.expect_err("the handshake is refused");
    match error.get_ref().and_then(|e| e.downcast_ref()) {
        Some(rustls::Error::AlertReceived(alert)) => *alert,
        _ => panic!("not an alert: {error:?}"),
    }
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let pair = Pair::new();
    let met = pair.meet(ClientAuth::Required).await.unwrap();
    let identity = pair.store.verify(&met.client_chain, NOW).unwrap();
    assert_eq!(*identity, alice("example").into());
    let server = pair.store.verify(&met.server_chain, NOW).unwrap();
    assert!(server.is_service(Service::Proxy));
    assert_eq!(met.server_chain.len(), 2, "the authority is sent along");
    assert_eq!(met.alpn.as_deref(), Some(b"h2".as_slice()));
    assert_eq!(met.version, Some(ProtocolVersion::TLSv1_3));
}

#[tokio::test]
async fn who_has_no_certificate_is_anonymous_or_refused() {
    let mut pair = Pair::new();
    pair.client_slot = CredentialsSlot::empty();
    assert!(pair.meet(ClientAuth::None).await.unwrap().client_chain.is_empty());
    assert!(pair.meet(ClientAuth::Optional).await.unwrap().client_chain.is_empty());
    let refused = alert(pair.meet(ClientAuth::Required).await);
    assert_eq!(refused, rustls::AlertDescription::CertificateRequired);
}

#[tokio::test]
async fn a_bad_client_certificate_is_refused_even_where_none_is_needed() {
    let pair = Pair::new();
    let impostor = Cluster::new("example");
    pair.client_slot.replace(impostor.user_credentials(&alice("example")));
    for auth in [ClientAuth::Optional, ClientAuth::Required] {
        assert_eq!(alert(pair.meet(auth).await), rustls::AlertDescription::UnknownCA);
    }
    assert!(pair.meet(ClientAuth::None).await.is_ok(), "nobody asked");
}

#[tokio::test]
async fn a_server_refuses_what_the_store_refuses() {
    let pair = Pair::new();
    let cluster = &pair.cluster;
    let mut no_eku = Forgery::of(&alice("example").into());
    no_eku.params.extended_key_usages.clear();
    let under_host = Forgery::of(&alice("example").into());
    let service = Forgery::of(&node("example", &[Service::Auth]).into());
    for (forgery, authority) in
        [(&no_eku, &cluster.user), (&under_host, &cluster.host), (&service, &cluster.user)]
    {
        let certificate = crate::Certificate::from_der(forgery.signed_by(authority)).unwrap();
        pair.client_slot.replace(Credentials::alone(&certificate, &forgery.key).unwrap());
        let refused = alert(pair.meet(ClientAuth::Optional).await);
        assert_eq!(refused, rustls::AlertDescription::CertificateUnknown);
    }
}

#[tokio::test]
async fn expiry_is_told_to_the_client() {
    let pair = Pair::new();
    let server_stays = node("example", &[Service::Proxy]);
    let longer = crate::ServiceIdentity { expires: NOW + YEAR, ..server_stays };
    pair.server_slot.replace(pair.cluster.service_credentials(&longer));
    *pair.now.lock() = NOW + Duration::from_secs(3601);
    let refused = alert(pair.meet(ClientAuth::Required).await);
    assert_eq!(refused, rustls::AlertDescription::CertificateExpired);
}

#[tokio::test]
async fn an_expired_server_is_refused() {
    let pair = Pair::new();
    *pair.now.lock() = NOW + Duration::from_secs(3601);
    assert!(matches!(reason(pair.meet(ClientAuth::None).await), VerifyError::Expired { .. }));
}

#[tokio::test]
async fn the_server_must_have_the_name_that_was_dialled() {
    let pair = Pair::new();
    let (server, client) = (pair.server(ClientAuth::None), pair.by_cluster());
    assert!(meet(&server, &client, &format!("{HOST_ID}.example")).await.is_ok());
    for name in ["auth.tessera.internal", "127.0.0.1", "example"] {
        let refused = reason(meet(&server, &client, name).await);
        assert!(matches!(refused, VerifyError::WrongName { .. }), "{name}: {refused}");
    }
}

#[tokio::test]
async fn another_cluster_of_the_same_name_is_refused() {
    let pair = Pair::new();
    let impostor = Cluster::new("example");
    pair.server_slot.replace(impostor.service_credentials(&node("example", &[Service::Proxy])));
    assert_eq!(reason(pair.meet(ClientAuth::None).await), VerifyError::UnknownAuthority);
}

#[tokio::test]
async fn a_user_cannot_pass_for_a_server() {
    let pair = Pair::new();
    pair.server_slot.replace(pair.cluster.user_credentials(&alice("example")));
    let refused = reason(pair.meet(ClientAuth::None).await);
    assert_eq!(refused, VerifyError::WrongPurpose { purpose: "server" });
}

#[tokio::test]
async fn trust_and_credentials_change_under_a_living_configuration() {
    let pair = Pair::new();
    let (server, client) = (pair.server(ClientAuth::Required), pair.by_cluster());
    meet(&server, &client, PROXY).await.unwrap();

    // The trust goes: nobody is believed from the next handshake on, though nothing was rebuilt
    // and the client has been here before.
    pair.store.replace(Trust::nobody("example"));
    assert_eq!(reason(meet(&server, &client, PROXY).await), VerifyError::UnknownAuthority);

    // The cluster rotates both its authorities, and both ends renew.
    let rotated = Cluster::new("example");
    pair.store.replace(rotated.trust());
    pair.server_slot.replace(rotated.service_credentials(&node("example", &[Service::Proxy])));
    let refused = alert(meet(&server, &client, PROXY).await);
    assert_eq!(refused, rustls::AlertDescription::UnknownCA, "the old client certificate");
    pair.client_slot.replace(rotated.user_credentials(&alice("example")));
    let met = meet(&server, &client, PROXY).await.unwrap();
    assert!(pair.store.verify(&met.client_chain, NOW).is_ok());
}

#[tokio::test]
async fn sessions_are_not_resumed() {
    let pair = Pair::new();
    let server = pair.server(ClientAuth::Required);
    // A client that would resume if it could.
    let mut eager = ClientConfig::clone(&pair.by_cluster());
    eager.resumption = rustls::client::Resumption::in_memory_sessions(8);
    let eager = Arc::new(eager);
    for _ in 0..3 {
        meet(&server, &eager, PROXY).await.unwrap();
    }
    pair.client_slot.replace(Cluster::new("example").user_credentials(&alice("example")));
    let refused = alert(meet(&server, &eager, PROXY).await);
    assert_eq!(refused, rustls::AlertDescription::UnknownCA);
}

#[tokio::test]
async fn a_pin_is_enough_to_know_a_server() {
    let pair = Pair::new();
    let server = pair.server(ClientAuth::Optional);
    let right = pair.cluster.host.pin();
    let other = Cluster::new("example").host.pin();
    for pins in [vec![right], vec![other, right]] {
        meet(&server, &pair.by_pins(&pins), PROXY).await.unwrap();
    }
    let refused = reason(meet(&server, &pair.by_pins(&[other]), PROXY).await);
    assert_eq!(refused, VerifyError::PinMismatch { presented: vec![right] });
    assert!(refused.to_string().contains(&right.to_string()), "the user can compare");
    let refused = reason(meet(&server, &pair.by_pins(&[right]), "auth.tessera.internal").await);
    assert!(matches!(refused, VerifyError::WrongName { .. }));
}

#[tokio::test]
async fn a_pin_needs_the_authority_in_the_chain() {
    let pair = Pair::new();
    let (certificate, key) = pair.cluster.service(&node("example", &[Service::Proxy]));
    pair.server_slot.replace(Credentials::alone(&certificate, &key).unwrap());
    let client = pair.by_pins(&[pair.cluster.host.pin()]);
    let refused = reason(meet(&pair.server(ClientAuth::None), &client, PROXY).await);
    assert_eq!(refused, VerifyError::PinUncheckable);
}

#[tokio::test]
async fn the_pinned_authority_must_have_issued_the_certificate() {
    let pair = Pair::new();
    let impostor = Cluster::new("example");
    let (certificate, key) = impostor.service(&node("example", &[Service::Proxy]));
    // The real authority's certificate is public: anybody can send it along.
    let authority = pair.cluster.host.certificate();
    pair.server_slot.replace(Credentials::new(&certificate, authority, &key).unwrap());
    let client = pair.by_pins(&[pair.cluster.host.pin()]);
    let refused = reason(meet(&pair.server(ClientAuth::None), &client, PROXY).await);
    assert_eq!(refused, VerifyError::UnknownAuthority);
}

#[tokio::test]
async fn the_user_authority_cannot_be_pinned_for_servers() {
    let pair = Pair::new();
    let mut forgery = Forgery::of(&Identity::from(node("example", &[Service::Proxy])));
    forgery.params.subject_alt_names = vec![rcgen::SanType::DnsName(PROXY.try_into().unwrap())];
    let leaf = crate::Certificate::from_der(forgery.signed_by(&pair.cluster.user)).unwrap();
    let authority = pair.cluster.user.certificate();
    pair.server_slot.replace(Credentials::new(&leaf, authority, &forgery.key).unwrap());
    let client = pair.by_pins(&[pair.cluster.user.pin()]);
    let refused = reason(meet(&pair.server(ClientAuth::None), &client, PROXY).await);
    assert_eq!(refused, VerifyError::PinUncheckable);
}

#[tokio::test]
async fn insecure_means_the_peer_is_not_checked_at_all() {
    let pair = Pair::new();
    let client = pair.client(ServerTrust::InsecureAnything);
    pair.server_slot.replace(pair.cluster.user_credentials(&alice("example")));
    meet(&pair.server(ClientAuth::None), &client, "anything.example").await.unwrap();
}

#[tokio::test]
async fn clients_of_others_may_speak_tls_1_2() {
    let pair = Pair::new();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(pair.cluster.host.certificate().der().clone()).unwrap();
    let mut old = ClientConfig::builder_with_provider(crate::provider::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(Arc::new(pair.client_slot.clone()));
    old.time_provider = time_provider(|| NOW);
    let old = Arc::new(old);
    let server = pair.server(ClientAuth::Required);
    let met = meet(&server, &old, PROXY).await.unwrap();
    assert_eq!(met.version, Some(ProtocolVersion::TLSv1_2));
    assert_eq!(*pair.store.verify(&met.client_chain, NOW).unwrap(), alice("example").into());
    // Sessions are not resumed in this version either.
    pair.client_slot.replace(Cluster::new("example").user_credentials(&alice("example")));
    assert!(meet(&server, &old, PROXY).await.is_err());
}

#[tokio::test]
async fn a_public_certificate_is_shown_to_those_who_ask_for_its_name() {
    let pair = Pair::new();
    let public = rcgen::generate_simple_self_signed(vec!["mcp.example.com".to_owned()]).unwrap();
    let credentials =
        Credentials::from_pem(&public.cert.pem(), &public.signing_key.serialize_pem()).unwrap();
    let both = ServerCredentials::new(pair.server_slot.clone())
        .with_public(CredentialsSlot::new(credentials));
    let server = Arc::new(server_config(&both, &pair.store, ClientAuth::None, &[]).unwrap());
    let insecure = pair.client(ServerTrust::InsecureAnything);
    for (name, length) in [("mcp.example.com", 1), (PROXY, 2), ("127.0.0.1", 2)] {
        let met = meet(&server, &insecure, name).await.unwrap();
        assert_eq!(met.server_chain.len(), length, "{name}");
    }
}

#[tokio::test]
async fn system_roots_do_not_know_the_cluster_but_may_stand_beside_it() {
    let pair = Pair::new();
    let server = pair.server(ClientAuth::None);
    // A machine for tests may have no roots at all; then there is no such configuration.
    match client_config(ServerTrust::SystemRoots, None, &[]) {
        Ok(client) => {
            let error = meet(&server, &Arc::new(client), PROXY).await.unwrap_err();
            assert!(VerifyError::find(&error).is_none(), "{error}");
        }
        Err(error) => assert!(matches!(error, TlsError::NoSystemRoots)),
    }
    let either = pair.client(ServerTrust::ClusterOrSystemRoots(pair.store.clone()));
    meet(&server, &either, PROXY).await.unwrap();
    // Of the cluster, but not this name: the system's roots do not help.
    let refused = reason(meet(&server, &either, "auth.tessera.internal").await);
    assert!(matches!(refused, VerifyError::WrongName { .. }));
    pair.store.replace(Trust::nobody("example"));
    assert!(meet(&server, &either, PROXY).await.is_err());
}

#[tokio::test]
async fn a_server_without_credentials_refuses() {
    let mut pair = Pair::new();
    pair.server_slot = CredentialsSlot::empty();
    assert!(pair.meet(ClientAuth::None).await.is_err());
}

#[test]
fn impossible_configurations_are_errors() {
    assert!(matches!(client_config(ServerTrust::Pins(vec![]), None, &[]), Err(TlsError::NoPins)));
    let cluster = Cluster::new("example");
    let (certificate, _) = cluster.user(&alice("example"));
    let other = PrivateKey::generate().unwrap();
    assert!(Credentials::alone(&certificate, &other).is_err());
    assert!(Credentials::from_pem("", "").is_err());
    assert!(server_name("two words").is_err());
    assert!(server_name("[::1]").is_ok() && server_name("10.0.0.1").is_ok());
}

#[test]
fn credentials_are_not_printed() {
    let pair = Pair::new();
    assert!(format!("{:?}", pair.client_slot).len() < 100);
}
