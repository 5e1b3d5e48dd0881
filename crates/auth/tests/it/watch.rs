//! Watches tell what changes, to those who may know.

use std::time::Duration;

use api::wire::Heartbeat;
use api::{Client, ErrorKind, Replica, Selected, Source as _, WatchEvent};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use pki::Service;
use resource::app::CommandLabel;
use resource::{AppServer, Kind, Lock, LockTarget, Role, Secrets};

use crate::cluster::{Cluster, app, labels, refused, role_with, rule};

const PATIENCE: Duration = Duration::from_secs(5);

/// The next changes, each in a word.
async fn changes(client: &Client, kinds: Vec<Kind>, cursor: String, count: usize) -> Vec<String> {
    words(client.watch(kinds, cursor).await.unwrap(), count).await
}

async fn words(
    events: BoxStream<'static, Result<WatchEvent, api::Error>>,
    count: usize,
) -> Vec<String> {
    let words = events
        .map(|event| match event.unwrap() {
            WatchEvent::Put { resource, .. } => format!("put {}", resource.name()),
            WatchEvent::Delete { kind, name, .. } => format!("delete {kind}/{name}"),
            WatchEvent::Changed { kind, name, .. } => format!("changed {kind}/{name}"),
            WatchEvent::Bookmark { .. } => "bookmark".to_owned(),
        })
        .take(count)
        .collect();
    tokio::time::timeout(PATIENCE, words).await.expect("too few changes")
}

#[tokio::test]
async fn a_watch_continues_where_a_list_ended() {
    let cluster = Cluster::start().await;
    let listing = cluster.admin.list(Kind::Role, Secrets::Redact).await.unwrap();
    cluster.put(Role::new("one")).await;
    cluster.put(app("everything", &[])).await;
    cluster.put(Role::new("two")).await;
    cluster.admin.delete(Kind::Role, "one").await.unwrap();
    let seen = changes(&cluster.admin, vec![Kind::Role], listing.cursor, 3).await;
    assert_eq!(seen, ["put one", "put two", "delete role/one"]);
}

#[tokio::test]
async fn an_unknown_position_is_gone() {
    let cluster = Cluster::start().await;
    let outcome = cluster.admin.watch(vec![Kind::Role], "nonsense".to_owned()).await;
    refused(outcome.map(|_| ()), ErrorKind::Gone);
}

#[tokio::test]
async fn what_may_not_be_listed_may_not_be_watched() {
    let cluster = Cluster::start().await;
    let cursor = cluster.admin.list(Kind::Role, Secrets::Redact).await.unwrap().cursor;
    let alice = cluster.user_with_rule("alice", &["role"], &["list", "read"]).await;
    let outcome = alice.watch(vec![Kind::Role, Kind::User], cursor.clone()).await;
    refused(outcome.map(|_| ()), ErrorKind::Denied);
    let agent = cluster.host(&[Service::App]).await.client;
    let outcome = agent.watch(vec![Kind::Token], cursor.clone()).await;
    refused(outcome.map(|_| ()), ErrorKind::Denied);
    let outcome = cluster.stranger().watch(vec![Kind::App], cursor).await;
    refused(outcome.map(|_| ()), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_is_out_of_sight_is_not_told_and_what_leaves_it_is_gone() {
    let cluster = Cluster::start().await;
    let dev = role_with("dev", |allow| {
        allow.app_labels = Some(labels(&[("env", "dev")]));
        allow.rules.push(rule(&["app"], &["list", "read"]));
    });
    cluster.put(dev).await;
    let alice = cluster.user("alice", &["dev"]).await;
    cluster.put(app("hers", &[("env", "dev")])).await;
    cluster.put(app("theirs", &[("env", "prod")])).await;
    let listing = alice.list(Kind::App, Secrets::Redact).await.unwrap();
    assert_eq!(listing.items.len(), 1);
    let events = alice.watch(vec![Kind::App], listing.cursor).await.unwrap();
    cluster.put(app("theirs", &[("env", "prod"), ("more", "labels")])).await;
    cluster.admin.delete(Kind::App, "theirs").await.unwrap();
    cluster.put(app("hers", &[("env", "prod")])).await;
    cluster.put(app("hers", &[("env", "prod"), ("more", "labels")])).await;
    cluster.put(app("new", &[("env", "dev")])).await;
    assert_eq!(words(events, 2).await, ["delete app/hers", "put new"]);
}

#[tokio::test]
async fn no_watch_tells_a_secret() {
    let cluster = Cluster::start().await;
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    let replica =
        Replica::follow(&cluster.tasks, std::sync::Arc::new(proxy), &[Kind::CertAuthority]);
    let own = Replica::follow(&cluster.tasks, cluster.auth.source(), &[Kind::CertAuthority]);
    for replica in [replica, own] {
        tokio::time::timeout(PATIENCE, replica.ready()).await.unwrap();
        let snapshot = replica.snapshot();
        assert_eq!(snapshot.authorities.len(), 3);
        let mut keys =
            snapshot.authorities.values().flat_map(|authority| &authority.spec.active_keys);
        assert!(keys.all(|key| key.private_key.is_none()));
    }
}

#[tokio::test]
async fn a_replica_follows_within_a_second() {
    let cluster = Cluster::start().await;
    let agent = cluster.host(&[Service::App]).await.client;
    let kinds = [Kind::App, Kind::Role, Kind::User, Kind::Lock];
    let replica = Replica::follow(&cluster.tasks, std::sync::Arc::new(agent), &kinds);
    tokio::time::timeout(PATIENCE, replica.ready()).await.unwrap();
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    cluster.put(Lock::new("lock", target, "")).await;
    let mut changed = replica.changes();
    let shown = changed.wait_for(|_| replica.snapshot().locks.contains_key("lock"));
    tokio::time::timeout(Duration::from_secs(1), shown).await.expect("too late").unwrap();
}

#[tokio::test]
async fn what_expires_is_told_as_deleted() {
    let cluster = Cluster::start().await;
    let mut role = Role::new("brief");
    role.metadata.expires = Some(cluster.clock.now() + Duration::from_secs(60));
    cluster.put(role).await;
    let cursor = cluster.admin.list(Kind::Role, Secrets::Redact).await.unwrap().cursor;
    cluster.clock.advance(Duration::from_secs(60));
    let seen = changes(&cluster.admin, vec![Kind::Role], cursor, 1).await;
    assert_eq!(seen, ["delete role/brief"]);
}

#[tokio::test]
async fn a_kind_that_is_named_often_is_watched_once() {
    let cluster = Cluster::start().await;
    let cursor = cluster.admin.list(Kind::Role, Secrets::Redact).await.unwrap().cursor;
    cluster.put(Role::new("one")).await;
    cluster.put(Role::new("two")).await;
    let seen = changes(&cluster.admin, vec![Kind::Role; 300], cursor, 2).await;
    assert_eq!(seen, ["put one", "put two"]);
}

#[tokio::test]
async fn an_app_comes_in_sight_and_leaves_it_by_what_commands_tell() {
    let cluster = Cluster::start().await;
    let open = role_with("open", |allow| {
        allow.app_labels = Some(labels(&[("phase", "open")]));
        allow.rules.push(rule(&["app"], &["list", "read"]));
    });
    cluster.put(open).await;
    let alice = cluster.user("alice", &["open"]).await;
    let mut phased = app("phased", &[]);
    let command = CommandLabel { command: vec!["phase".to_owned()], ..CommandLabel::default() };
    phased.spec.dynamic_labels.insert("phase".to_owned(), command);
    cluster.put(phased.clone()).await;
    let host = cluster.host(&[Service::App]).await;
    let tells = async |phase: Option<&str>| {
        let mut told = phased.clone();
        if let Some(label) = told.spec.dynamic_labels.get_mut("phase") {
            label.result = phase.map(str::to_owned);
        }
        let record = AppServer::new(&host.id, "host", "1", told).to_json();
        let records = vec![serde_json::value::to_raw_value(&record).unwrap()];
        let beat = Heartbeat { records, ..Heartbeat::default() };
        host.client.heartbeat(&beat).await.unwrap();
    };
    let listing = alice.list(Kind::App, Secrets::Redact).await.unwrap();
    assert_eq!(listing.items, []);
    let mut events = alice.watch(vec![Kind::App], listing.cursor).await.unwrap();
    let mut next = async || {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.expect("a change");
        match event.unwrap().unwrap() {
            WatchEvent::Put { resource, .. } => format!("put {}", resource.name()),
            WatchEvent::Delete { kind, name, .. } => format!("delete {kind}/{name}"),
            WatchEvent::Changed { kind, name, .. } => format!("changed {kind}/{name}"),
            WatchEvent::Bookmark { .. } => "bookmark".to_owned(),
        }
    };
    tells(None).await;
    tells(Some("open")).await;
    assert_eq!(next().await, "put phased");
    // Told again it is no news.
    tells(Some("open")).await;
    tells(Some("frozen")).await;
    assert_eq!(next().await, "delete app/phased");
    tells(Some("open")).await;
    assert_eq!(next().await, "put phased");
    let leaving = Heartbeat { leaving: true, ..Heartbeat::default() };
    host.client.heartbeat(&leaving).await.unwrap();
    assert_eq!(next().await, "delete app/phased");
}

#[tokio::test]
async fn a_proxy_is_told_which_users_and_roles_change_and_nobody_else_is() {
    let cluster = Cluster::start().await;
    let watch = async |client: Client, kinds: Vec<Kind>, changed: Vec<Kind>| {
        let cursor = client.list(Kind::Lock, Secrets::Redact).await?.cursor;
        Selected::new(client, &[]).noticing(changed).watch(kinds, cursor).await
    };
    let noticed = || vec![Kind::Role, Kind::User];
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    let events = watch(proxy.clone(), vec![Kind::Lock], noticed()).await.unwrap();
    cluster.put(Role::new("dev")).await;
    cluster.put(app("unasked", &[])).await;
    let _alice = cluster.user("alice", &["dev"]).await;
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    cluster.put(Lock::new("lock", target, "")).await;
    cluster.admin.delete(Kind::Role, "dev").await.unwrap_err();
    cluster.put(Role::new("ops")).await;
    cluster.admin.delete(Kind::Role, "ops").await.unwrap();
    let told = [
        "changed role/dev",
        "changed user/alice",
        "put lock",
        "changed role/ops",
        "changed role/ops",
    ];
    assert_eq!(words(events, 5).await, told);

    let refused_to = async |client: Client, changed: Vec<Kind>| {
        let outcome = watch(client, vec![Kind::Lock], changed).await;
        refused(outcome.map(|_| ()), ErrorKind::Denied);
    };
    refused_to(proxy, vec![Kind::Role, Kind::Token]).await;
    refused_to(cluster.host(&[Service::App]).await.client, noticed()).await;
    refused_to(cluster.admin.clone(), noticed()).await;
}

#[tokio::test]
async fn a_host_hears_of_the_lock_that_shuts_it_out_and_of_nothing_after_it() {
    let cluster = Cluster::start().await;
    let (agent, other) = (cluster.host(&[Service::App]).await, cluster.host(&[Service::App]).await);
    let cursor = cluster.admin.list(Kind::Lock, Secrets::Redact).await.unwrap().cursor;
    let watch = async |client: &Client| {
        client.watch(vec![Kind::Lock, Kind::Role], cursor.clone()).await.unwrap()
    };
    let (mut its, others) = (watch(&agent.client).await, watch(&other.client).await);
    let lock = |name: &str, host: &str| {
        let target = LockTarget { server_id: Some(host.to_owned()), ..LockTarget::default() };
        Lock::new(name, target, "stolen")
    };
    cluster.put(Role::new("before")).await;
    cluster.put(lock("another", "no-such-host")).await;
    cluster.put(lock("its", &agent.id)).await;
    cluster.put(Role::new("after")).await;
    let (mut heard, mut end) = (Vec::new(), None);
    while let Some(event) = tokio::time::timeout(PATIENCE, its.next()).await.expect("no end") {
        match event {
            Ok(WatchEvent::Put { resource, .. }) => heard.push(resource.name().to_owned()),
            Ok(_) => {}
            Err(error) => end = Some(error),
        }
    }
    assert_eq!(heard, ["before", "another", "its"]);
    assert_eq!(end.map(|error| error.kind()), Some(ErrorKind::Denied));
    assert_eq!(words(others, 4).await, ["put before", "put another", "put its", "put after"]);
}
