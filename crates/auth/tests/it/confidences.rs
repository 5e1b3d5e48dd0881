//! What a server is told in confidence: keys in its environment and in the headers it gets.

use api::{ErrorKind, Source as _, WatchEvent, Write};
use futures_util::StreamExt as _;
use pki::Service;
use resource::app::{Header, Rewrite};
use resource::{App, Kind, LabelSelector, Resource, Secrets};

use crate::cluster::{Cluster, app, refused, role_with, rule};

/// An app whose server is told something in confidence.
fn app_with_key(name: &str) -> App {
    let mut app = app(name, &[("env", "dev")]);
    let spec = &mut app.spec;
    spec.mcp.as_mut().unwrap().env.insert("API_KEY".to_owned(), "hunter2".to_owned());
    let header = Header { name: "Authorization".to_owned(), value: "Bearer hunter2".to_owned() };
    spec.rewrite = Some(Rewrite { headers: vec![header], ..Rewrite::default() });
    app
}

#[tokio::test]
async fn what_a_server_is_told_in_confidence_is_shown_to_who_may_set_it() {
    let cluster = Cluster::start().await;
    cluster.put(app_with_key("keeper")).await;
    cluster
        .put(role_with("user", |allow| allow.app_labels = Some(LabelSelector::wildcard())))
        .await;
    cluster
        .put(role_with("owner", |allow| {
            allow.app_labels = Some(LabelSelector::wildcard());
            allow.rules.push(rule(&["app"], &["list", "read", "update"]));
        }))
        .await;
    let alice = cluster.user("alice", &["user"]).await;
    let owner = cluster.user("owner", &["owner"]).await;
    let agent = cluster.host(&[Service::App]).await.client;
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    for (caller, name, shown) in [
        (&alice, "user", false),
        (&proxy, "proxy", false),
        (&owner, "owner", true),
        (&agent, "agent", true),
        (&cluster.admin, "admin", true),
    ] {
        let listing = caller.list(Kind::App, Secrets::Redact).await.unwrap();
        let one = caller.get(Kind::App, "keeper", Secrets::Redact).await.unwrap();
        let watched = {
            let cursor = listing.cursor.clone();
            let mut events = caller.watch(vec![Kind::App], cursor).await.unwrap();
            let mut changed = Resource::from(app_with_key("keeper"));
            changed.metadata_mut().description = format!("seen by {name}");
            cluster.put(changed).await;
            loop {
                if let WatchEvent::Put { resource, .. } = events.next().await.unwrap().unwrap() {
                    break resource;
                }
            }
        };
        for text in [
            listing.items[0].to_yaml(Secrets::Include),
            one.to_yaml(Secrets::Include),
            watched.to_yaml(Secrets::Include),
        ] {
            assert_eq!(
                text.matches("hunter2").count(),
                if shown { 2 } else { 0 },
                "{name}: {text}"
            );
        }
    }
    // Nor with secrets: everybody may read apps.
    let one = alice.get(Kind::App, "keeper", Secrets::Include).await.unwrap();
    assert!(!one.to_yaml(Secrets::Include).contains("hunter2"), "{one:?}");
    // What was masked does not become what the server is told.
    let error = refused(cluster.admin.put(&one, Write::Upsert).await, ErrorKind::InvalidArgument);
    assert!(error.message().contains("masked"), "{error}");
}
