//! Trusted clusters as documents write them.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn read(spec: &Value) -> Result<TrustedCluster, String> {
    let document = json!({
        "kind": "tc", "version": "v2", "metadata": {"name": "root.example.com"}, "spec": spec,
        "status": {"proxies": ["p1.example.com:443"]},
    });
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| TrustedCluster::try_from(resource).expect("a trusted cluster"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn everything_is_read_and_printed_back_but_the_token() {
    let spec = json!({
        "enabled": false,
        "token": "s3cret-token",
        "tunnel_addr": "root.example.com:3024",
        "web_proxy_addr": "root.example.com:443",
        "role_map": [{"remote": "dev-*", "local": ["reader-$1"]}],
        "ca_pins": ["sha256:00"],
    });
    let cluster = read(&spec).unwrap();
    assert!(!cluster.spec.enabled);
    assert_eq!(cluster.spec.role_map[0].local, ["reader-$1"]);
    assert_eq!(cluster.to_json(Secrets::Include)["spec"], spec);
    assert_eq!(cluster.tunnel_addresses(), ["p1.example.com:443"]);
    let shown = cluster.to_json(Secrets::Redact).to_string();
    assert!(!shown.contains("s3cret") && shown.contains(MASK), "{shown}");
    assert!(!format!("{cluster:?}").contains("s3cret"));
    let again = read(&cluster.to_json(Secrets::Redact)["spec"]).unwrap();
    assert!(again.is_masked());
}

#[test]
fn it_is_enabled_unless_it_says_otherwise_and_says_where_to_dial() {
    let map = json!([{"remote": "*", "local": ["guest"]}]);
    let web = json!({"web_proxy_addr": "root.example.com:443", "role_map": map});
    let cluster = read(&web).unwrap();
    assert!(cluster.spec.enabled && cluster.spec.token.expose().is_empty());
    let nowhere = read(&json!({"role_map": map})).unwrap_err();
    assert!(nowhere.contains("spec.web_proxy_addr: missing"), "{nowhere}");
    for bad in ["root.example.com", "root.example.com:0", ":443", "root.example.com:http"] {
        let refused = read(&json!({"web_proxy_addr": bad, "role_map": map})).unwrap_err();
        assert!(refused.contains("is not an address to dial"), "{bad}: {refused}");
    }
    let roles = json!({"web_proxy_addr": "r:1", "roles": ["admin"]});
    assert!(read(&roles).unwrap_err().contains("spec.roles: roles is not supported"));
}
