//! What the audit log is told, and who may look.

use api::wire::{AuditBatch, AuditQuery};
use api::{ErrorKind, Write};
use pki::Service;
use resource::{JoinRole, Kind, LabelSelector, Lock, LockTarget, Role, Secrets, Token, User};
use serde_json::value::RawValue;

use crate::cluster::{Cluster, app, refused, role_with};

fn line(event: &str, extra: &str) -> Box<RawValue> {
    let text = format!(
        r#"{{"event":"{event}","code":"X","uid":"00000000-0000-7000-8000-000000000000","time":"2026-11-20T12:00:00.000Z"{extra}}}"#
    );
    RawValue::from_string(text).unwrap()
}

#[tokio::test]
async fn every_change_is_recorded_with_its_author() {
    let cluster = Cluster::start().await;
    let alice = cluster.user_with_rule("alice", &["role", "user", "lock", "token"], &["*"]).await;
    let before = cluster.records().await.len();
    let target = LockTarget { user: Some("bob".to_owned()), ..LockTarget::default() };
    alice.create(&Role::new("dev").into()).await.unwrap();
    let changed = role_with("dev", |allow| allow.app_labels = Some(LabelSelector::wildcard()));
    alice.put(&changed.into(), Write::Update).await.unwrap();
    // What changes nothing is no change.
    alice
        .put(&alice.get(Kind::Role, "dev", Secrets::Redact).await.unwrap(), Write::Upsert)
        .await
        .unwrap();
    alice.create(&User::new("bob", ["dev"]).into()).await.unwrap();
    alice.put(&User::new("bob", ["access"]).into(), Write::Upsert).await.unwrap();
    alice.create(&Lock::new("lock", target, "why").into()).await.unwrap();
    alice.create(&Token::new("a-secret-join-token", [JoinRole::App]).into()).await.unwrap();
    alice.delete(Kind::Lock, "lock").await.unwrap();
    alice.delete(Kind::User, "bob").await.unwrap();
    alice.delete(Kind::Role, "dev").await.unwrap();
    alice.delete(Kind::Token, "a-secret-join-token").await.unwrap();
    let records = cluster.records().await.split_off(before);
    let events: Vec<&str> = records.iter().map(|r| r["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        [
            "role.created",
            "role.updated",
            "user.create",
            "user.update",
            "lock.created",
            "join_token.create",
            "lock.deleted",
            "user.delete",
            "role.deleted",
            "resource.deleted",
        ]
    );
    for record in &records {
        assert_eq!(record["user"], "alice", "{record}");
        assert_eq!(record["cluster_name"], crate::cluster::NAME);
        assert!(!record.to_string().contains("a-secret-join-token"), "{record}");
    }
    cluster.put(app("everything", &[("env", "dev")])).await;
    let created = &cluster.records_of("app.create").await[0];
    assert_eq!((&created["code"], &created["name"]), (&"TAP03I".into(), &"everything".into()));
}

#[tokio::test]
async fn what_is_refused_is_recorded_for_those_who_are_known() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("nothing", |_allow| {})).await;
    let powerless = cluster.user("powerless", &["nothing"]).await;
    refused(powerless.delete(Kind::Token, "a-secret-join-token").await, ErrorKind::Denied);
    refused(powerless.create(&Role::new("dev").into()).await, ErrorKind::Denied);
    refused(cluster.stranger().delete(Kind::Role, "dev").await, ErrorKind::Unauthenticated);
    let denials = cluster.records_of("access.denied").await;
    assert_eq!(denials.len(), 2);
    assert_eq!((&denials[0]["user"], &denials[0]["kind"]), (&"powerless".into(), &"token".into()));
    assert_eq!((&denials[1]["verb"], &denials[1]["success"]), (&"create".into(), &false.into()));
    assert!(!denials[0].to_string().contains("a-secret-join-token"));
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen() {
    let cluster = Cluster::start().await;
    cluster.put(Role::new("there")).await;
    cluster.log.close().unwrap();
    refused(cluster.admin.create(&Role::new("dev").into()).await, ErrorKind::Unavailable);
    refused(cluster.admin.delete(Kind::Role, "there").await, ErrorKind::Unavailable);
    let names = cluster.names(&cluster.admin, Kind::Role).await;
    assert!(names.contains(&"there".to_owned()) && !names.contains(&"dev".to_owned()));
}

#[tokio::test]
async fn what_did_not_happen_after_all_is_recorded_as_well() {
    let cluster = Cluster::start().await;
    let mut role = Role::new("huge");
    // More than the store keeps of one item, and less than a request may have.
    role.metadata.description = "x".repeat(3 << 19);
    refused(cluster.admin.create(&role.into()).await, ErrorKind::InvalidArgument);
    let records = cluster.records().await;
    let events: Vec<&str> = records.iter().map(|r| r["event"].as_str().unwrap()).collect();
    assert!(events.ends_with(&["role.created", "operation.failed"]), "{events:?}");
}

#[tokio::test]
async fn services_ship_under_their_own_name_and_each_record_once() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let batch = |first, count: usize| AuditBatch {
        source: "run".to_owned(),
        first,
        events: (0..count).map(|_| line("mcp.session.request", r#","user":"alice""#)).collect(),
    };
    assert_eq!(host.client.ship_audit(&batch(1, 3)).await.unwrap().next, 4);
    assert_eq!(host.client.ship_audit(&batch(2, 3)).await.unwrap().next, 5);
    let kept = cluster.records_of("mcp.session.request").await;
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0]["spool"], format!("{}/run", host.id));
    let forged = AuditBatch {
        source: "run".to_owned(),
        first: 5,
        events: vec![line("mcp.session.request", r#","spool":"somebody/else","spool_seq":1"#)],
    };
    host.client.ship_audit(&forged).await.unwrap();
    assert_eq!(cluster.records_of("mcp.session.request").await.len(), 4);
    let two_lines = RawValue::from_string("{\n}".to_owned()).unwrap();
    let smuggled = AuditBatch { source: "run".to_owned(), first: 6, events: vec![two_lines] };
    refused(host.client.ship_audit(&smuggled).await.map(|_| ()), ErrorKind::InvalidArgument);
    let elsewhere = AuditBatch { source: "../x".to_owned(), ..batch(1, 1) };
    refused(host.client.ship_audit(&elsewhere).await.map(|_| ()), ErrorKind::InvalidArgument);
    let user = cluster.user_with_rule("root", &["*"], &["*"]).await;
    refused(user.ship_audit(&batch(1, 1)).await.map(|_| ()), ErrorKind::Denied);
}

#[tokio::test]
async fn a_service_tells_of_its_own_doings_only() {
    let cluster = Cluster::start().await;
    let batch = |event| AuditBatch {
        source: "run".to_owned(),
        first: 1,
        events: vec![line("mcp.session.start", ""), line(event, r#","user":"alice""#)],
    };
    let agent = cluster.host(&[Service::App]).await.client;
    for event in ["user.login", "role.created", "mcp.session", "cert.create"] {
        refused(agent.ship_audit(&batch(event)).await.map(|_| ()), ErrorKind::Denied);
    }
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    let event = "mcp.session.request";
    refused(proxy.ship_audit(&batch(event)).await.map(|_| ()), ErrorKind::Denied);
    agent.ship_audit(&batch(event)).await.unwrap();
    let told = cluster.records_of("mcp.session.start").await.len();
    assert_eq!(told, 1, "nothing of a refused batch is kept");
}

#[tokio::test]
async fn who_may_look_finds_the_newest_first() {
    let cluster = Cluster::start().await;
    let auditor = cluster.user("auditor-1", &["auditor"]).await;
    cluster.put(Role::new("dev")).await;
    let query = AuditQuery { limit: Some(2), ..AuditQuery::default() };
    let page = auditor.search_audit(&query).await.unwrap();
    assert_eq!(page.events.len(), 2);
    assert!(page.more);
    assert!(page.events[0].get().contains(r#""role.created""#), "{}", page.events[0]);
    let query = AuditQuery { event: Some("user.create".to_owned()), ..AuditQuery::default() };
    let page = auditor.search_audit(&query).await.unwrap();
    assert_eq!((page.events.len(), page.more), (1, false));

    let nobody = cluster.user("nobody-1", &["mcp-user"]).await;
    let error = refused(nobody.search_audit(&query).await.map(|_| ()), ErrorKind::Denied);
    assert_eq!(error.message(), r#"access denied to perform action "list" on "event""#);
    let agent = cluster.host(&[Service::App]).await.client;
    refused(agent.search_audit(&query).await.map(|_| ()), ErrorKind::Denied);
}
