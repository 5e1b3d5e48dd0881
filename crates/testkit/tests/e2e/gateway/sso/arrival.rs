//! People who begin at their provider, and let a machine in that shows a code.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::simplesamlphp::Known;
use testkit::{Browser, Process, SamlProvider, SimpleSamlPhp, wait};

use super::{Office, done, finished, refused};

/// The connector as it has to be for that.
fn unasked(office: &Office<SamlProvider>) -> Value {
    let acs = format!("{}/okta", testkit::saml_provider::acs(&office.cluster));
    office.provider.connector("okta", &json!({"allow_idp_initiated": true, "acs": acs}))
}

fn office() -> Office<SamlProvider> {
    let office = Office::open(SamlProvider::start);
    let connector = unasked(&office);
    office.provider.change(&json!({"acs": connector.pointer("/spec/acs")}));
    office.cluster.put(&connector);
    office
}

impl<P> Office<P> {
    /// A machine that waits, and the code that it shows.
    fn machine(&self, name: &str, words: &[&str]) -> (Process, String) {
        let words = [&["--headless"], words].concat();
        let (tsh, _page) = self.cluster.begin_login(&self.home(name), &words);
        let code = wait::until("the code", wait::PATIENCE, || {
            let said = tsh.stderr();
            let found = said.split_whitespace().find(|word| word.len() == 9 && word.contains('-'));
            found.map(str::to_owned).ok_or(said)
        });
        (tsh, code)
    }
}

impl Office<SamlProvider> {
    /// Somebody begins at the provider, and fills what they come to.
    fn arrive(&self, more: &Value) -> Value {
        let mut fields = json!({"login": "alice", "password": "alice"});
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Browser::new(&self.real).walk(&self.provider.start_url(), &json!({"fields": fields}))
    }
}

#[track_caller]
fn says(seen: &Value, status: u64, words: &[&str]) {
    assert_eq!(seen["status"], status, "{seen}");
    for words in words {
        assert!(seen["text"].as_str().unwrap().contains(words), "{words:?} is missing: {seen}");
    }
}

#[test]
fn who_begins_at_the_provider_lets_one_machine_in() {
    let office = office();
    office.cluster.app("everything", &office.real.everything());
    let (mut tsh, code) = office.machine("alice", &[]);
    let seen = office.arrive(&json!({}));
    says(&seen, 200, &["alice", "okta", "tsh login --headless", "machine of your own"]);
    let page = seen["url"].as_str().unwrap();
    let browser = Browser::new(&office.real);
    let go = |fields: Value| browser.walk(page, &json!({"jar": seen["jar"], "fields": fields}));
    // A code that is none, and another browser that has the address.
    says(&go(json!({"code": "BBBB-BBBB"})), 404, &["no such code", "alice"]);
    says(&browser.walk(page, &json!({})), 403, &["another browser"]);
    // Nor with a form of its own cookie there.
    let other = office.arrive(&json!({}));
    let crossed = browser.walk(page, &json!({"jar": other["jar"], "fields": {"code": code}}));
    says(&crossed, 403, &["another browser"]);
    // Nothing is approved that was not asked about, and nothing is sent from elsewhere.
    let bare = browser.walk(page, &json!({"jar": seen["jar"], "form": {"approve": "yes"}}));
    says(&bare, 403, &["This was not taken"]);
    let asked = go(json!({"code": code}));
    says(&asked, 200, &["127.0.0.1", "as alice", "It says it is called"]);
    says(&go(json!({"approve": "yes"})), 200, &["The machine is signed in"]);
    let said = done(&finished(&mut tsh));
    assert!(said.contains("alice"), "{said}");
    let tsh = office.cluster.tsh_at(&office.home("alice")).args(["mcp", "ls"]);
    assert!(done(&office.cluster.run(&tsh, "")).contains("[echo]"));
    office.cluster.await_audit("the login", &["--event=user.login"], |record| {
        record["code"] == "T1001I" && record["user"] == "alice" && record["method"] == "saml"
    });
    office.cluster.await_audit("the machine", &["--event=headless_login.approved"], |record| {
        record["user"] == "alice"
    });
    // It is done.
    says(&go(json!({})), 404, &["is over"]);
}

#[test]
fn a_machine_is_rejected_or_asks_for_somebody_else() {
    let office = office();
    let (mut tsh, code) = office.machine("stranger", &[]);
    says(&office.arrive(&json!({"code": code, "reject": "yes"})), 200, &["is not signed in"]);
    refused(&finished(&mut tsh), &["rejected in the browser"]);

    let (mut tsh, code) = office.machine("another", &["--user=bob"]);
    says(&office.arrive(&json!({"code": code})), 403, &["asks for the user \"bob\""]);
    // Whoever it is that asks is not told who it was.
    let said = finished(&mut tsh);
    refused(&said, &["somebody else typed the code"]);
    assert!(!said.stderr.contains("alice"), "{}", said.stderr);

    // What is allowed when it is approved counts.
    let (mut tsh, code) = office.machine("third", &[]);
    let asked = office.arrive(&json!({"code": code}));
    says(&asked, 200, &["as alice"]);
    let mut connector = unasked(&office);
    connector["spec"]["allow_idp_initiated"] = json!(false);
    office.cluster.put(&connector);
    let wishes = json!({"jar": asked["jar"], "fields": {"approve": "yes"}});
    let approved = Browser::new(&office.real).walk(asked["url"].as_str().unwrap(), &wishes);
    says(&approved, 403, &["sign-ins begin here"]);
    refused(&finished(&mut tsh), &["sign-ins begin here"]);
    office.cluster.await_audit("who it was", &["--event=headless_login.rejected"], |record| {
        record["user"] == "alice"
    });
}

#[test]
fn what_was_asked_for_or_shown_before_or_is_not_allowed_leads_nowhere() {
    let office = office();
    let browser = Browser::new(&office.real);
    let acs = format!("{}/okta", testkit::saml_provider::acs(&office.cluster));
    let start = office.provider.start_url();
    let fields = json!({"login": "alice", "password": "alice"});

    // Shown twice, the second time in another browser.
    let held = browser.walk(&start, &json!({"fields": fields, "stop": acs}));
    let form = &held["form"];
    says(&browser.walk(&acs, &json!({"form": form})), 200, &["You came from okta"]);
    says(&browser.walk(&acs, &json!({"form": form})), 403, &["is not accepted"]);
    office.cluster.await_audit("the replay", &["--event=user.login"], |record| {
        record["detail"].as_str().is_some_and(|found| found.contains("was shown before"))
    });

    // The answer to what a tsh asked, without what says so.
    let (tsh, link) = office.begin(&office.home("alice"), &["--auth=okta"]);
    let away = browser.walk(&link, &json!({"fields": fields, "stop": acs}));
    let stolen = json!({"SAMLResponse": away["form"]["SAMLResponse"], "RelayState": "/portal"});
    says(&browser.walk(&acs, &json!({"form": stolen})), 403, &["is not accepted"]);
    office.cluster.await_audit("the theft", &["--event=user.login"], |record| {
        record["detail"].as_str().is_some_and(|found| found.contains("answers a request"))
    });
    drop(tsh);

    // Where no connector is named, or one that is not there or does not allow it.
    let refusal = "sign-ins begin here";
    let held = browser.walk(&start, &json!({"fields": fields, "stop": acs}));
    let form = &held["form"];
    let bare = testkit::saml_provider::acs(&office.cluster);
    says(&browser.walk(&bare, &json!({"form": form})), 400, &["Begin with tsh login"]);
    for name in ["nobody", "oidc%2Fokta"] {
        let there = format!("{bare}/{name}");
        says(&browser.walk(&there, &json!({"form": form})), 403, &[refusal]);
    }
    office.cluster.put(&office.provider.connector("okta", &json!({"acs": acs})));
    says(&browser.walk(&acs, &json!({"form": form})), 403, &[refusal]);
    office.cluster.put(&unasked(&office));

    // Words of whoever made the form are not ours.
    let status = "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"_r\" \
        Version=\"2.0\"><samlp:Status><samlp:StatusCode Value=\"Call 555\"/></samlp:Status>\
        </samlp:Response>";
    let form = json!({"SAMLResponse": STANDARD.encode(status)});
    let seen = browser.walk(&acs, &json!({"form": form}));
    says(&seen, 403, &["is not accepted"]);
    assert!(!seen["text"].as_str().unwrap().contains("555"), "{seen}");

    // And what is wrong otherwise.
    for fault in ["unsigned", "wrong-key", "wrong-audience", "wrong-recipient", "expired"] {
        office.provider.change(&json!({"fault": fault}));
        says(&office.arrive(&json!({})), 403, &["is not accepted"]);
    }
    office.provider.change(&json!({"fault": "none"}));
    let nobody = json!({"login": "bob", "password": "bob"});
    says(&office.arrive(&nobody), 403, &["gives you a role"]);
}

#[test]
fn people_begin_at_a_product() {
    let office = Office::open(|_real, _cluster| ());
    let known = Known { path: "/ssp", ..Known::default() };
    let scratch = office.cluster.scratch();
    let provider = SimpleSamlPhp::start(&office.real, &office.cluster, scratch, &known);
    let acs = format!("{}/ssp", testkit::saml_provider::acs(&office.cluster));
    let more = json!({"allow_idp_initiated": true, "acs": acs});
    let metadata = provider.metadata_url();
    office.cluster.put(&SimpleSamlPhp::connector(&office.cluster, &metadata, &more));
    let (mut tsh, code) = office.machine("alice", &[]);
    let fields = json!({"username": "alice", "password": "alice", "code": code, "approve": "yes"});
    let start = provider.start_url(&office.cluster, &known);
    let seen = Browser::new(&office.real).walk(&start, &json!({"fields": fields}));
    says(&seen, 200, &["The machine is signed in"]);
    assert!(done(&finished(&mut tsh)).contains("alice"));
}
