//! Connectors.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

const ACS: &str = "https://proxy.example.com/v1/webapi/saml/acs";

fn connector(change: impl FnOnce(&mut Value)) -> Result<SamlConnector, Vec<String>> {
    let mut document = json!({
        "kind": "saml", "version": "v2", "metadata": {"name": "okta"},
        "spec": {
            "acs": ACS, "entity_descriptor_url": "https://idp.example.com/metadata",
            "attributes_to_roles": [{"name": "groups", "value": "eng", "roles": ["dev"]}],
        },
    });
    change(&mut document["spec"]);
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| SamlConnector::try_from(resource).expect("a connector"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_printed_is_read_again() {
    let read = connector(|spec| {
        spec["acs"] = json!(format!("{ACS}/okta"));
        spec["audience"] = json!("urn:tessera");
        spec["display"] = json!("Okta");
        spec["provider"] = json!("okta");
        spec["force_authn"] = json!("yes");
        spec["signing_key_pair"] = json!({"private_key": "hunter2", "cert": "a certificate"});
        spec["assertion_key_pair"] = json!({"private_key": "hunter3", "cert": "another"});
    })
    .unwrap();
    let printed = serde_json::to_vec(&read.to_json(Secrets::Include)).unwrap();
    assert_eq!(Resource::from_json(&printed).unwrap(), Resource::Saml(read.clone()));
    let hidden = read.to_json(Secrets::Redact).to_string();
    assert!(!hidden.contains("hunter") && hidden.contains(MASK), "{hidden}");
    assert!(!format!("{read:?}{:?}", read.spec.signing_key_pair).contains("hunter"));
    assert_eq!((read.spec.audience(), read.spec.force_authn), ("urn:tessera", true));
    assert_eq!(read.spec.service_provider_issuer(), format!("{ACS}/okta"));
}

#[test]
fn there_is_one_place_that_says_who_the_provider_is() {
    let by_hand = |spec: &mut Value| {
        spec.as_object_mut().unwrap().remove("entity_descriptor_url");
        spec["issuer"] = json!("urn:idp");
        spec["sso"] = json!("https://idp.example.com/sso");
        spec["cert"] = json!("a certificate");
    };
    connector(by_hand).unwrap();
    connector(|spec| spec["issuer"] = json!("urn:idp")).unwrap();
    let refused = |change: &dyn Fn(&mut Value), words: &str| {
        let problems = connector(change).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    };
    for name in ["issuer", "sso", "cert"] {
        let change = |spec: &mut Value| {
            by_hand(spec);
            spec.as_object_mut().unwrap().remove(name);
        };
        refused(&change, "missing");
    }
    refused(&|spec| spec["entity_descriptor"] = json!("<x/>"), "together");
    refused(&|spec| spec["sso"] = json!("https://idp.example.com/sso"), "together");
    refused(&|spec| spec["cert"] = json!("x"), "together");
}

#[test]
fn mistakes_are_told() {
    let refused = |field: &str, value: Value, words: &str| {
        let problems = connector(|spec| spec[field] = value).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(words)), "{field}: {problems:?}");
    };
    refused("acs", json!("https://proxy.example.com/elsewhere"), "takes people back");
    refused("acs", json!(format!("{ACS}/a/b")), "takes people back");
    refused("acs", json!(format!("{ACS}/")), "takes people back");
    refused("acs", json!("http://proxy.example.com/v1/webapi/saml/acs"), "takes people back");
    refused("attributes_to_roles", json!([]), "name, value and roles");
    refused("entity_descriptor_url", json!("http://idp.example.com/metadata"), "https://");
    refused("signing_key_pair", json!({"cert": "x"}), "missing");
    refused("signing_key_pair", json!({"cert": "x", "private_key": ""}), "is empty");
    refused("force_authn", json!("sometimes"), "true or false");
    refused("preferred_request_binding", json!("http-post"), "not supported");
    refused("allow_idp_initiated", json!(true), "does not end with the connector's name");
    let unasked = |acs: String, force: bool| {
        connector(|spec| {
            spec["acs"] = json!(acs);
            spec["allow_idp_initiated"] = json!(true);
            spec["force_authn"] = json!(force);
        })
    };
    let read = unasked(format!("{ACS}/okta"), false).unwrap();
    assert!(read.spec.allow_idp_initiated);
    assert!(read.to_json(Secrets::Redact).to_string().contains("allow_idp_initiated"));
    assert!(unasked(format!("{ACS}/other"), false).is_err());
    assert!(unasked(format!("{ACS}/okta"), true).unwrap_err()[0].contains("force_authn"));
    refused("atributes_to_roles", json!([]), "unknown field");
}

#[test]
fn the_example_is_a_connector() {
    let text = include_str!("../../../../examples/connectors/saml.yaml");
    let source = crate::source::Source::new("saml.yaml", text);
    let mut read = crate::parse_documents(&source).unwrap();
    let resource = read.pop().unwrap().resource;
    let connector = SamlConnector::try_from(resource).expect("a connector");
    assert_eq!((connector.name(), connector.spec.attributes_to_roles.len()), ("okta", 2));
}
