use std::sync::Arc;

use resource::{App, AppServer, Kind, Resource};

use super::Snapshot;
use crate::source::WatchEvent;

fn app(name: &str, command: &str) -> App {
    let document = serde_json::json!({
        "kind": "app", "version": "v3", "metadata": {"name": name},
        "spec": {"mcp": {"command": command, "run_as_host_user": "root"}},
    });
    match Resource::from_json(document.to_string().as_bytes()).unwrap() {
        Resource::App(app) => app,
        other => panic!("{other:?}"),
    }
}

fn server(host: &str, app_name: &str) -> Resource {
    AppServer::new(host, "host", "1", app(app_name, "x")).into()
}

fn put(snapshot: &mut Snapshot, resource: Resource) {
    let resource = Arc::new(resource);
    snapshot.apply(&WatchEvent::Put { resource, cursor: "1".to_owned() });
}

fn hosts(snapshot: &Snapshot, app: &str) -> Vec<String> {
    let servers = snapshot.servers_of(app).iter();
    let mut hosts: Vec<_> = servers.map(|server| server.spec.host_id.clone()).collect();
    hosts.sort();
    hosts
}

#[test]
fn records_are_found_by_their_app() {
    let mut snapshot = Snapshot::default();
    for host in ["one", "two", "two"] {
        put(&mut snapshot, server(host, "a"));
    }
    put(&mut snapshot, server("one", "b"));
    assert_eq!(hosts(&snapshot, "a"), ["one", "two"]);
    assert_eq!(hosts(&snapshot, "b"), ["one"]);
    let before = snapshot.clone();
    let name = "one/a".to_owned();
    snapshot.apply(&WatchEvent::Delete { kind: Kind::AppServer, name, cursor: "2".to_owned() });
    assert_eq!(hosts(&snapshot, "a"), ["two"]);
    assert_eq!(hosts(&before, "a"), ["one", "two"], "a copy does not change");
    snapshot.replace(Kind::AppServer, &[server("three", "b")]);
    assert_eq!(hosts(&snapshot, "a"), [""; 0]);
    assert_eq!(hosts(&snapshot, "b"), ["three"]);
}

#[test]
fn what_a_new_list_does_not_change_stays_what_it_is() {
    let mut snapshot = Snapshot::default();
    put(&mut snapshot, app("a", "x").into());
    put(&mut snapshot, app("b", "x").into());
    let before = snapshot.clone();
    snapshot.replace(Kind::App, &[app("a", "x").into(), app("b", "y").into()]);
    assert_eq!(before.apps.changed(&snapshot.apps), ["b"]);
    assert!(snapshot.generation > before.generation);
}

#[test]
fn a_new_list_of_the_same_is_the_same_copy() {
    let mut snapshot = Snapshot::default();
    put(&mut snapshot, app("a", "x").into());
    put(&mut snapshot, server("one", "a"));
    let before = snapshot.clone();
    snapshot.replace(Kind::App, &[app("a", "x").into()]);
    snapshot.replace(Kind::AppServer, &[server("one", "a")]);
    snapshot.replace(Kind::Lock, &[]);
    assert!(snapshot.apps.is_same(&before.apps) && snapshot.locks.is_same(&before.locks));
    assert!(snapshot.app_servers.is_same(&before.app_servers));
    assert_eq!(hosts(&snapshot, "a"), ["one"]);
    snapshot.replace(Kind::App, &[]);
    assert!(!snapshot.apps.is_same(&before.apps) && snapshot.apps.is_empty());
}
