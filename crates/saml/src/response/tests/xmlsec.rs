//! What another implementation says of the same signatures: `xmlsec1`, which `cargo xtask setup` installs.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

/// Whether `xmlsec1` verifies the signature in the element with this ID, by our provider's certificate.
fn verifies(text: &str, element: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (document, certificate) = (folder.path().join("r.xml"), folder.path().join("c.pem"));
    std::fs::write(&document, text).unwrap();
    std::fs::write(&certificate, KEY.certify("idp", demands().now).unwrap().to_pem()).unwrap();
    let done = Command::new("xmlsec1")
        .arg("--verify")
        .args(["--pubkey-cert-pem"])
        .arg(&certificate)
        .args(["--id-attr:ID", element])
        .arg(&document)
        .stdin(Stdio::null())
        .output()
        .expect("xmlsec1 is not installed: run `cargo xtask setup`");
    done.status.success()
}

/// Whether it verifies the first signature of a response, wherever that stands.
pub(super) fn holds(text: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let (document, certificate) = (folder.path().join("r.xml"), folder.path().join("c.pem"));
    std::fs::write(&document, text).unwrap();
    std::fs::write(&certificate, KEY.certify("idp", demands().now).unwrap().to_pem()).unwrap();
    let done = Command::new("xmlsec1")
        .args(["--verify", "--pubkey-cert-pem"])
        .arg(&certificate)
        .args(["--id-attr:ID", ASSERTION, "--id-attr:ID", RESPONSE])
        .arg(&document)
        .output()
        .expect("xmlsec1 is not installed: run `cargo xtask setup`");
    done.status.success()
}

const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion";
const RESPONSE: &str = "urn:oasis:names:tc:SAML:2.0:protocol:Response";

#[test]
fn both_implementations_say_the_same_of_a_signature() {
    let plain = assertion(&[]);
    // Everything that canonicalization has to do with.
    let odd = assertion(&[
        ("<saml:NameID>", "<saml:NameID  SPNameQualifier = 'a&#10;b&quot;c'\n Format=\"\">"),
        ("on call &amp; more", "ün &#13; &gt; &#x1F600; \"'\t\r\nx"),
        (
            "<saml:Attribute Name",
            "<saml:Attribute xmlns='urn:d' xmlns:b='urn:b' b:z='1' a='2' Name",
        ),
        (
            "<saml:AuthnContext>",
            "<saml:AuthnContext xml:lang='en'><x xmlns='urn:e'><y xmlns=''/></x>",
        ),
    ]);
    let other = Signing { key: &OTHER, ..Signing::default() };
    let digest = "http://www.w3.org/2001/04/xmlenc#sha512";
    let long = Signing { digest, ..Signing::default() };
    for (name, text, element, id, holds) in [
        ("plain", sign(&plain, "_a", Signing::default()), ASSERTION, "_a", true),
        ("odd", sign(&odd, "_a", Signing::default()), ASSERTION, "_a", true),
        ("sha512", sign(&plain, "_a", long), ASSERTION, "_a", true),
        ("another key", sign(&plain, "_a", other), ASSERTION, "_a", false),
        (
            "tampered",
            sign(&plain, "_a", Signing::default()).replace("alice", "admin"),
            ASSERTION,
            "_a",
            false,
        ),
        (
            "added",
            sign(&plain, "_a", Signing::default()).replace("ID=\"_a\"", "ID=\"_a\" b=\"\""),
            ASSERTION,
            "_a",
            false,
        ),
        ("response", sign(&response(&odd, &[]), "_r", Signing::default()), RESPONSE, "_r", true),
        (
            "swapped",
            sign(&response(&plain, &[]), "_r", Signing::default()).replace("alice", "admin"),
            RESPONSE,
            "_r",
            false,
        ),
    ] {
        assert_eq!(verifies(&text, element), holds, "xmlsec1 on {name}: {text}");
        let root = parse(&text, Comments::Refuse).unwrap();
        let ours = signature::verify(&root, "response", demands().keys);
        assert_eq!(matches!(ours, Ok(Some(_))), holds, "ours on {name} ({id}): {ours:?}");
    }
}

/// The text with nothing in the first element of this name.
fn emptied(text: &str, name: &str) -> String {
    let (begin, end) = (format!("<{name}>"), format!("</{name}>"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    format!("{before}{begin}{end}{after}")
}

#[test]
fn what_another_implementation_signs_is_believed() {
    for signed in [signed_by_another(&assertion(&[]), ""), signed_with_prefixes(&assertion(&[]))] {
        let whole = response(&signed, &[]);
        assert_eq!(verify(&encoded(&whole), &demands()).unwrap().name_id(), "alice");
        // The response signed around it, which is read from its own canonical form first.
        let both = sign(&whole, "_r", Signing::default());
        assert_eq!(verify(&encoded(&both), &demands()).unwrap().name_id(), "alice");
    }
}

/// With prefixes that are declared wherever they mean something.
pub(super) fn signed_with_prefixes(text: &str) -> String {
    let prefixes = "<ec:InclusiveNamespaces xmlns:ec=\"http://www.w3.org/2001/10/xml-exc-c14n#\" \
                    PrefixList=\"xs #default\"/>";
    signed_by_another(text, prefixes)
}

/// An assertion, signed by `xmlsec1` from a template.
fn signed_by_another(text: &str, parameters: &str) -> String {
    let template = crate::testing::signature(text, "_a", Signing::default());
    let template = emptied(&emptied(&template, "ds:SignatureValue"), "ds:DigestValue");
    let end = "</ds:Transform></ds:Transforms>";
    let template = template.replace(end, &format!("{parameters}{end}"));
    let issuer = "</saml:Issuer>";
    let text = text.replacen(issuer, &format!("{issuer}{template}"), 1);
    let folder = tempfile::tempdir().unwrap();
    let (document, key) = (folder.path().join("a.xml"), folder.path().join("k.pem"));
    std::fs::write(&document, text).unwrap();
    std::fs::File::create(&key).unwrap().write_all(KEY.to_pem().as_bytes()).unwrap();
    let done = Command::new("xmlsec1")
        .args(["--sign", "--privkey-pem"])
        .arg(&key)
        .args(["--id-attr:ID", ASSERTION])
        .arg(&document)
        .output()
        .expect("xmlsec1 is not installed: run `cargo xtask setup`");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let signed = String::from_utf8(done.stdout).unwrap();
    signed.split_once("?>").map_or(signed.as_str(), |(_, rest)| rest).trim().to_owned()
}
