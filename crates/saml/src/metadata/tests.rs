//! What providers say of themselves.

use pki::RsaKey;
use time::macros::datetime;

use super::*;

fn certificate() -> String {
    let key = RsaKey::generate().unwrap();
    let made = key.certify("idp", datetime!(2026-11-20 12:00 UTC)).unwrap();
    made.to_pem().lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\n")
}

fn entity(name: &str, more: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" xmlns:ds=\"{DSIG}\" entityID=\"{name}\">\
         <md:IDPSSODescriptor>{more}<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         Location=\"https://idp/post\"/><md:SingleSignOnService Binding=\"{REDIRECT}\" \
         Location=\"https://idp/sso?a=1&amp;b=2\"/></md:IDPSSODescriptor></md:EntityDescriptor>"
    )
}

fn key(usage: &str, certificate: &str) -> String {
    format!(
        "<md:KeyDescriptor {usage}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n{certificate}\n\
         </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

#[test]
fn a_provider_is_read_with_its_signing_keys() {
    let (one, two) = (certificate(), certificate());
    let keys = format!(
        "{}{}{}{}",
        key("use=\"signing\"", &one),
        key("", &two),
        key("use=\"encryption\"", &two),
        key("use=\"signing\"", "AAAA")
    );
    let text = format!("<?xml version=\"1.0\"?><!-- ours -->{}", entity("urn:idp", &keys));
    let read = IdentityProvider::from_metadata(&text, None).unwrap();
    assert_eq!((read.entity_id.as_str(), read.keys.len()), ("urn:idp", 2));
    assert_eq!(read.sso, "https://idp/sso?a=1&b=2");
}

#[test]
fn of_several_providers_the_one_that_is_meant_is_read() {
    let keys = key("", &certificate());
    let both = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{METADATA}\">{}{}</md:EntitiesDescriptor>",
        entity("urn:a", &keys),
        entity("urn:b", &keys)
    );
    let read = |wanted| IdentityProvider::from_metadata(&both, wanted);
    assert_eq!(read(Some("urn:b")).unwrap().entity_id, "urn:b");
    assert!(matches!(read(None), Err(MetadataError::Form(words)) if words.contains("\"urn:a\"")));
    assert!(matches!(read(Some("urn:c")), Err(MetadataError::Other { .. })));
}

#[test]
fn what_cannot_be_used_is_told() {
    let read = |text: &str| IdentityProvider::from_metadata(text, None).unwrap_err();
    assert!(matches!(read("<!DOCTYPE x><x/>"), MetadataError::Xml(_)));
    assert!(matches!(read("<x/>"), MetadataError::Form(_)));
    assert!(matches!(read(&entity("urn:idp", "")), MetadataError::NoKey(_)));
    assert!(matches!(read(&entity("urn:idp", &key("", "AAAA"))), MetadataError::NoKey(_)));
    let keyed = entity("urn:idp", &key("", &certificate()));
    assert!(matches!(read(&keyed.replace(REDIRECT, "urn:x")), MetadataError::Form(_)));
}

#[test]
fn metadata_that_is_over_does_not_count() {
    let keys = key("", &certificate());
    let now = datetime!(2026-11-20 12:00 UTC);
    let with = |text: &str, element: &str, end: &str| {
        text.replacen(&format!("<md:{element}"), &format!("<md:{element} validUntil=\"{end}\""), 1)
    };
    let inner = entity("urn:idp", &keys);
    let whole =
        format!("<md:EntitiesDescriptor xmlns:md=\"{METADATA}\">{inner}</md:EntitiesDescriptor>");
    let read = |text: &str| IdentityProvider::from_metadata(text, None);
    assert_eq!(read(&whole).unwrap().check(now), Ok(()));
    for element in ["EntitiesDescriptor", "EntityDescriptor", "IDPSSODescriptor"] {
        let over = read(&with(&whole, element, "2026-11-20T12:00:00Z")).unwrap().check(now);
        assert!(matches!(over, Err(MetadataError::Expired(_))), "{element}: {over:?}");
        let later = with(&whole, element, "2026-11-20T12:00:01Z");
        assert_eq!(read(&later).unwrap().check(now), Ok(()), "{element}");
        let unclear = read(&with(&whole, element, "soon"));
        assert!(matches!(unclear, Err(MetadataError::Form(_))), "{element}: {unclear:?}");
    }
    // The earliest end counts.
    let both = with(
        &with(&whole, "EntitiesDescriptor", "2027-01-01T00:00:00Z"),
        "IDPSSODescriptor",
        "2026-01-01T00:00:00Z",
    );
    assert!(read(&both).unwrap().check(now).is_err());
}

#[test]
fn a_provider_that_is_there_twice_is_none() {
    let keys = key("", &certificate());
    let one = entity("urn:idp", &keys);
    let twice = format!(
        "<md:EntitiesDescriptor xmlns:md=\"{METADATA}\">{one}{one}</md:EntitiesDescriptor>"
    );
    let read = IdentityProvider::from_metadata(&twice, Some("urn:idp"));
    assert!(matches!(read, Err(MetadataError::Form(words)) if words.contains("twice")));
}
