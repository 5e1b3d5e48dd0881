//! The oracle can say yes: otherwise nothing would ever be held to it.

use super::*;

#[test]
fn what_the_provider_signed_is_believed() {
    for (text, is_signed) in [
        (include_str!("../../corpus/saml/assertion-signed"), true),
        (include_str!("../../corpus/saml/response-signed"), true),
        (include_str!("../../corpus/saml/prefixes-listed"), true),
        (include_str!("../../corpus/saml/wrapped-in-extensions"), true),
        (include_str!("../../corpus/saml/unsigned"), false),
        (include_str!("../../corpus/saml/comment"), false),
    ] {
        assert_eq!(believed(text).is_some(), is_signed, "{text}");
    }
    let metadata = include_str!("../../corpus/saml/metadata");
    assert!(IdentityProvider::from_metadata(metadata, None).is_ok());
}
