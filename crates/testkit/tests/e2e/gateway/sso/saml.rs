//! People who sign in at a SAML provider that can be told to misbehave: `samlp`, with the forms and
//! redirections that browsers meet.

use serde_json::{Value, json};
use testkit::{Browser, SamlProvider, wait};

use super::{Office, done, finished, refused};

impl Office<SamlProvider> {
    fn saml(more: &Value) -> Self {
        let office = Self::open(SamlProvider::start);
        office.cluster.put(&office.provider.connector("okta", more));
        office
    }

    fn fault(&self, name: &str) {
        self.provider.change(&json!({"fault": name}));
    }
}

#[test]
fn an_attribute_decides_what_is_seen_from_the_next_login_on() {
    let office = Office::saml(&json!({}));
    // The provider takes requests that this cluster signed, and no others.
    let connector = office.cluster.get("saml/okta");
    let certificate = connector.pointer("/spec/signing_key_pair/cert").unwrap();
    office.provider.change(&json!({"requests": certificate}));
    office.cluster.app("everything", &office.real.everything());
    let ls = || {
        let tsh = office.cluster.tsh_at(&office.home("alice")).args(["mcp", "ls"]);
        done(&office.cluster.run(&tsh, ""))
    };
    let said = done(&office.login("alice", &["--auth=okta"]));
    assert!(said.contains("alice"), "{said}");
    let before = ls();
    assert!(before.contains("[echo]"), "{before}");
    let alice = json!({"groups": ["eng"], "mcp_tools": ["echo", "get-sum"], "urn:oid:0.9": "x"});
    office.provider.change(&json!({"users": {"alice": alice}}));
    assert_eq!(ls(), before, "the certificate says what was true at the login");
    let _said = done(&office.login("alice", &["--auth=okta"]));
    assert!(ls().contains("echo, get-sum"));

    let record = office.cluster.await_audit("the login", &["--event=user.login"], |record| {
        record["code"] == "T1001I" && record["user"] == "alice"
    });
    assert_eq!((&record["method"], &record["connector"]), (&json!("saml"), &json!("okta")));
    let mapping =
        json!([{"role": "developer", "claim": "groups", "value": "eng", "pattern": "eng"}]);
    assert_eq!(record["mappings"], mapping);
    let user = office.cluster.get("user/alice");
    let origin = json!({"type": "saml", "id": "okta", "identity": "alice"});
    assert_eq!(user.pointer("/spec/created_by/connector"), Some(&origin));
    let traits = json!({"groups": ["eng"], "mcp_tools": ["echo", "get-sum"], "urn:oid:0.9": ["x"]});
    assert_eq!(user.pointer("/spec/traits"), Some(&traits));
    refused(&office.login("bob", &["--auth=okta"]), &["gives you a role"]);

    // Another key at the provider is found by itself, though it is not asked each second.
    office.provider.change(&json!({"rotate": true}));
    let connector = office.provider.connector("okta", &json!({})).to_string();
    wait::until("the provider's new key", wait::PATIENCE, || {
        // Unlike people, administrators may try as often as they like.
        let tried = office.try_connector(&connector);
        if tried.status.success() { Ok(()) } else { Err(tried.stderr) }
    });
    let _said = done(&office.login("alice", &["--auth=okta"]));
    // What is signed need not be the assertion; and metadata may be a text.
    office.fault("sign-response");
    let metadata = json!({"entity_descriptor": office.provider.metadata()});
    let mut connector = office.provider.connector("okta", &metadata);
    connector["spec"].as_object_mut().unwrap().remove("entity_descriptor_url");
    office.cluster.put(&connector);
    let _said = done(&office.login("alice", &["--auth=okta"]));
}

#[test]
fn what_a_provider_says_wrongly_is_refused_and_told() {
    let office = Office::saml(&json!({}));
    let _said = done(&office.login("alice", &["--auth=okta"]));
    let disbelieved = "is not accepted";
    for (fault, said, detail) in [
        ("unsigned", disbelieved, "neither the response nor its assertion is signed"),
        ("wrong-key", disbelieved, "by none of the keys"),
        ("sha1", disbelieved, "sha1\" is not accepted"),
        ("wrong-audience", disbelieved, "audience of the assertion"),
        ("wrong-recipient", disbelieved, "recipient of the SubjectConfirmationData"),
        ("wrong-destination", disbelieved, "destination of the response"),
        ("wrong-issuer", disbelieved, "issuer of the response"),
        ("wrong-request", disbelieved, "InResponseTo of the response"),
        ("no-request", disbelieved, "answers no request"),
        ("expired", disbelieved, "was good until"),
        ("replay", disbelieved, "InResponseTo of the response"),
        ("denied", "did not sign you in", "status:Responder"),
        ("transient", "does not say what your name is here", "transient"),
    ] {
        office.fault(fault);
        refused(&office.login("alice", &["--auth=okta"]), &[said]);
        office.cluster.await_audit(fault, &["--event=user.login"], |record| {
            record["code"] == "T1001W"
                && record["detail"].as_str().is_some_and(|found| found.contains(detail))
        });
    }
    // An assertion is used once, whatever it answers.
    office.fault("same-id");
    let _said = done(&office.login("alice", &["--auth=okta"]));
    refused(&office.login("alice", &["--auth=okta"]), &[disbelieved]);
    office.cluster.await_audit("the replay", &["--event=user.login"], |record| {
        record["detail"].as_str().is_some_and(|found| found.contains("was shown before"))
    });
}

#[test]
fn a_response_belongs_to_one_browser_and_is_shown_once() {
    let office = Office::saml(&json!({}));
    let browser = Browser::new(&office.real);
    let fields = json!({"login": "alice", "password": "alice"});
    let acs = testkit::saml_provider::acs(&office.cluster);
    let (mut tsh, link) = office.begin(&office.home("alice"), &["--auth=okta"]);
    let away = browser.walk(&link, &json!({"fields": fields, "stop": acs}));
    let cookie = away["hops"][0]["cookies"][0].as_str().unwrap();
    for part in ["__Host-tessera-sso-", "; HttpOnly", "; Secure", "; SameSite=None"] {
        assert!(cookie.contains(part), "{part} is missing: {cookie}");
    }
    // The response of this login in another's browser.
    let form = &away["form"];
    let stranger = browser.walk(&acs, &json!({"form": form}));
    assert_eq!(stranger["status"], 403, "{stranger}");
    // With another login's state in the same browser.
    let (other, second) = office.begin(&office.home("mallory"), &["--auth=okta"]);
    let crossed = browser.walk(
        &second,
        &json!({
            "fields": fields, "edit": {"SAMLResponse": form["SAMLResponse"]},
        }),
    );
    assert!(crossed["text"].as_str().unwrap().contains("Back to the terminal"), "{crossed}");
    drop(other);
    office.cluster.await_audit("the crossing", &["--event=user.login"], |record| {
        record["detail"].as_str().is_some_and(|detail| detail.contains("InResponseTo"))
    });
    // Nothing at all, and a state that nobody began; what comes unasked leads nowhere.
    let unasked = browser.walk(&acs, &json!({"form": {"SAMLResponse": form["SAMLResponse"]}}));
    assert!(unasked["text"].as_str().unwrap().contains("Begin with tsh login"), "{unasked}");
    let strange = json!({"RelayState": "x".repeat(43)});
    for (form, status) in [(json!({}), 400), (json!({"RelayState": "x"}), 400), (strange, 403)] {
        assert_eq!(browser.walk(&acs, &json!({"form": form}))["status"], status);
    }
    let there = browser.walk(&acs, &json!({"jar": away["jar"], "form": form}));
    assert!(there["text"].as_str().unwrap().contains("Back to the terminal"), "{there}");
    assert!(finished(&mut tsh).status.success());
    let again = browser.walk(&acs, &json!({"jar": away["jar"], "form": form}));
    assert_eq!(again["status"], 404, "{again}");
}

#[test]
fn a_saml_connector_is_tried_before_it_is_written() {
    let office = Office::saml(&json!({}));
    office.cluster.admin(&["rm", "saml/okta"]);
    let acs = format!("--acs={}", testkit::saml_provider::acs(&office.cluster));
    let metadata = format!("--entity-descriptor={}", office.provider.metadata_url());
    let document = office.cluster.admin(&[
        "sso",
        "configure",
        "saml",
        "--name=okta",
        &acs,
        &metadata,
        "--audience=urn:tessera:test",
        "--attributes-to-roles=groups,eng,developer",
        "--attributes-to-roles=groups,^team-(.*)$,of-$1",
    ]);
    office.try_in_vain(
        &document,
        &[
            "Connector: okta (saml)",
            "NameID: \"alice\"",
            "groups: [\"eng\",\"team-red\"]",
            "{{external.level}} = 7",
            "developer: groups has \"eng\", which fits \"eng\"",
            "of-red  [does not exist]",
            "would be refused",
        ],
    );
    assert_eq!(office.cluster.tctl_json(&["get", "users,saml", "--format=json"]), json!([]));

    office.cluster.admin_with(&["create", "-"], &document);
    office.cluster.tools_role("of-red", &["echo"]);
    let _said = done(&office.login("alice", &["--auth=okta"]));
    let shown = office.cluster.admin(&["get", "saml/okta"]);
    assert!(!shown.contains("PRIVATE KEY") && shown.contains("********"), "{shown}");
    let key = |text: &str| text.lines().find(|line| line.contains("MII")).map(str::to_owned);
    // Keys that are masked, or left out, are kept.
    office.cluster.admin_with(&["create", "-f", "-"], &shown);
    office.cluster.admin_with(&["create", "-f", "-"], &document);
    assert_eq!(key(&office.cluster.admin(&["get", "saml/okta"])), key(&shown));
    let _said = done(&office.login("alice", &["--auth=okta"]));
}
