//! A provider for tests: it says what it is told to, and signs it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::foreign_key::Digest;
use pki::{ForeignKey, RsaKey};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::canonical::{Canonical, canonical};
use crate::names::{DSIG, ENVELOPED, EXCLUSIVE, RSA_SHA256, SAML, SAMLP};
use crate::response::Demands;
use crate::xml::{Comments, Element, parse};

pub(crate) const NOW: OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);
pub(crate) const ISSUER: &str = "https://idp.example.com/metadata";
pub(crate) const AUDIENCE: &str = "https://proxy.example.com/saml";
pub(crate) const ACS: &str = "https://proxy.example.com/v1/webapi/saml/acs";
pub(crate) const REQUEST: &str = "_request";

pub(crate) static KEY: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate().unwrap());
pub(crate) static OTHER: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate().unwrap());
static KEYS: LazyLock<Vec<ForeignKey>> = LazyLock::new(|| vec![public(&KEY)]);

pub(crate) fn public(key: &RsaKey) -> ForeignKey {
    ForeignKey::from_certificate(key.certify("idp", NOW).unwrap()).unwrap()
}

/// What is demanded where nothing else is.
pub(crate) fn demands() -> Demands<'static> {
    Demands {
        issuer: ISSUER,
        keys: &KEYS,
        audience: AUDIENCE,
        acs: ACS,
        request: Some(REQUEST),
        since: None,
        key: None,
        now: NOW,
    }
}

/// How things are signed.
#[derive(Clone, Copy)]
pub(crate) struct Signing<'a> {
    pub(crate) key: &'a RsaKey,
    pub(crate) method: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) canonicalization: &'a str,
    pub(crate) transforms: &'a [&'a str],
}

impl Default for Signing<'_> {
    fn default() -> Self {
        Self {
            key: &KEY,
            method: RSA_SHA256,
            digest: "http://www.w3.org/2001/04/xmlenc#sha256",
            canonicalization: EXCLUSIVE,
            transforms: &[ENVELOPED, EXCLUSIVE],
        }
    }
}

/// An assertion about alice, `_a`, in which some text is replaced by other text.
pub(crate) fn assertion(replaced: &[(&str, &str)]) -> String {
    let text = format!(
        "<saml:Assertion xmlns:saml=\"{SAML}\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" ID=\"_a\" Version=\"2.0\" \
         IssueInstant=\"2026-11-20T12:00:00Z\"><saml:Issuer>{ISSUER}</saml:Issuer>\
         <saml:Subject><saml:NameID>alice</saml:NameID><saml:SubjectConfirmation \
         Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\"><saml:SubjectConfirmationData \
         NotOnOrAfter=\"2026-11-20T12:05:00Z\" Recipient=\"{ACS}\" InResponseTo=\"{REQUEST}\"/>\
         </saml:SubjectConfirmation></saml:Subject><saml:Conditions \
         NotBefore=\"2026-11-20T11:59:30Z\" NotOnOrAfter=\"2026-11-20T12:05:00Z\">\
         <saml:AudienceRestriction><saml:Audience>{AUDIENCE}</saml:Audience>\
         </saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement \
         AuthnInstant=\"2026-11-20T11:59:59Z\"><saml:AuthnContext><saml:AuthnContextClassRef>\
         urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>\
         </saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement>\
         <saml:Attribute Name=\"groups\"><saml:AttributeValue xsi:type=\"xs:string\">eng\
         </saml:AttributeValue><saml:AttributeValue>on call &amp; more</saml:AttributeValue>\
         </saml:Attribute></saml:AttributeStatement></saml:Assertion>"
    );
    replace(text, replaced)
}

/// A response, `_r`, that holds something.
pub(crate) fn response(inner: &str, replaced: &[(&str, &str)]) -> String {
    let text = format!(
        "<samlp:Response xmlns:samlp=\"{SAMLP}\" xmlns:saml=\"{SAML}\" ID=\"_r\" Version=\"2.0\" \
         IssueInstant=\"2026-11-20T12:00:00Z\" Destination=\"{ACS}\" InResponseTo=\"{REQUEST}\">\
         <saml:Issuer>{ISSUER}</saml:Issuer><samlp:Status><samlp:StatusCode \
         Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>\u{1}</samlp:Response>"
    );
    replace(text, replaced).replace('\u{1}', inner)
}

pub(crate) fn replace(mut text: String, replaced: &[(&str, &str)]) -> String {
    for (old, new) in replaced {
        assert!(text.contains(old), "there is no {old:?} in {text}");
        text = text.replace(old, new);
    }
    text
}

/// The text with a signature behind the issuer of the element with this ID.
pub(crate) fn sign(text: &str, id: &str, by: Signing<'_>) -> String {
    let signature = signature(text, id, by);
    let (before, after) = text.split_once(&format!("ID=\"{id}\"")).unwrap();
    let end = "</saml:Issuer>";
    let (issuer, rest) = after.split_once(end).unwrap();
    format!("{before}ID=\"{id}\"{issuer}{end}{signature}{rest}")
}

/// A signature over the element with this ID.
pub(crate) fn signature(text: &str, id: &str, by: Signing<'_>) -> String {
    let root = parse(text, Comments::Skip).unwrap();
    let bytes = canonical(with_id(&root, id).unwrap(), Canonical::default()).unwrap();
    let digest = if by.digest.ends_with("512") { Digest::Sha512 } else { Digest::Sha256 };
    let digest = STANDARD.encode(digest.of(bytes.as_bytes()));
    let transforms: String = by
        .transforms
        .iter()
        .map(|name| format!("<ds:Transform Algorithm=\"{name}\"></ds:Transform>"))
        .collect();
    let info = |declared: &str| {
        format!(
            "<ds:SignedInfo{declared}><ds:CanonicalizationMethod Algorithm=\"{}\">\
             </ds:CanonicalizationMethod><ds:SignatureMethod Algorithm=\"{}\"></ds:SignatureMethod>\
             <ds:Reference URI=\"#{id}\"><ds:Transforms>{transforms}</ds:Transforms>\
             <ds:DigestMethod Algorithm=\"{}\"></ds:DigestMethod>\
             <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>",
            by.canonicalization, by.method, by.digest
        )
    };
    let signed = info(&format!(" xmlns:ds=\"{DSIG}\""));
    let value = STANDARD.encode(by.key.sign(signed.as_bytes()).unwrap());
    format!(
        "<ds:Signature xmlns:ds=\"{DSIG}\">{}<ds:SignatureValue>{value}</ds:SignatureValue>\
         </ds:Signature>",
        info("")
    )
}

fn with_id<'a>(element: &'a Element, id: &str) -> Option<&'a Element> {
    if element.attribute("ID") == Some(id) {
        return Some(element);
    }
    element.elements().find_map(|inner| with_id(inner, id))
}

/// A response as a form carries it.
pub(crate) fn encoded(text: &str) -> String {
    STANDARD.encode(text)
}

/// Alice's response, its assertion signed.
pub(crate) fn alice() -> String {
    response(&sign(&assertion(&[]), "_a", Signing::default()), &[])
}
