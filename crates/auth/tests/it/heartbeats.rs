//! Agents tell what they serve, and are believed for as long as they are heard of.

use std::time::Duration;

use api::wire::{Heartbeat, HeartbeatReceipt};
use api::{Client, ErrorKind, HEARTBEAT_LIFE, MAX_HEARTBEAT_ITEMS, Write};
use pki::Service;
use resource::app::CommandLabel;
use resource::{AppServer, Kind, Resource, Secrets};
use serde_json::value::{RawValue, to_raw_value};

use crate::cluster::{Cluster, Host, app, labels, refused, role_with, rule};

const PATIENCE: Duration = Duration::from_secs(10);

fn record(host: &str, name: &str) -> Box<RawValue> {
    let server = AppServer::new(host, "host", "1.0", app(name, &[("env", "dev")]));
    to_raw_value(&server.to_json()).unwrap()
}

async fn tell(host: &Host, served: &[&str], gone: &[&str]) -> HeartbeatReceipt {
    let records = served.iter().map(|name| record(&host.id, name)).collect();
    let gone = gone.iter().map(|&name| name.to_owned()).collect();
    let beat = Heartbeat { records, gone, ..Heartbeat::default() };
    host.client.heartbeat(&beat).await.unwrap()
}

async fn until_served(cluster: &Cluster, expected: &[String]) {
    let wait = async {
        while cluster.names(&cluster.admin, Kind::AppServer).await != expected {
            tokio::task::yield_now().await;
        }
    };
    let seen = || async { cluster.names(&cluster.admin, Kind::AppServer).await };
    if tokio::time::timeout(PATIENCE, wait).await.is_err() {
        panic!("served: {:?}, expected: {expected:?}", seen().await);
    }
}

fn names(host: &Host, apps: &[&str]) -> Vec<String> {
    apps.iter().map(|app| format!("{}/{app}", host.id)).collect()
}

#[tokio::test]
async fn records_come_change_and_go_with_what_is_told() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    assert!(tell(&host, &["a", "b"], &[]).await.lapsed, "nobody had heard of it");
    until_served(&cluster, &names(&host, &["a", "b"])).await;
    let before =
        cluster.admin.get(Kind::AppServer, &names(&host, &["a"])[0], Secrets::Redact).await;
    assert!(!tell(&host, &[], &[]).await.lapsed);
    let after = cluster.admin.get(Kind::AppServer, &names(&host, &["a"])[0], Secrets::Redact).await;
    assert_eq!(before.unwrap(), after.unwrap(), "a heartbeat without news writes no record");
    tell(&host, &["c"], &["a", "never-there"]).await;
    until_served(&cluster, &names(&host, &["b", "c"])).await;
    let beat = Heartbeat { recall: true, ..Heartbeat::default() };
    assert_eq!(host.client.heartbeat(&beat).await.unwrap().apps, ["b", "c"]);
    let beat = Heartbeat { leaving: true, ..Heartbeat::default() };
    host.client.heartbeat(&beat).await.unwrap();
    until_served(&cluster, &[]).await;
}

#[tokio::test]
async fn records_of_who_is_not_heard_of_go_and_nobody_elses() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::App]).await;
    let two = cluster.host(&[Service::App]).await;
    tell(&one, &["a", "b"], &[]).await;
    tell(&two, &["a"], &[]).await;
    let mut all = [names(&one, &["a", "b"]), names(&two, &["a"])].concat();
    all.sort();
    until_served(&cluster, &all).await;
    // Heard of every few seconds, as agents are: the other one stays silent.
    let mut left = HEARTBEAT_LIFE + Duration::from_secs(1);
    while !left.is_zero() {
        cluster.clock.advance(Duration::from_secs(1));
        left = left.saturating_sub(Duration::from_secs(1));
        assert!(!tell(&two, &[], &[]).await.lapsed);
        // The store is told now and then, by a task of its own.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until_served(&cluster, &names(&two, &["a"])).await;
    assert!(tell(&one, &[], &[]).await.lapsed, "it has to tell all again");
    tell(&one, &["a", "b"], &[]).await;
    until_served(&cluster, &all).await;
}

#[tokio::test]
async fn an_agent_tells_of_itself_only() {
    let cluster = Cluster::start().await;
    let one = cluster.host(&[Service::App]).await;
    let two = cluster.host(&[Service::App]).await;
    tell(&one, &["a"], &[]).await;
    let beat = Heartbeat { records: vec![record(&one.id, "b")], ..Heartbeat::default() };
    refused(two.client.heartbeat(&beat).await, ErrorKind::Denied);
    // What it says is gone is its own as well.
    tell(&two, &[], &["a"]).await;
    let beat = Heartbeat { gone: vec![format!("../{}/a", one.id)], ..Heartbeat::default() };
    two.client.heartbeat(&beat).await.unwrap();
    until_served(&cluster, &names(&one, &["a"])).await;
    let role = to_raw_value(&resource::Role::new("mighty").to_json()).unwrap();
    let beat = Heartbeat { records: vec![role], ..Heartbeat::default() };
    refused(two.client.heartbeat(&beat).await, ErrorKind::InvalidArgument);
    let proxy = cluster.host(&[Service::Proxy]).await;
    refused(proxy.client.heartbeat(&Heartbeat::default()).await, ErrorKind::Denied);
    refused(cluster.admin.heartbeat(&Heartbeat::default()).await, ErrorKind::Denied);
}

#[tokio::test]
async fn a_heartbeat_has_a_bound() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let gone = |count: usize| Heartbeat {
        gone: (0..count).map(|number| format!("app-{number}")).collect(),
        ..Heartbeat::default()
    };
    host.client.heartbeat(&gone(MAX_HEARTBEAT_ITEMS)).await.unwrap();
    let outcome = host.client.heartbeat(&gone(MAX_HEARTBEAT_ITEMS + 1)).await;
    let error = refused(outcome, ErrorKind::InvalidArgument);
    assert!(error.message().contains("at most 256"), "{error}");
    // As many records as go into one write of the store, and more.
    let many: Vec<String> = (0..200).map(|number| format!("app-{number:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    tell(&host, &many, &[]).await;
    until_served(&cluster, &names(&host, &many)).await;
}

#[tokio::test]
async fn a_record_that_was_written_by_itself_ends_by_itself() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let server = AppServer::new(&host.id, "host", "1.0", app("alone", &[]));
    host.client.put(&Resource::from(server), Write::Upsert).await.unwrap();
    until_served(&cluster, &names(&host, &["alone"])).await;
    cluster.clock.advance(Duration::from_secs(601));
    until_served(&cluster, &[]).await;
}

#[tokio::test]
async fn people_are_told_of_the_agents_whose_labels_let_them() {
    let cluster = Cluster::start().await;
    let mut registered = app("phased", &[("env", "dev")]);
    let command = CommandLabel { command: vec!["phase".to_owned()], ..CommandLabel::default() };
    registered.spec.dynamic_labels.insert("phase".to_owned(), command.clone());
    cluster.put(registered.clone()).await;
    let mut careful = role_with("careful", |allow| {
        allow.app_labels = Some(labels(&[("*", "*")]));
        allow.rules.push(rule(&["app", "app_server"], &["list", "read"]));
    });
    careful.spec.deny.app_labels = Some(labels(&[("phase", "frozen")]));
    cluster.put(careful).await;
    let user = cluster.user("careful", &["careful"]).await;
    let say = async |host: &Host, value: Option<&str>| {
        let result = value.map(str::to_owned);
        let mut told = registered.clone();
        told.spec
            .dynamic_labels
            .insert("phase".to_owned(), CommandLabel { result, ..command.clone() });
        let record = AppServer::new(&host.id, "host", "1.0", told).to_json();
        let beat =
            Heartbeat { records: vec![to_raw_value(&record).unwrap()], ..Heartbeat::default() };
        host.client.heartbeat(&beat).await.unwrap();
    };
    // By an answer to one app, and by a list.
    let seen = async |caller: &Client| {
        let found = caller.get(Kind::App, "phased", Secrets::Redact).await;
        let mut listed = caller.list(Kind::App, Secrets::Redact).await.unwrap().items;
        let found = found.map(|found| hosts(&found));
        let listed = listed.pop().map(|listed| hosts(&listed));
        assert_eq!(found.as_ref().ok(), listed.as_ref());
        found.map_err(|error| error.kind())
    };
    let until = async |caller: &Client, expected: Result<Vec<String>, ErrorKind>| {
        let wait = async {
            while seen(caller).await != expected {
                tokio::task::yield_now().await;
            }
        };
        if tokio::time::timeout(PATIENCE, wait).await.is_err() {
            panic!("seen: {:?}, expected: {expected:?}", seen(caller).await);
        }
    };
    let (one, two) = (cluster.host(&[Service::App]).await, cluster.host(&[Service::App]).await);
    until(&user, Err(ErrorKind::NotFound)).await;
    say(&one, Some("open")).await;
    say(&two, Some("frozen")).await;
    let mut both = vec![one.id.clone(), two.id.clone()];
    both.sort();
    until(&cluster.admin, Ok(both)).await;
    until(&user, Ok(vec![one.id.clone()])).await;
    say(&one, None).await;
    until(&user, Err(ErrorKind::NotFound)).await;
    say(&two, Some("open")).await;
    until(&user, Ok(vec![two.id.clone()])).await;
}

fn hosts(app: &Resource) -> Vec<String> {
    let Resource::App(app) = app else { panic!("not an app: {app:?}") };
    let servers = app.status.as_ref().map(|status| &status.servers);
    servers.into_iter().flatten().map(|server| server.host_id.clone()).collect()
}
