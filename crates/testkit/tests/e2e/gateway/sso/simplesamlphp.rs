//! People who sign in at SimpleSAMLphp, a product that nobody here wrote.

use serde_json::{Value, json};
use testkit::simplesamlphp::Known;
use testkit::{Browser, Process, SimpleSamlPhp, wait};

use super::{Office, done, finished};
use crate::gateway::text;

/// Metadata that nobody serves, until the provider is there that needs to know the cluster first.
const NOWHERE: &str = "http://127.0.0.1:1/metadata";

fn certificate(office: &Office<()>, pair: &str) -> String {
    let connector = office.cluster.get("saml/ssp");
    connector.pointer(&format!("/spec/{pair}/cert")).and_then(Value::as_str).unwrap().to_owned()
}

/// `alice` signs in, in the way of the provider's own pages.
fn login(office: &Office<()>) -> String {
    let (mut tsh, link) = office.begin(&office.home("alice"), &["--auth=ssp"]);
    let fields = json!({"username": "alice", "password": "alice"});
    let seen = Browser::new(&office.real).walk(&link, &json!({"fields": fields}));
    let text = seen.get("text").and_then(Value::as_str).unwrap();
    assert!(text.contains("Back to the terminal"), "{seen}");
    done(&finished(&mut tsh))
}

#[test]
fn a_product_that_signs_everything_lets_people_in() {
    let office = Office::open(|_real, _cluster| ());
    office.cluster.app("everything", &office.real.everything());
    office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, NOWHERE, &json!({})));
    // It takes requests only that this cluster signed.
    let requests = certificate(&office, "signing_key_pair");
    let known = Known { requests: &requests, ..Known::default() };
    let scratch = office.cluster.scratch();
    let provider = SimpleSamlPhp::start(&office.real, &office.cluster, scratch, &known);
    let metadata = provider.metadata_url();
    office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, &metadata, &json!({})));
    let said = login(&office);
    assert!(said.contains("alice"), "{said}");
    let tsh = office.cluster.tsh_at(&office.home("alice")).args(["mcp", "ls"]);
    let seen = done(&office.cluster.run(&tsh, ""));
    assert!(seen.contains("echo, get-sum"), "{seen}");
    let user = office.cluster.get("user/alice");
    assert_eq!(user.pointer("/spec/traits/groups"), Some(&json!(["eng", "oncall"])));
}

/// Opens a link in a browser that may have been at the provider before.
fn walk(office: &Office<()>, wishes: &Value) -> (Value, Process) {
    let (tsh, link) = office.begin(&office.home("alice"), &["--auth=ssp", "--ttl=11h"]);
    (Browser::new(&office.real).walk(&link, wishes), tsh)
}

fn is_back(seen: &Value) -> bool {
    seen.get("text").and_then(Value::as_str).unwrap().contains("Back to the terminal")
}

#[test]
fn a_product_says_for_how_long_and_is_told_to_ask_anew() {
    let office = Office::open(|_real, _cluster| ());
    office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, NOWHERE, &json!({})));
    let requests = certificate(&office, "signing_key_pair");
    let known = Known { requests: &requests, ..Known::default() };
    let scratch = office.cluster.scratch();
    let provider = SimpleSamlPhp::start(&office.real, &office.cluster, scratch, &known);
    let put = |more: &Value| {
        let metadata = provider.metadata_url();
        office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, &metadata, more));
    };
    put(&json!({}));
    let fields = json!({"username": "alice", "password": "alice"});
    let (first, mut tsh) = walk(&office, &json!({"fields": fields}));
    assert!(is_back(&first), "{first}");
    done(&finished(&mut tsh));
    // Its sessions last an hour, and so does what is signed in by them, whatever was asked for.
    let user = office.cluster.get("user/alice");
    let expires = user.pointer("/spec/expires").and_then(Value::as_str).unwrap();
    let at = |words: &str| {
        let date = testkit::Argv::new("date").args(["-u", "-d", words, "+%Y-%m-%dT%H:%M:%S"]);
        testkit::process::run(date.command(), b"", wait::PATIENCE).stdout
    };
    let (earliest, latest) = (at("+50 minutes"), at("+61 minutes"));
    assert!(earliest.as_slice() < expires.as_bytes(), "{expires}");
    assert!(expires.as_bytes() < latest.as_slice(), "{expires}");

    // Who is signed in there is not asked again, unless that is demanded.
    let jar = &first["jar"];
    let (second, mut tsh) = walk(&office, &json!({"jar": jar}));
    assert!(is_back(&second), "{second}");
    done(&finished(&mut tsh));
    put(&json!({"force_authn": true}));
    let (third, tsh) = walk(&office, &json!({"jar": jar}));
    assert!(!is_back(&third), "{third}");
    drop(tsh);
    let (fourth, mut tsh) = walk(&office, &json!({"jar": jar, "fields": fields}));
    assert!(is_back(&fourth), "{fourth}");
    done(&finished(&mut tsh));
}

#[test]
fn a_product_that_encrypts_assertions_lets_people_in() {
    let office = Office::open(|_real, _cluster| ());
    let (key, cert) =
        (office.cluster.scratch().join("k.pem"), office.cluster.scratch().join("c.pem"));
    let openssl = testkit::Argv::new("openssl").args([
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=us",
        "-keyout",
        text(&key),
        "-out",
        text(&cert),
    ]);
    let made = testkit::process::run(openssl.command(), b"", wait::PATIENCE);
    assert!(made.status.success(), "{}", made.stderr);
    let read = |path| std::fs::read_to_string(path).unwrap();
    let encryption = read(&cert);
    let pair = json!({"assertion_key_pair": {"private_key": read(&key), "cert": encryption}});
    office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, NOWHERE, &pair));
    let requests = certificate(&office, "signing_key_pair");
    // AES-CBC is its own choice; it is within a response that is signed.
    for cipher in ["", "http://www.w3.org/2009/xmlenc11#aes256-gcm"] {
        let known = Known {
            requests: &requests,
            encryption: Some(&encryption),
            cipher,
            ..Known::default()
        };
        let scratch = office.cluster.scratch();
        let provider = SimpleSamlPhp::start(&office.real, &office.cluster, scratch, &known);
        let metadata = provider.metadata_url();
        office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, &metadata, &pair));
        let said = login(&office);
        assert!(said.contains("alice"), "{cipher}: {said}");
    }
}
