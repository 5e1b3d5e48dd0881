//! Options as a document.

use resource::Secrets;

use super::*;
use crate::tctl::sso::configure::testing::secret_file;

fn oidc(change: fn(&mut Oidc)) -> anyhow::Result<Resource> {
    let (_folder, secret_file) = secret_file();
    let mut oidc = Oidc {
        name: "idp".to_owned(),
        issuer_url: "https://idp.example.com".to_owned(),
        id: "gateway".to_owned(),
        claims_to_roles: vec!["groups,eng,dev,ops".to_owned()],
        secret_file,
        ..Oidc::default()
    };
    change(&mut oidc);
    oidc.document()
}

#[test]
fn what_is_printed_can_be_created() {
    let connector = oidc(|_| {}).unwrap();
    let text = connector.to_yaml(Secrets::Include);
    assert!(text.contains("client_secret: s\n") && text.contains("- dev"), "{text}");
    let Resource::Oidc(read) = connector else { panic!("another kind") };
    assert_eq!(read.spec.claims_to_roles[0].roles, ["dev", "ops"]);
}

#[test]
fn what_cannot_be_created_is_not_printed() {
    let refused = |change| oidc(change).unwrap_err().to_string();
    assert!(
        refused(|oidc| oidc.issuer_url = "http://idp.example.com".to_owned()).contains("https")
    );
    assert!(refused(|oidc| oidc.claims_to_roles = vec!["groups,eng".to_owned()]).contains("CLAIM"));
    assert!(
        refused(|oidc| oidc.redirect_url = vec!["https://x/y".to_owned()]).contains("redirect_url")
    );
}
