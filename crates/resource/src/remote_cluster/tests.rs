//! Remote clusters as documents write them.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn read(document: &Value) -> Result<RemoteCluster, String> {
    Resource::from_node(&Node::from_json(document))
        .map(|resource| RemoteCluster::try_from(resource).expect("a remote cluster"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn what_was_heard_is_read_and_printed_back() {
    let document = json!({
        "kind": "rc", "version": "v3",
        "metadata": {"name": "leaf", "labels": {"env": "prod"}},
        "spec": {},
        "status": {"connection": "online", "last_heartbeat": "2026-01-31T12:00:00Z"},
    });
    let cluster = read(&document).unwrap();
    assert_eq!(cluster.status.connection, Some(ClusterConnection::Online));
    assert_eq!(read(&cluster.to_json()).unwrap(), cluster);
    assert_eq!(cluster.to_json()["kind"], "remote_cluster");
    let fresh = RemoteCluster::new("leaf");
    assert_eq!(read(&fresh.to_json()).unwrap(), fresh);
}

#[test]
fn it_has_no_fields_that_could_promise_something() {
    let document = json!({"kind": "rc", "metadata": {"name": "leaf"}, "spec": {"role_map": []}});
    assert!(read(&document).unwrap_err().contains("spec.role_map: unknown field"));
}
