//! What services read and write: enough, and of their own.

use std::time::Duration;

use api::{ErrorKind, Write};
use pki::Service;
use resource::proxy::ProxySpec;
use resource::{AppServer, Kind, Proxy, Secrets};

use crate::cluster::{Cluster, app, refused};

fn record(host_id: &str, name: &str) -> AppServer {
    AppServer::new(host_id, "host", "1.0", app(name, &[("env", "dev")]))
}

#[tokio::test]
async fn an_agent_writes_records_of_itself_only() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::App]).await;
    let two = cluster.host(&[Service::App]).await;
    one.client.put(&record(&one.id, "everything").into(), Write::Upsert).await.unwrap();
    one.client.put(&record(&one.id, "everything").into(), Write::Update).await.unwrap();

    let theirs = record(&one.id, "everything");
    for outcome in [
        two.client.create(&record(&one.id, "other").into()).await,
        two.client.put(&theirs.clone().into(), Write::Upsert).await,
        two.client.put(&theirs.clone().into(), Write::Update).await,
    ] {
        refused(outcome, ErrorKind::Denied);
    }
    let name = &theirs.metadata.name;
    refused(two.client.delete(Kind::AppServer, name).await, ErrorKind::Denied);
    refused(two.client.delete(Kind::AppServer, "nothing/there").await, ErrorKind::Denied);
    one.client.delete(Kind::AppServer, name).await.unwrap();
    refused(one.client.delete(Kind::AppServer, name).await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_record_cannot_be_smuggled_under_another_name() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::App]).await;
    let two = cluster.host(&[Service::App]).await;
    // Named after two, saying one: refused before anybody asks whose it is.
    let mut lying = record(&one.id, "everything");
    lying.metadata.name = format!("{}/everything", two.id);
    let outcome = two.client.put(&lying.into(), Write::Upsert).await;
    refused(outcome, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn an_agent_sees_its_own_records_and_a_proxy_all() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::App]).await;
    let two = cluster.host(&[Service::App]).await;
    let proxy = cluster.host(&[Service::Proxy]).await;
    for host in [&one, &two] {
        host.client.put(&record(&host.id, "everything").into(), Write::Upsert).await.unwrap();
    }
    assert_eq!(
        cluster.names(&one.client, Kind::AppServer).await,
        [format!("{}/everything", one.id)]
    );
    assert_eq!(cluster.names(&proxy.client, Kind::AppServer).await.len(), 2);
    let theirs = format!("{}/everything", two.id);
    refused(one.client.get(Kind::AppServer, &theirs, Secrets::Redact).await, ErrorKind::Denied);
}

#[tokio::test]
async fn live_records_do_not_live_long() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let mut greedy = record(&host.id, "everything");
    greedy.metadata.expires = Some(cluster.clock.now() + Duration::from_secs(86_400));
    let kept = host.client.put(&greedy.into(), Write::Upsert).await.unwrap();
    let end = kept.metadata().expires.unwrap();
    assert!(end <= cluster.clock.now() + Duration::from_secs(600), "{end}");
    let mut brief = record(&host.id, "brief");
    brief.metadata.expires = Some(cluster.clock.now() + Duration::from_secs(60));
    host.client.put(&brief.into(), Write::Upsert).await.unwrap();
    cluster.clock.advance(Duration::from_secs(60));
    assert_eq!(cluster.names(&cluster.admin, Kind::AppServer).await.len(), 1);
}

#[tokio::test]
async fn a_proxy_writes_its_own_record_only() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::Proxy]).await;
    let two = cluster.host(&[Service::Proxy]).await;
    let spec = |host_id: &str| ProxySpec {
        host_id: host_id.to_owned(),
        public_addr: "proxy.example.test:443".to_owned(),
        ..ProxySpec::default()
    };
    one.client.put(&Proxy::new(spec(&one.id)).into(), Write::Upsert).await.unwrap();
    let theirs = Proxy::new(spec(&one.id));
    refused(two.client.put(&theirs.into(), Write::Upsert).await, ErrorKind::Denied);
    refused(two.client.delete(Kind::Proxy, &one.id).await, ErrorKind::Denied);
    // Its own record, about somebody else: agents would look for the other proxy there.
    let mut foreign = Proxy::new(spec(&two.id));
    foreign.spec.host_id.clone_from(&one.id);
    refused(two.client.put(&foreign.into(), Write::Upsert).await, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn no_service_reads_a_secret() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App, Service::Proxy]).await;
    for kind in Kind::ALL {
        refused(host.client.list(kind, Secrets::Include).await, ErrorKind::Denied);
    }
    let listing = host.client.list(Kind::CertAuthority, Secrets::Redact).await.unwrap();
    assert_eq!(listing.items.len(), 3);
    for authority in listing.items {
        let authority = resource::CertAuthority::try_from(authority).unwrap();
        for key in authority.spec.active_keys {
            assert!(key.private_key.is_none(), "a private key left the store");
        }
    }
    refused(host.client.list(Kind::Token, Secrets::Redact).await, ErrorKind::Denied);
}

#[tokio::test]
async fn nobody_writes_what_only_services_report() {
    let cluster = Cluster::start().await;
    let root = cluster.user_with_rule("root", &["*"], &["*"]).await;
    for caller in [&root, &cluster.admin] {
        let error =
            refused(caller.create(&record("x", "everything").into()).await, ErrorKind::Denied);
        assert!(error.message().contains("app_servers are written by"), "{error}");
        refused(caller.delete(Kind::CertAuthority, "user.example.test").await, ErrorKind::Denied);
        refused(caller.delete(Kind::Proxy, "x").await, ErrorKind::Denied);
    }
    let host = cluster.host(&[Service::Auth, Service::App]).await;
    let found = cluster.admin.get(Kind::CertAuthority, "user.example.test", Secrets::Include).await;
    let authority = found.unwrap();
    refused(host.client.put(&authority, Write::Update).await, ErrorKind::Denied);
}

#[tokio::test]
async fn a_service_renews_itself_and_stays_who_it_is() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let key = pki::PrivateKey::generate().unwrap();
    // An agent is never dialled: a name that it asks for is not certified.
    let names = vec!["proxy.example.test".to_owned()];
    let request = api::wire::RenewRequest { public_key: key.public().to_pem(), names };
    let renewed = host.client.renew(&request).await.unwrap();
    assert_eq!(renewed.host_id, host.id);
    let certificate = pki::Certificate::from_pem(&renewed.certificate).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    assert!(identity.is_service(Service::App) && !identity.is_service(Service::Proxy));
    assert_eq!(identity.expires(), cluster.clock.now() + Duration::from_secs(7 * 86_400));
    let client = cluster.client(Some(crate::cluster::credentials(&renewed.certificate, &key)));
    assert_eq!(client.who_am_i().await.unwrap().name, host.id);
}
