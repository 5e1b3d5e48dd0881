//! Requests.

use pki::ForeignKey;
use pki::foreign_key::{Digest, SignatureAlgorithm};
use time::macros::datetime;

use super::*;
use crate::xml::{Comments, parse};

#[test]
fn a_request_is_signed_as_it_is_written() {
    let now = datetime!(2026-11-20 12:00:00.123 UTC);
    let key = RsaKey::generate().unwrap();
    let request = AuthnRequest {
        id: "_1",
        issuer: "https://a/?b&\"c\"",
        acs: "https://proxy.example.com/acs",
        destination: "https://idp.example.com/sso?tenant=1",
        now,
        force: false,
    };
    let url = request.redirect(&key, "a state").unwrap();
    let query = url.query().unwrap().strip_prefix("tenant=1&").unwrap();
    let (signed, signature) = query.split_once("&Signature=").unwrap();
    let signature: String =
        url::form_urlencoded::parse(format!("x={signature}").as_bytes()).next().unwrap().1.into();
    let certificate = key.certify("x", now).unwrap();
    let foreign = ForeignKey::from_certificate(certificate).unwrap();
    let signature = STANDARD.decode(signature).unwrap();
    let by = SignatureAlgorithm::Rsa(Digest::Sha256);
    assert!(foreign.verifies(by, signed.as_bytes(), &signature));
    let read = parse(&request.to_xml().unwrap(), Comments::Refuse).unwrap();
    assert_eq!(read.attribute("IssueInstant"), Some("2026-11-20T12:00:00Z"));
    assert_eq!(read.attribute("Destination"), Some(request.destination));
    assert_eq!(read.one(SAML, "Issuer").unwrap().text().unwrap(), request.issuer);
}

#[test]
fn who_is_to_sign_in_anew_is_asked_to() {
    let now = datetime!(2026-11-20 12:00 UTC);
    let request = |force| AuthnRequest {
        id: "_1",
        issuer: "us",
        acs: "https://proxy.example.com/acs",
        destination: "https://idp.example.com/sso",
        force,
        now,
    };
    let forced = |force| {
        let text = request(force).to_xml().unwrap();
        let read = parse(&text, Comments::Refuse).unwrap();
        read.attribute("ForceAuthn").map(str::to_owned)
    };
    assert_eq!((forced(true).as_deref(), forced(false)), (Some("true"), None));
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(stored(&vec![0; 65_535]).is_some() && stored(&vec![0; 65_536]).is_none());
}
