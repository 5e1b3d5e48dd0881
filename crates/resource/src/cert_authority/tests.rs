//! Certificate authorities, whose private keys are secrets.

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn authority() -> CertAuthority {
    let key = CaKey {
        certificate: Some("CERT".to_owned()),
        public_key: None,
        private_key: Some(Secret::new("hunter2".to_owned())),
        created: None,
    };
    CertAuthority::new(AuthorityType::User, "example", vec![key])
}

#[test]
fn private_keys_are_left_out_unless_asked_for() {
    let authority = authority();
    assert_eq!(authority.metadata.name, "user.example");
    assert!(!authority.to_json(Secrets::Redact).to_string().contains("hunter2"));
    assert!(!format!("{authority:?}").contains("hunter2"));
    let full = authority.to_json(Secrets::Include);
    let again = Resource::from_node(&Node::from_json(&full)).unwrap();
    assert_eq!(again, Resource::CertAuthority(authority.clone()));
    let public = authority.without_private_keys();
    assert_eq!(public.to_json(Secrets::Include), public.to_json(Secrets::Redact));
}
