//! Encrypted assertions, as another implementation encrypts them (`xmlsec1`, which `cargo xtask setup`
//! installs).

use std::process::Command;
use std::sync::LazyLock;

use super::*;
use crate::names::SAML;
use crate::response::{Demands, verify};
use crate::testing::{NOW, OTHER, Signing, assertion, demands, encoded, response, sign};

/// The cluster's key.
static OURS: LazyLock<RsaKey> = LazyLock::new(|| RsaKey::generate().unwrap());

const OAEP: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const GCM: &str = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const CBC: &str = "http://www.w3.org/2001/04/xmlenc#aes128-cbc";

/// A text, encrypted for a key.
fn encrypted(text: &str, algorithm: &str, transport: &str, key: &RsaKey) -> String {
    // As bytes: what is XML for us is our business.
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let template = format!(
        "<xenc:EncryptedData xmlns:xenc=\"{XENC}\"><xenc:EncryptionMethod \
         Algorithm=\"{algorithm}\"/><ds:KeyInfo xmlns:ds=\"{DSIG}\"><xenc:EncryptedKey>\
         <xenc:EncryptionMethod Algorithm=\"{transport}\"/><ds:KeyInfo><ds:KeyName/></ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo>\
         <xenc:CipherData><xenc:CipherValue/></xenc:CipherData></xenc:EncryptedData>"
    );
    std::fs::write(path("template.xml"), template).unwrap();
    std::fs::write(path("data.xml"), text).unwrap();
    std::fs::write(path("cert.pem"), key.certify("us", NOW).unwrap().to_pem()).unwrap();
    let bits = if algorithm.contains("256") { "aes-256" } else { "aes-128" };
    let done = Command::new("xmlsec1")
        .args(["--encrypt", "--session-key", bits, "--pubkey-cert-pem"])
        .arg(path("cert.pem"))
        .arg("--binary-data")
        .arg(path("data.xml"))
        .arg(path("template.xml"))
        .output()
        .expect("xmlsec1 is not installed: run `cargo xtask setup`");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let made = String::from_utf8(done.stdout).unwrap();
    let made = made.split_once("?>").map_or(made.as_str(), |(_, rest)| rest).trim().to_owned();
    format!("<saml:EncryptedAssertion xmlns:saml=\"{SAML}\">{made}</saml:EncryptedAssertion>")
}

fn signed_assertion() -> String {
    sign(&assertion(&[]), "_a", Signing::default())
}

fn outcome(text: &str) -> Result<String, String> {
    let demands = Demands { key: Some(&OURS), ..demands() };
    let read = verify(&encoded(text), &demands).map_err(|error| error.to_string())?;
    Ok(read.name_id().to_owned())
}

#[test]
fn what_another_implementation_encrypts_is_read() {
    let inner = encrypted(&signed_assertion(), GCM, OAEP, &OURS);
    assert_eq!(outcome(&response(&inner, &[])).as_deref(), Ok("alice"));
    // Within a signed response it need not be signed itself, and may be CBC.
    for algorithm in [GCM, CBC, "http://www.w3.org/2001/04/xmlenc#aes256-cbc"] {
        let inner = encrypted(&assertion(&[]), algorithm, OAEP, &OURS);
        let whole = sign(&response(&inner, &[]), "_r", Signing::default());
        assert_eq!(outcome(&whole).as_deref(), Ok("alice"), "{algorithm}");
    }
}

#[test]
fn encryption_proves_nothing() {
    let refused = |text: &str, words: &str| {
        let error = outcome(text).expect_err(words);
        assert!(error.contains(words), "{words}: {error}");
    };
    // Anybody can encrypt for us.
    let inner = encrypted(&assertion(&[("alice", "admin")]), GCM, OAEP, &OURS);
    refused(&response(&inner, &[]), "neither the response nor its assertion is signed");
    let theirs = sign(&assertion(&[]), "_a", Signing { key: &OTHER, ..Signing::default() });
    refused(&response(&encrypted(&theirs, GCM, OAEP, &OURS), &[]), "by none of the keys");
    refused(&response(&encrypted("<x/>", GCM, OAEP, &OURS), &[]), "is no assertion");
    let laughs = "<!DOCTYPE r [<!ENTITY a \"b\">]><r/>";
    refused(&response(&encrypted(laughs, GCM, OAEP, &OURS), &[]), "a document type");
    // CBC that is not signed from outside would be an oracle.
    refused(
        &response(&encrypted(&signed_assertion(), CBC, OAEP, &OURS), &[]),
        "within a signed response",
    );
    // For somebody else, changed on the way, or in a way that does not count.
    let other = encrypted(&signed_assertion(), GCM, OAEP, &OTHER);
    refused(&response(&other, &[]), "not encrypted for assertion_key_pair");
    let inner = encrypted(&signed_assertion(), GCM, OAEP, &OURS);
    let (before, value) = inner.rsplit_once("<xenc:CipherValue>").unwrap();
    let turned: String = value
        .chars()
        .enumerate()
        .map(|(at, c)| match (at, c) {
            (40, 'A') => 'B',
            (40, _) => 'A',
            (_, c) => c,
        })
        .collect();
    let changed = format!("{before}<xenc:CipherValue>{turned}");
    refused(&response(&changed, &[]), "cannot be decrypted");
    let rsa15 = "http://www.w3.org/2001/04/xmlenc#rsa-1_5";
    let weak = encrypted(&signed_assertion(), GCM, rsa15, &OURS);
    refused(&response(&weak, &[]), "rsa-1_5\"");
    refused(&response(&inner.replace("aes256-gcm", "tripledes-cbc"), &[]), "is not accepted");
    refused(&response(&inner.replace("aes256-gcm", "aes128-gcm"), &[]), "another length");
    refused(&response(&format!("{inner}{inner}"), &[]), "several EncryptedAssertion");
    refused(&response(&format!("{inner}{}", signed_assertion()), &[]), "several assertions");
    let demands = Demands { key: None, ..demands() };
    let none = verify(&encoded(&response(&inner, &[])), &demands).unwrap_err();
    assert!(none.to_string().contains("no assertion_key_pair"), "{none}");
}
