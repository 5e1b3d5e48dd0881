use std::sync::Arc;

use pki::PrivateKey;
use resource::proxy::ProxySpec;
use resource::{AuthorityType, CaKey, CertAuthority, Proxy, Resource};

use super::{issuer_of, token_keys_of};
use crate::snapshot::Snapshot;
use crate::source::WatchEvent;

fn snapshot(resources: impl IntoIterator<Item = Resource>) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for resource in resources {
        snapshot.apply(&WatchEvent::Put { resource: Arc::new(resource), cursor: String::new() });
    }
    snapshot
}

fn proxy(host_id: &str, public_addr: &str) -> Resource {
    let (host_id, public_addr) = (host_id.to_owned(), public_addr.to_owned());
    Proxy::new(ProxySpec { host_id, public_addr, ..ProxySpec::default() }).into()
}

fn key() -> CaKey {
    let public_key = Some(PrivateKey::generate().unwrap().public().to_pem());
    CaKey { certificate: None, public_key, private_key: None, created: None }
}

#[test]
fn the_issuer_is_the_public_address() {
    assert_eq!(issuer_of(&snapshot([])), None);
    assert_eq!(issuer_of(&snapshot([proxy("a", "")])), None);
    let one = snapshot([proxy("a", "mcp.example.test:443")]);
    assert_eq!(issuer_of(&one).unwrap(), "https://mcp.example.test");
    let two = [proxy("a", "z.example.test:3080"), proxy("b", "b.example.test:3080")];
    assert_eq!(issuer_of(&snapshot(two)).unwrap(), "https://b.example.test:3080");
}

#[test]
fn all_keys_that_may_have_signed_are_published_and_no_others() {
    let mut ours = CertAuthority::new(AuthorityType::Jwt, "example.test", vec![key(), key()]);
    ours.spec.additional_trusted_keys.push(key());
    let theirs = CertAuthority::new(AuthorityType::Jwt, "leaf.test", vec![key()]);
    let host = CertAuthority::new(AuthorityType::Host, "example.test", vec![key()]);
    let all = snapshot([ours.clone().into(), theirs.into(), host.into()]);
    let set = serde_json::to_value(token_keys_of(&all, "example.test").unwrap()).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 3);

    ours.spec.active_keys.push(CaKey { public_key: Some("none".to_owned()), ..key() });
    assert!(token_keys_of(&snapshot([ours.into()]), "example.test").is_err());
    let none = token_keys_of(&Snapshot::default(), "example.test").unwrap();
    assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"keys":[]}"#);
}
