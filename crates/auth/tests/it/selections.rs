//! Lists and watches of those apps that somebody asked for.

use api::{ErrorKind, Replica, Selected, Source as _, WatchEvent};
use futures_util::StreamExt as _;
use http::Method;
use pki::Service;
use resource::{Kind, LabelSelector, Secrets};
use serde_json::Value;

use crate::cluster::{Cluster, app, labels, refused};

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

fn selectors() -> [LabelSelector; 2] {
    [labels(&[("env", "dev"), ("team", "^(a|b)$")]), labels(&[("shard", "7*")])]
}

async fn until(replica: &Replica, expected: &[&str]) {
    let mut changes = replica.changes();
    let apps = || -> Vec<String> { replica.snapshot().apps.keys().map(str::to_owned).collect() };
    let wait = async {
        while !replica.is_ready() || apps() != expected {
            changes.changed().await.unwrap();
        }
    };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("there is {:?}, expected {expected:?}", apps());
    }
}

#[tokio::test]
async fn an_agent_hears_of_the_apps_that_it_is_there_for() {
    let cluster = Cluster::start().await;
    cluster.put(app("dev-a", &[("env", "dev"), ("team", "a")])).await;
    cluster.put(app("dev-c", &[("env", "dev"), ("team", "c")])).await;
    cluster.put(app("other", &[("shard", "71")])).await;
    let agent = cluster.host(&[Service::App]).await.client;
    let source = std::sync::Arc::new(Selected::new(agent, &selectors()));
    let replica = Replica::follow(&cluster.tasks, source, &[Kind::App, Kind::Role]);
    until(&replica, &["dev-a", "other"]).await;
    assert!(!replica.snapshot().roles.is_empty(), "of other kinds everything is told");
    // Begins to fit, fits no more, fits by another selector, is gone.
    cluster.put(app("dev-c", &[("env", "dev"), ("team", "b")])).await;
    until(&replica, &["dev-a", "dev-c", "other"]).await;
    cluster.put(app("dev-a", &[("env", "prod"), ("team", "a")])).await;
    until(&replica, &["dev-c", "other"]).await;
    cluster.put(app("dev-a", &[("shard", "7")])).await;
    until(&replica, &["dev-a", "dev-c", "other"]).await;
    cluster.admin.delete(Kind::App, "other").await.unwrap();
    until(&replica, &["dev-a", "dev-c"]).await;
}

#[tokio::test]
async fn what_changed_between_list_and_watch_is_told() {
    let cluster = Cluster::start().await;
    let agent = cluster.host(&[Service::App]).await.client;
    let source = Selected::new(agent.clone(), &[labels(&[("env", "dev")])]);
    for name in ["stays", "leaves", "dies"] {
        cluster.put(app(name, &[("env", "dev")])).await;
    }
    let listing = source.list(Kind::App).await.unwrap();
    assert_eq!(listing.items.len(), 3);
    let roles = agent.list(Kind::Role, Secrets::Redact).await.unwrap();
    cluster.put(app("leaves", &[("env", "prod")])).await;
    cluster.admin.delete(Kind::App, "dies").await.unwrap();
    cluster.put(resource::Role::new("brief")).await;
    cluster.admin.delete(Kind::Role, "brief").await.unwrap();
    let events = source.watch(vec![Kind::App], listing.cursor).await.unwrap();
    let told = events
        .map(|event| match event.unwrap() {
            WatchEvent::Delete { name, .. } => name,
            other => panic!("{other:?}"),
        })
        .take(2)
        .collect::<Vec<_>>();
    let told = tokio::time::timeout(PATIENCE, told).await.unwrap();
    assert_eq!(told, ["leaves", "dies"]);
    let mut events = agent.watch(vec![Kind::Role], roles.cursor).await.unwrap();
    for expected in ["put", "delete"] {
        let event = tokio::time::timeout(PATIENCE, events.next()).await.unwrap().unwrap().unwrap();
        let seen = match event {
            WatchEvent::Put { .. } => "put",
            WatchEvent::Delete { .. } => "delete",
            WatchEvent::Changed { .. } => "changed",
            WatchEvent::Bookmark { .. } => "bookmark",
        };
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn nobody_sees_more_by_asking_for_it() {
    let cluster = Cluster::start().await;
    cluster
        .put(crate::cluster::role_with("dev", |allow| {
            allow.app_labels = Some(labels(&[("env", "dev")]));
        }))
        .await;
    let alice = cluster.user("alice", &["dev"]).await;
    cluster.put(app("hers", &[("env", "dev")])).await;
    cluster.put(app("theirs", &[("env", "prod")])).await;
    let source = Selected::new(alice, &[LabelSelector::wildcard()]);
    let listing = source.list(Kind::App).await.unwrap();
    assert_eq!(listing.items.iter().map(resource::Resource::name).collect::<Vec<_>>(), ["hers"]);
    let events = source.watch(vec![Kind::App], listing.cursor).await.unwrap();
    cluster.put(app("theirs", &[("env", "prod"), ("more", "x")])).await;
    cluster.put(app("third", &[("env", "dev")])).await;
    let first = tokio::time::timeout(PATIENCE, events.into_future()).await.unwrap().0;
    let Some(Ok(WatchEvent::Put { resource, .. })) = first else { panic!("{first:?}") };
    assert_eq!(resource.name(), "third");
}

#[tokio::test]
async fn what_is_no_selection_is_refused() {
    let cluster = Cluster::start().await;
    let many = format!("[{}]", vec!["{}"; 65].join(","));
    for text in ["nonsense", "[1]", r#"[{"env":{}}]"#, &many] {
        let path = format!("/v1/resources/app?apps={}", api::escape(text));
        let outcome: Result<Value, _> = cluster.admin.call::<(), _>(Method::GET, &path, None).await;
        let error = refused(outcome, ErrorKind::InvalidArgument);
        assert!(error.message().starts_with("apps: "), "{error}");
    }
}
