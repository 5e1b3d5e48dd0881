//! Options as a document.

use resource::Secrets;

use super::*;
use crate::tctl::sso::configure::testing::secret_file;

const ACS: &str = "https://proxy.example.com/v1/webapi/saml/acs";

fn saml() -> Saml {
    Saml {
        name: "okta".to_owned(),
        acs: ACS.to_owned(),
        entity_descriptor: Some("https://idp.example.com/metadata".to_owned()),
        attributes_to_roles: vec!["groups,eng,dev,ops".to_owned()],
        ..Saml::default()
    }
}

#[test]
fn what_is_printed_can_be_created() {
    let (_folder, file) = secret_file();
    let connector = Saml {
        signing_key_file: Some(file.clone()),
        signing_cert_file: Some(file.clone()),
        ..saml()
    };
    let connector = connector.document().unwrap();
    let text = connector.to_yaml(Secrets::Include);
    assert!(text.contains("private_key: s\n") && text.contains("name: groups\n"), "{text}");
    let Resource::Saml(read) = connector else { panic!("another kind") };
    assert_eq!(read.spec.attributes_to_roles[0].roles, ["dev", "ops"]);
    let from_file = Saml { entity_descriptor: Some(file.to_str().unwrap().to_owned()), ..saml() };
    let Resource::Saml(read) = from_file.document().unwrap() else { panic!("another kind") };
    assert_eq!(
        (read.spec.entity_descriptor.as_str(), read.spec.entity_descriptor_url.as_str()),
        ("s\n", "")
    );
}

#[test]
fn what_cannot_be_created_is_not_printed() {
    let refused = |saml: Saml| saml.document().unwrap_err().to_string();
    assert!(refused(Saml { acs: "https://x/y".to_owned(), ..saml() }).contains("acs"));
    assert!(refused(Saml { entity_descriptor: None, ..saml() }).contains("entity_descriptor"));
    let bad = vec!["groups,eng".to_owned()];
    assert!(refused(Saml { attributes_to_roles: bad, ..saml() }).contains("NAME"));
}
