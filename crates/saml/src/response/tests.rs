//! What is believed and what is not: each attack and each mistake by its name.

mod attacks;
mod bounds;
mod mutations;
mod times;
mod xmlsec;

use crate::testing::{
    ACS, AUDIENCE, ISSUER, KEY, OTHER, REQUEST, Signing, alice, assertion, demands, encoded,
    public, response, sign,
};

use super::*;
use crate::assertion::Attribute;

pub(super) fn refused(text: &str, words: &str) {
    match verify(&encoded(text), &demands()) {
        Ok(believed) => panic!("{words}: believed: {believed:?}"),
        Err(error) => assert!(error.to_string().contains(words), "{words}: {error}"),
    }
}

fn signed(replaced: &[(&str, &str)]) -> String {
    response(&sign(&assertion(replaced), "_a", Signing::default()), &[])
}

#[test]
fn a_response_is_read_as_it_was_signed() {
    let both = sign(&alice(), "_r", Signing::default());
    let outer = sign(&response(&assertion(&[]), &[]), "_r", Signing::default());
    for text in [alice(), both, outer] {
        let read =
            verify(&encoded(&text), &demands()).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!((read.name_id(), read.issuer(), read.id()), ("alice", ISSUER, "_a"));
        let groups = Attribute {
            name: "groups".to_owned(),
            values: vec!["eng".to_owned(), "on call & more".to_owned()],
        };
        assert_eq!(read.attributes(), [groups]);
        assert_eq!(read.good_until(), NOW_AND_6_MINUTES);
    }
}

const NOW_AND_6_MINUTES: OffsetDateTime = time::macros::datetime!(2026-11-20 12:06:00 UTC);

#[test]
fn who_it_is_from_for_and_about_must_be_right() {
    let end = "NotOnOrAfter=\"2026-11-20T12:05:00Z\"";
    for (what, replaced, words) in [
        ("wrong audience", (AUDIENCE, "https://somebody.else"), "audience of the assertion"),
        (
            "two audiences, both wrong",
            ("</saml:Audience>", "x</saml:Audience><saml:Audience>y</saml:Audience>"),
            "audience",
        ),
        ("no audience", ("saml:AudienceRestriction", "saml:ProxyRestriction"), "for whom it is"),
        (
            "an unknown condition",
            ("saml:AudienceRestriction", "saml:Other"),
            "condition that is not known",
        ),
        ("wrong recipient", (ACS, "https://proxy.example.com/elsewhere"), "recipient"),
        ("wrong issuer", (ISSUER, "https://evil.example.com"), "issuer of the assertion"),
        ("wrong InResponseTo", (REQUEST, "_another"), "InResponseTo"),
        ("no InResponseTo", (" InResponseTo=\"_request\"", ""), "answers no request"),
        ("not a bearer", ("cm:bearer", "cm:sender-vouches"), "no bearer confirmation"),
        ("no end", (end, ""), "has no NotOnOrAfter"),
        ("expired", (end, "NotOnOrAfter=\"2026-11-20T11:59:00Z\""), "was good until"),
        ("not yet valid", ("11:59:30Z", "12:01:01Z"), "is good from"),
        ("no time", ("11:59:30Z", "soon"), "is no time in UTC"),
        ("nobody signed in", ("saml:AuthnStatement", "saml:Nothing"), "anybody signed in"),
        (
            "a session that is over",
            (
                "AuthnInstant=\"2026-11-20T11:59:59Z\"",
                "AuthnInstant=\"2026-11-20T11:59:59Z\" SessionNotOnOrAfter=\"2026-11-20T11:00:00Z\"",
            ),
            "SessionNotOnOrAfter",
        ),
        ("no name", ("<saml:NameID>alice</saml:NameID>", ""), "has no NameID"),
        ("an empty name", (">alice<", "><"), "NameID is empty"),
        ("a name with elements", (">alice<", ">al<saml:x/>ice<"), "holds elements"),
        (
            "two names",
            ("</saml:NameID>", "</saml:NameID><saml:NameID>admin</saml:NameID>"),
            "several NameID",
        ),
        ("another version", ("Version=\"2.0\"", "Version=\"1.1\""), "version"),
        (
            "an attribute that is encrypted",
            ("<saml:AttributeStatement>", "<saml:AttributeStatement><saml:EncryptedAttribute/>"),
            "single attributes",
        ),
    ] {
        let text = signed(&[replaced]);
        let error = verify(&encoded(&text), &demands()).expect_err(what).to_string();
        assert!(error.contains(words), "{what}: {error}");
    }
    // Whoever's clock is a minute off is believed.
    for (old, new) in [(end, "NotOnOrAfter=\"2026-11-20T11:59:01Z\""), ("11:59:30Z", "12:01:00Z")] {
        verify(&encoded(&signed(&[(old, new)])), &demands()).unwrap();
    }
    // One of several confirmations and audiences is enough.
    let twice = signed(&[
        (
            "<saml:SubjectConfirmation ",
            "<saml:SubjectConfirmation Method=\"urn:x\"/><saml:SubjectConfirmation ",
        ),
        ("<saml:Audience>", "<saml:Audience>other</saml:Audience><saml:Audience>"),
    ]);
    verify(&encoded(&twice), &demands()).unwrap();
}

#[test]
fn what_the_response_says_of_itself_must_be_right() {
    let of = |replaced: &[(&str, &str)]| {
        response(&sign(&assertion(&[]), "_a", Signing::default()), replaced)
    };
    refused(&of(&[(ACS, "https://evil.example.com/acs")]), "destination");
    refused(&of(&[(ISSUER, "https://evil.example.com")]), "issuer of the response");
    refused(&of(&[(REQUEST, "_another")]), "InResponseTo of the response");
    refused(&of(&[("status:Success", "status:Responder")]), "the provider answers");
    refused(&of(&[("samlp:Response", "samlp:LogoutResponse")]), "the root is LogoutResponse");
    refused(&of(&[("<samlp:Status>", "<samlp:Status/><samlp:Status>")]), "several Status");
    refused(&response("", &[]), "there is no assertion");
    refused("<x/>", "the root is x");
    refused("", "not XML");
    let demands = demands();
    let large = "A".repeat(MAX_RESPONSE);
    assert!(!matches!(verify(&large, &demands), Err(Refused::TooLarge)));
    assert_eq!(verify(&format!("{large}A"), &demands), Err(Refused::TooLarge));
    assert_eq!(verify("not base64!", &demands), Err(Refused::Encoding));
}

#[test]
fn a_signature_is_by_a_key_that_is_known_and_in_a_way_that_counts() {
    let assertion = assertion(&[]);
    let of = |by: Signing<'_>| response(&sign(&assertion, "_a", by), &[]);
    let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let inclusive = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
    refused(&of(Signing { key: &OTHER, ..Signing::default() }), "by none of the keys");
    refused(&of(Signing { method: sha1, ..Signing::default() }), "rsa-sha1\" is not accepted");
    let digest = "http://www.w3.org/2000/09/xmldsig#sha1";
    refused(&of(Signing { digest, ..Signing::default() }), "xmldsig#sha1\" is not accepted");
    let hmac = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256";
    refused(&of(Signing { method: hmac, ..Signing::default() }), "is not accepted");
    let canonicalization = inclusive;
    refused(&of(Signing { canonicalization, ..Signing::default() }), "canonicalization");
    let xslt = "http://www.w3.org/TR/1999/REC-xslt-19991116";
    for transforms in [
        &[][..],
        &[ENVELOPED],
        &[EXCLUSIVE],
        &[EXCLUSIVE, ENVELOPED],
        &[ENVELOPED, inclusive],
        &[ENVELOPED, xslt, EXCLUSIVE],
    ] {
        refused(&of(Signing { transforms, ..Signing::default() }), "is not accepted");
    }
    // The same key under another certificate is the same key; a second one that is known is as good.
    let keys = [public(&OTHER), public(&KEY)];
    verify(&encoded(&alice()), &Demands { keys: &keys, ..demands() }).unwrap();
    let none = verify(&encoded(&alice()), &Demands { keys: &[], ..demands() }).unwrap_err();
    assert!(none.to_string().contains("by none of the keys"));
}

use crate::names::{ENVELOPED, EXCLUSIVE};

#[test]
fn what_nobody_asked_for_answers_nothing() {
    let unasked = Demands { request: None, ..demands() };
    let asked = format!(" InResponseTo=\"{REQUEST}\"");
    let assertion = |replaced: &[(&str, &str)]| {
        let inner = sign(&assertion(replaced), "_a", Signing::default());
        move |outer: &[(&str, &str)]| encoded(&response(&inner, outer))
    };
    let without = assertion(&[(&asked, "")]);
    verify(&without(&[(&asked, "")]), &unasked).unwrap();
    let refused = |text: &str| verify(text, &unasked).unwrap_err().to_string();
    // Taken from somebody whom it answers, also with what is not signed cut off.
    for text in [without(&[]), assertion(&[])(&[(&asked, "")]), assertion(&[])(&[])] {
        assert!(refused(&text).contains("answers a request"), "{}", refused(&text));
    }
    let error = verify(&without(&[(&asked, "")]), &demands()).unwrap_err().to_string();
    assert!(error.contains("answers no request"), "{error}");
    // One confirmation that fits beside one that answers somebody.
    let second = format!(
        "<saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
         <saml:SubjectConfirmationData NotOnOrAfter=\"2026-11-20T12:05:00Z\" Recipient=\"{ACS}\" \
         InResponseTo=\"_other\"/></saml:SubjectConfirmation></saml:Subject>"
    );
    let both = assertion(&[(&asked, ""), ("</saml:Subject>", &second)])(&[(&asked, "")]);
    assert!(refused(&both).contains("answers a request"), "{}", refused(&both));
}
