//! What users of the root are shown in the leaf: by the leaf's roles, as the map says.

use api::wire::{Heartbeat, VisitorRequest};
use api::{Error, ErrorKind};
use pki::Service;
use resource::{AppServer, Kind, Lock, LockTarget, User};
use serde_json::value::to_raw_value;

use super::friends;
use super::visits::Asker;
use crate::cluster::{Cluster, app, labels, refused, role_with};

/// A leaf that serves two apps, of which guests reach one.
async fn serving(leaf: &Cluster) {
    leaf.put(role_with("guest", |allow| allow.app_labels = Some(labels(&[("env", "dev")])))).await;
    let agent = leaf.host(&[Service::App]).await;
    let record = |name: &str, env: &str| {
        let server = AppServer::new(&agent.id, "host", "1", app(name, &[("env", env)]));
        to_raw_value(&server.to_json()).unwrap()
    };
    let records = vec![record("github", "dev"), record("payroll", "prod")];
    agent.client.heartbeat(&Heartbeat { records, ..Heartbeat::default() }).await.unwrap();
    let wait = async {
        while leaf.names(&leaf.admin, Kind::AppServer).await.len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(super::PATIENCE, wait).await.unwrap();
}

async fn shown(leaf: &Cluster, certificate: &str) -> Result<Vec<String>, Error> {
    let proxy = leaf.host(&[Service::Proxy]).await.client;
    let request = VisitorRequest { certificate: certificate.to_owned(), client_addr: None };
    let listing = proxy.list_for_visitor(&request).await?;
    // Of what is shown, and of nothing else, it is told what may be used.
    assert_eq!(listing.permissions.len(), listing.items.len(), "{:?}", listing.permissions);
    let apps = listing.items.into_iter().map(|item| match item {
        resource::Resource::AppServer(server) => server.app_name().to_owned(),
        other => panic!("{:?}", other.kind()),
    });
    Ok(apps.collect())
}

#[tokio::test]
async fn visitors_see_what_the_roles_here_let_them_reach() {
    let (root, leaf) = friends().await;
    serving(&leaf).await;
    root.put(role_with("dev", |_allow| {})).await;
    root.put(role_with("ops", |_allow| {})).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let visit = alice.visit(None).await.unwrap().certificate;
    assert_eq!(shown(&leaf, &visit).await.unwrap(), ["github"]);
    // Whom the map gives nothing is told what they came with.
    let bob = Asker::new(&root, "bob", &["ops"]).await;
    let error = shown(&leaf, &bob.visit(None).await.unwrap().certificate).await.unwrap_err();
    assert!(error.message().contains("no roles mapped for remote user \"bob\""), "{error}");
    assert!(error.message().contains("[ops]"), "{error}");
    // Evidence that is not for this, or for nobody here.
    let bound = alice.visit(Some("github")).await.unwrap().certificate;
    refused(shown(&leaf, &bound).await, ErrorKind::Denied);
    refused(shown(&leaf, &alice.certificate).await, ErrorKind::Denied);
    refused(shown(&leaf, "nothing").await, ErrorKind::InvalidArgument);
    // Locks of the leaf, on who they are and what they are here.
    for target in [
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { user: Some("remote-alice-root.test".to_owned()), ..LockTarget::default() },
        LockTarget { role: Some("guest".to_owned()), ..LockTarget::default() },
    ] {
        leaf.put(Lock::new("the-lock", target, "")).await;
        refused(shown(&leaf, &visit).await, ErrorKind::Denied);
        leaf.admin.delete(Kind::Lock, "the-lock").await.unwrap();
    }
    assert_eq!(shown(&leaf, &visit).await.unwrap(), ["github"]);
    // Nobody else may ask.
    let request = || VisitorRequest { certificate: visit.clone(), client_addr: None };
    let agent = leaf.host(&[Service::App]).await.client;
    refused(agent.list_for_visitor(&request()).await, ErrorKind::Denied);
    let proxy_of_root = root.host(&[Service::Proxy]).await.client;
    refused(proxy_of_root.list_for_visitor(&request()).await, ErrorKind::Denied);
    // A visit ends with the trust.
    leaf.admin.delete(Kind::TrustedCluster, "root.test").await.unwrap();
    refused(shown(&leaf, &visit).await, ErrorKind::Denied);
}

#[tokio::test]
async fn servers_are_told_of_visitors_by_names_that_no_user_here_has() {
    let (root, leaf) = friends().await;
    leaf.put(role_with("guest", |allow| allow.app_labels = Some(labels(&[("env", "dev")])))).await;
    root.put(role_with("dev", |_allow| {})).await;
    let (_, agent) =
        (leaf.put(User::new("alice", ["guest"])).await, leaf.host(&[Service::App]).await);
    let uri = "mcp+https://files.internal/mcp";
    let files: resource::App = crate::cluster::parse(&serde_json::json!({
        "kind": "app", "version": "v3", "metadata": {"name": "files", "labels": {"env": "dev"}},
        "spec": {"uri": uri},
    }));
    leaf.put(files.clone()).await;
    let record = AppServer::new(&agent.id, "host", "1.0", files);
    agent.client.put(&record.into(), api::Write::Upsert).await.unwrap();
    let ask = async |certificate: &str| {
        let request = api::wire::AssertionRequest {
            app: "files".to_owned(),
            uri: uri.to_owned(),
            certificate: certificate.to_owned(),
            client_addr: Some("192.0.2.7:4711".to_owned()),
        };
        agent.client.sign_assertion(&request).await
    };
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let visit = alice.visit(Some("files")).await.unwrap().certificate;
    let signed = ask(&visit).await.unwrap();
    let keys = pki::JwkSet::new(&[leaf.auth.jwt_key().public()]).unwrap();
    let expected = pki::jwt::Expected { issuer: "leaf.test", audience: uri, now: leaf.clock.now() };
    let claims: serde_json::Value = keys.verify(&signed.jwt, &expected).unwrap();
    assert_eq!(claims["sub"], "remote-alice-root.test");
    assert_eq!(claims["username"], "remote-alice-root.test");
    assert_eq!(claims["roles"], serde_json::json!(["guest"]));
    let [record] = leaf.records_of("assertion.create").await.try_into().unwrap();
    assert_eq!(
        (record["user"].as_str(), record["user_cluster_name"].as_str()),
        (Some("remote-alice-root.test"), Some("root.test"))
    );
    // For another app, without a visit, and when a lock of the leaf names who they are here: no.
    let other = alice.visit(Some("other")).await.unwrap().certificate;
    refused(ask(&other).await, ErrorKind::Denied);
    refused(ask(&alice.certificate).await, ErrorKind::Denied);
    let target = LockTarget { role: Some("guest".to_owned()), ..LockTarget::default() };
    leaf.put(Lock::new("the-lock", target, "")).await;
    refused(ask(&visit).await, ErrorKind::Denied);
}

#[tokio::test]
async fn a_role_that_is_not_here_and_a_name_that_is_taken_open_nothing() {
    let (root, leaf) = friends().await;
    root.put(role_with("dev", |_allow| {})).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let visit = alice.visit(None).await.unwrap().certificate;
    refused(shown(&leaf, &visit).await, ErrorKind::Denied);
    serving(&leaf).await;
    assert_eq!(shown(&leaf, &visit).await.unwrap(), ["github"]);
    leaf.put(User::new("remote-alice-root.test", ["guest"])).await;
    let error = refused(shown(&leaf, &visit).await, ErrorKind::Denied);
    assert!(error.message().contains("a user of this cluster is, too"), "{error}");
}
