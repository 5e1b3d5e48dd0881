use std::sync::Arc;

use resource::{Resource, User};
use serde_json::json;
use time::OffsetDateTime;

use super::*;
use crate::source::WatchEvent;

fn visitor(name: &str, cluster: &str) -> UserIdentity {
    UserIdentity {
        name: name.to_owned(),
        kind: pki::UserKind::Human,
        roles: Vec::new(),
        traits: Default::default(),
        cluster: cluster.to_owned(),
        login_id: "login".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        visit: Some(pki::Visit { cluster: "leaf".to_owned(), tools: Default::default() }),
        issued: OffsetDateTime::UNIX_EPOCH,
        expires: OffsetDateTime::UNIX_EPOCH,
    }
}

fn trusted(name: &str) -> Resource {
    let document = json!({
        "kind": "trusted_cluster", "version": "v2", "metadata": {"name": name},
        "spec": {"web_proxy_addr": "x:443", "role_map": [{"remote": "*", "local": ["r"]}]},
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap()
}

fn snapshot(resources: impl IntoIterator<Item = Resource>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for resource in resources {
        let resource = Arc::new(resource);
        snapshot.apply(&WatchEvent::Put { resource, cursor: String::new() });
    }
    snapshot
}

#[test]
fn a_visitor_has_a_name_that_nobody_else_has() {
    let here = snapshot([trusted("root"), Resource::User(User::new("alice", ["dev"]))]);
    assert_eq!(here.visitor_name(&visitor("alice", "root")).unwrap(), "remote-alice-root");
    let taken = snapshot([Resource::User(User::new("remote-alice-root", ["dev"]))]);
    let error = taken.visitor_name(&visitor("alice", "root")).unwrap_err();
    assert!(error.message().contains("a user of this cluster is, too"), "{error}");
    assert!(taken.visitor_name(&visitor("bob", "root")).is_ok());
}

#[test]
fn a_name_that_two_clusters_could_give_is_that_of_the_longer() {
    let here = snapshot([trusted("prod"), trusted("eu-prod")]);
    let name = here.visitor_name(&visitor("alice", "eu-prod")).unwrap();
    assert_eq!(name, "remote-alice-eu-prod");
    let error = here.visitor_name(&visitor("alice-eu", "prod")).unwrap_err();
    assert!(error.message().contains(r#"a user of cluster "eu-prod""#), "{error}");
    assert!(here.visitor_name(&visitor("alice-us", "prod")).is_ok());
    assert!(here.visitor_name(&visitor("aliceeu", "prod")).is_ok());
}
