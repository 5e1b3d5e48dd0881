//! What a server is told in confidence: keys in its environment and in the headers it gets.

use api::{Client, ErrorKind, Source as _, WatchEvent, Write};
use futures_util::StreamExt as _;
use pki::Service;
use resource::app::{Given, Header, Rewrite};
use resource::{App, Kind, LabelSelector, Resource, Secrets};

use crate::cluster::{Cluster, app, refused, role_with, rule};

/// An app whose server is told something in confidence.
fn app_with_key(name: &str) -> App {
    let mut app = app(name, &[("env", "dev")]);
    let spec = &mut app.spec;
    spec.mcp.as_mut().unwrap().env.insert("API_KEY".to_owned(), Given::Here("hunter2".to_owned()));
    let header = Header {
        name: "Authorization".to_owned(),
        value: Given::Here("Bearer hunter2".to_owned()),
    };
    spec.rewrite = Some(Rewrite { headers: vec![header], ..Rewrite::default() });
    app
}

/// Alice may use the app, an owner may set it as well.
async fn people(cluster: &Cluster) -> [Client; 2] {
    let mut people = Vec::new();
    for (name, verbs) in [("alice", &[][..]), ("owner", &["list", "read", "create", "update"][..])]
    {
        let role = role_with(name, |allow| {
            allow.app_labels = Some(LabelSelector::wildcard());
            if !verbs.is_empty() {
                allow.rules.push(rule(&["app"], verbs));
            }
        });
        cluster.put(role).await;
        people.push(cluster.user(name, &[name]).await);
    }
    people.try_into().unwrap()
}

/// What is kept, as an agent is told.
async fn kept(agent: &Client, name: &str) -> String {
    agent.get(Kind::App, name, Secrets::Redact).await.unwrap().to_yaml(Secrets::Include)
}

#[tokio::test]
async fn what_a_server_is_told_in_confidence_is_shown_to_agents_and_to_who_asks_and_may() {
    let cluster = Cluster::start().await;
    cluster.put(app_with_key("keeper")).await;
    let [alice, owner] = people(&cluster).await;
    let agent = cluster.host(&[Service::App]).await.client;
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    for (caller, name, shown) in [
        (&alice, "alice", false),
        (&proxy, "proxy", false),
        (&owner, "owner", false),
        (&cluster.admin, "admin", false),
        (&agent, "agent", true),
    ] {
        let listing = caller.list(Kind::App, Secrets::Redact).await.unwrap();
        let one = caller.get(Kind::App, "keeper", Secrets::Redact).await.unwrap();
        let watched = {
            let cursor = listing.cursor.clone();
            let mut events = caller.watch(vec![Kind::App], cursor).await.unwrap();
            let mut changed = app_with_key("keeper");
            changed.metadata.description = format!("seen by {name}");
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
    for (caller, shown) in [(&owner, 2), (&cluster.admin, 2), (&alice, 0)] {
        let one = caller.get(Kind::App, "keeper", Secrets::Include).await.unwrap();
        assert_eq!(one.to_yaml(Secrets::Include).matches("hunter2").count(), shown);
        let all = caller.list(Kind::App, Secrets::Include).await.unwrap();
        assert_eq!(all.items[0].to_yaml(Secrets::Include).matches("hunter2").count(), shown);
    }
}

#[tokio::test]
async fn what_was_read_masked_can_be_written_and_destroys_nothing() {
    let cluster = Cluster::start().await;
    let agent = cluster.host(&[Service::App]).await.client;
    cluster.put(app_with_key("app")).await;
    let [alice, owner] = people(&cluster).await;
    for caller in [&cluster.admin, &owner] {
        for mode in [Write::Update, Write::Upsert] {
            let mut one = caller.get(Kind::App, "app", Secrets::Redact).await.unwrap();
            assert!(!one.to_yaml(Secrets::Include).contains("hunter2"));
            one.metadata_mut().description = "described".to_owned();
            let answer = caller.put(&one, mode).await.unwrap();
            assert!(!answer.to_yaml(Secrets::Include).contains("hunter2"), "{answer:?}");
            let kept = kept(&agent, "app").await;
            assert_eq!(kept.matches("hunter2").count(), 2, "{kept}");
            assert!(kept.contains("described"), "{kept}");
        }
    }
    // Nobody else writes anything, masked or not.
    refused(alice.put(&masked(&alice).await.into(), Write::Update).await, ErrorKind::Denied);
    // Some are changed, and the others are kept.
    let mut one = masked(&owner).await;
    one.spec
        .mcp
        .as_mut()
        .unwrap()
        .env
        .insert("API_KEY".to_owned(), Given::Here("fresh".to_owned()));
    owner.put(&one.into(), Write::Update).await.unwrap();
    let kept = kept(&agent, "app").await;
    assert!(kept.contains("fresh") && kept.contains("Bearer hunter2"), "{kept}");
}

async fn masked(caller: &Client) -> App {
    App::try_from(caller.get(Kind::App, "app", Secrets::Redact).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_mask_does_not_become_what_a_server_is_told() {
    let cluster = Cluster::start().await;
    let agent = cluster.host(&[Service::App]).await.client;
    cluster.put(app_with_key("app")).await;
    let cases: [fn(&mut App); 4] = [
        // Another app has nothing that a mask could stand for.
        |app| app.metadata.name = "other".to_owned(),
        |app| {
            let env = &mut app.spec.mcp.as_mut().unwrap().env;
            let value = env.remove("API_KEY").unwrap();
            env.insert("OTHER_KEY".to_owned(), value);
        },
        |app| app.spec.rewrite.as_mut().unwrap().headers[0].name = "X-Other".to_owned(),
        // Which of the two is the one that was there?
        |app| {
            let headers = &mut app.spec.rewrite.as_mut().unwrap().headers;
            headers.push(headers[0].clone());
        },
    ];
    for (number, change) in cases.into_iter().enumerate() {
        let mut one = masked(&cluster.admin).await;
        change(&mut one);
        let outcome = cluster.admin.put(&one.into(), Write::Upsert).await;
        let error = refused(outcome, ErrorKind::InvalidArgument);
        assert!(error.message().contains("masked"), "{number}: {error}");
    }
    let one = Resource::from(masked(&cluster.admin).await);
    cluster.admin.delete(Kind::App, "app").await.unwrap();
    refused(cluster.admin.create(&one).await, ErrorKind::InvalidArgument);
    refused(cluster.admin.put(&one, Write::Upsert).await, ErrorKind::InvalidArgument);
    assert!(cluster.names(&agent, Kind::App).await.is_empty());
}

#[tokio::test]
async fn what_only_stands_for_a_token_is_no_secret() {
    let cluster = Cluster::start().await;
    let mut app = app_with_key("app");
    let value = "Bearer {{internal.jwt}}".to_owned();
    let header = Header { name: "Authorization".to_owned(), value: Given::Here(value) };
    app.spec.rewrite = Some(Rewrite { headers: vec![header], ..Rewrite::default() });
    cluster.put(app).await;
    let one = cluster.admin.get(Kind::App, "app", Secrets::Redact).await.unwrap();
    let text = one.to_yaml(Secrets::Include);
    assert!(text.contains("Bearer {{internal.jwt}}") && !text.contains("hunter2"), "{text}");
}
