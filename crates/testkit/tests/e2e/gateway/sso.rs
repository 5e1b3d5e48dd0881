//! People who sign in at an identity provider: a certified one, with real redirections.

mod arrival;
mod github;
mod office;
mod saml;
mod simplesamlphp;

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Argv, Browser, IdentityProvider};

use self::office::{Office, finished};
use super::{done, refused};

impl Office<IdentityProvider> {
    fn oidc(more: &Value) -> Self {
        let office = Self::open(IdentityProvider::start);
        office.cluster.put(&office.provider.connector("idp", more));
        office
    }
}

#[test]
fn a_claim_decides_what_is_seen_from_the_next_login_on() {
    let office = Office::oidc(&json!({}));
    office.cluster.app("everything", &office.real.everything());
    let ls = |name: &str| {
        let tsh = office.cluster.tsh_at(&office.home(name)).args(["mcp", "ls"]);
        done(&office.cluster.run(&tsh, ""))
    };
    let said = done(&office.login("alice", &["--auth=idp"]));
    assert!(said.contains("alice@example.test"), "{said}");
    let before = ls("alice");
    assert!(before.contains("[echo]") && !before.contains("get-sum"), "{before}");

    let claims = json!({
        "email": "alice@example.test", "email_verified": true, "groups": ["eng"],
        "mcp_tools": ["echo", "get-sum"],
    });
    office.provider.change("alice", &json!({"claims": claims}));
    assert_eq!(ls("alice"), before, "the certificate says what was true at the login");
    let _said = done(&office.login("alice", &["--auth=idp"]));
    let after = ls("alice");
    assert!(after.contains("echo, get-sum"), "{after}");

    // Who signed in through what, and which mapping gave which role.
    let record = office.cluster.await_audit("the login", &["--event=user.login"], |record| {
        record["code"] == "T1001I" && record["user"] == "alice@example.test"
    });
    assert_eq!((&record["method"], &record["connector"]), (&json!("oidc"), &json!("idp")));
    assert_eq!(record["identity"], "alice");
    let mapping =
        json!([{"role": "developer", "claim": "groups", "value": "eng", "pattern": "eng"}]);
    assert_eq!(record["mappings"], mapping);
    assert!(record["addr.remote"].as_str().unwrap().starts_with("127.0.0.1:"));

    // The user is one for as long as the login, and nothing that is said is lost.
    let user = office.cluster.get("user/alice@example.test");
    let origin = json!({"type": "oidc", "id": "idp", "identity": "alice"});
    assert_eq!(user.pointer("/spec/created_by/connector"), Some(&origin));
    assert!(user.pointer("/spec/expires").is_some() && user.pointer("/metadata/expires").is_some());
    assert_eq!(user.pointer("/spec/traits/mcp_tools"), Some(&json!(["echo", "get-sum"])));
}

#[test]
fn every_form_of_a_claim_arrives_and_every_client_works() {
    let office = Office::oidc(&json!({}));
    let _said = done(&office.login("alice", &["--auth=idp", "--ttl=2h"]));
    let user = office.cluster.get("user/alice@example.test");
    let traits = user.pointer("/spec/traits").unwrap();
    for (name, values) in [
        ("groups", json!(["eng", "team-red"])),
        ("level", json!(["7"])),
        ("active", json!(["true"])),
        ("address.country", json!(["IT"])),
        ("sub", json!(["alice"])),
        ("email_verified", json!(["true"])),
    ] {
        assert_eq!(traits[name], values, "{name} of {traits}");
    }
    assert!(traits.get("iss").is_none() && traits.get("nonce").is_none(), "{traits}");
    // The secret in the body, and other algorithms.
    let regex = json!([{"claim": "groups", "value": "^team-(red|blue)$", "roles": ["developer"]}]);
    let post = json!({"client_id": "gateway-post", "token_endpoint_auth_method": "client_secret_post", "claims_to_roles": regex});
    office.cluster.put(&office.provider.connector("idp", &post));
    let _said = done(&office.login("alice", &["--auth=idp"]));
    office.cluster.put(&office.provider.connector("idp", &json!({"client_id": "gateway-ed"})));
    // The cluster may prefer a connector, so that nobody has to name it.
    office.cluster.put(&json!({
        "kind": "cluster_auth_preference", "version": "v2", "metadata": {"name": "cluster-auth-preference"},
        "spec": {"type": "oidc", "connector_name": "idp"},
    }));
    let _said = done(&office.login("alice", &[]));
}

#[test]
fn whom_nothing_fits_is_told_so_and_nobody_is_taken_over() {
    let office = Office::oidc(&json!({}));
    refused(
        &office.login("bob", &["--auth=idp"]),
        &["nothing that it says of you gives you a role", "hint"],
    );
    let record = office.cluster.await_audit("the refusal", &["--event=user.login"], |record| {
        record["code"] == "T1001W" && record["user"] == "bob@example.test"
    });
    assert!(record["detail"].as_str().unwrap().contains("claims_to_roles"), "{record}");
    refused(&office.login("eve", &["--auth=idp"]), &["not verified the e-mail address"]);

    office.cluster.user("alice@example.test", &["developer"]);
    refused(&office.login("alice", &["--auth=idp"]), &["a local user has this name"]);
    let user = office.cluster.get("user/alice@example.test");
    assert!(user.pointer("/spec/created_by/connector").is_none(), "{user}");
    office.cluster.admin(&["users", "rm", "alice@example.test"]);

    // A role that is given and not there might be the one that denies.
    let mapping = json!([{"claim": "groups", "value": "*", "roles": ["developer", "no-such-$1"]}]);
    office.cluster.put(&office.provider.connector("idp", &json!({"claims_to_roles": mapping})));
    refused(&office.login("alice", &["--auth=idp"]), &["does not exist"]);
    let users = office.cluster.tctl_json(&["get", "users", "--format=json"]);
    assert_eq!(users, json!([]), "a refused login leaves a user");

    // Who is signed in through a connector has no password, and keeps the name while the login lives.
    office.cluster.put(&office.provider.connector("idp", &json!({})));
    let _said = done(&office.login("alice", &["--auth=idp"]));
    let invite = office.cluster.tctl(&["users", "reset", "alice@example.test"]);
    refused(&invite, &["signs in through the connector"]);
    office.cluster.put(&office.provider.connector("other", &json!({})));
    refused(&office.login("alice", &["--auth=other"]), &["signed in through another connector"]);
    let unknown = office.cluster.tsh_at(&office.home("x")).args([
        "login",
        "--browser=none",
        "--auth=nowhere",
    ]);
    let pin = format!("--ca-pin={}", office.cluster.ca_pin());
    let unknown = unknown.args(["--proxy", office.cluster.proxy_addr(), &pin]);
    refused(&office.cluster.run(&unknown, ""), &["no authentication connector \"nowhere\"", "idp"]);
}

#[test]
fn a_login_belongs_to_one_browser_and_one_process_and_happens_once() {
    let office = Office::oidc(&json!({}));
    let browser = Browser::new(&office.real);
    let fields = json!({"login": "alice", "password": "alice"});
    let home = office.home("alice");

    // A browser that did not open the link cannot bring the provider's answer.
    let (mut tsh, link) = office.begin(&home, &["--auth=idp"]);
    let callback = testkit::identity_provider::callback(&office.cluster);
    let wishes = json!({"fields": fields, "stop": callback});
    let away = browser.walk(&link, &wishes);
    let back = away["url"].as_str().unwrap();
    let stranger = browser.walk(back, &json!({}));
    assert_eq!(stranger["status"], 403, "{stranger}");
    let first = &away["hops"][0];
    let cookie = first["cookies"][0].as_str().unwrap();
    for part in ["__Host-tessera-sso-", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Lax"] {
        assert!(cookie.contains(part), "{part} is missing: {cookie}");
    }
    // The same state with another's cookie.
    let (mut other, second) = office.begin(&office.home("mallory"), &["--auth=idp"]);
    let elsewhere = browser.walk(&second, &wishes);
    let crossed = browser.walk(back, &json!({"jar": elsewhere["jar"]}));
    assert_eq!(crossed["status"], 403, "{crossed}");
    // The right browser may still come back: once.
    let done_once = browser.walk(back, &json!({"jar": away["jar"]}));
    assert!(done_once["text"].as_str().unwrap().contains("Back to the terminal"), "{done_once}");
    assert!(finished(&mut tsh).status.success());
    let again = browser.walk(back, &json!({"jar": away["jar"]}));
    assert_eq!(again["status"], 404, "{again}");
    assert_eq!(browser.walk(&link, &json!({}))["status"], 404, "a link works once");

    // What the browser brings is worth nothing without the secret of who began.
    let stop = json!({"jar": elsewhere["jar"], "stop": "http://127.0.0.1:"});
    let there = browser.walk(elsewhere["url"].as_str().unwrap(), &stop);
    let brought = there["url"].as_str().unwrap();
    let code = brought.split_once("code=").unwrap().1;
    let thief =
        Argv::new(office.real.python()).args(["-c", STEAL, office.cluster.proxy_addr(), code]);
    let said = done(&office.cluster.run(&thief, ""));
    assert!(said.starts_with("403") && said.contains("not who began"), "{said}");
    let _page = browser.walk(brought, &json!({}));
    let other = finished(&mut other);
    assert!(other.status.success(), "a thief spoiled a login: {other:?}");

    // Nowhere but to the caller's own machine.
    for callback in [
        "https://evil.example.com/x",
        "http://evil.example.com:80/x",
        "http://127.0.0.1.evil.example:80/x",
        "http://127.0.0.1@evil.example.com:80/x",
        "http://127.0.0.1/x",
        "javascript:alert(1)",
        "//evil.example.com",
        "http://127.0.0.1:80/x?next=https://evil.example.com",
    ] {
        let asker = Argv::new(office.real.python()).args([
            "-c",
            ASK,
            office.cluster.proxy_addr(),
            callback,
        ]);
        let said = done(&office.cluster.run(&asker, ""));
        assert!(said.starts_with("400") && said.contains("own machine"), "{callback}: {said}");
    }
    for page in
        ["/web/sso/nothing", "/v1/webapi/oidc/callback?state=x&code=y", "/v1/webapi/oidc/callback"]
    {
        let seen =
            browser.walk(&format!("https://{}{page}", office.cluster.proxy_addr()), &json!({}));
        assert!(seen["status"].as_u64().unwrap() >= 400, "{seen}");
        assert_eq!(seen["headers"]["x-frame-options"], "DENY");
        assert!(
            seen["headers"]["content-security-policy"]
                .as_str()
                .unwrap()
                .contains("frame-ancestors 'none'")
        );
    }
}

#[test]
fn a_person_who_is_turned_away_by_the_provider_is_told() {
    let office = Office::oidc(&json!({}));
    let (mut tsh, link) = office.begin(&office.home("bob"), &["--auth=idp"]);
    let wrong = json!({"fields": {"login": "bob", "password": "no"}});
    let _seen = Browser::new(&office.real).walk(&link, &wrong);
    refused(
        &finished(&mut tsh),
        &["the identity provider did not sign you in", "unknown or disabled"],
    );
    office.provider.change("alice", &json!({"claims": {"groups": ["eng"]}, "disabled": true}));
    let (mut tsh, link) = office.begin(&office.home("alice"), &["--auth=idp"]);
    let _seen = office.visit(&link, "alice");
    refused(&finished(&mut tsh), &["did not sign you in"]);
}

#[test]
fn a_connector_is_tried_before_it_is_written() {
    let office = Office::oidc(&json!({}));
    office.cluster.admin(&["rm", "oidc/idp"]);
    let secret = office
        .cluster
        .scratch()
        .write(Path::new("secret"), testkit::identity_provider::CLIENT_SECRET);
    let issuer = format!("--issuer-url={}", office.provider.issuer());
    let words = [
        "sso",
        "configure",
        "oidc",
        "--name=idp",
        &issuer,
        "--id=gateway",
        "--secret-file",
        super::text(&secret),
        "--scope=email,groups",
        "--claims-to-roles=groups,eng,developer",
        "--claims-to-roles=groups,^team-(.*)$,of-$1",
    ];
    let document = office.cluster.admin(&words);
    office.try_in_vain(
        &document,
        &[
            "groups: [\"eng\",\"team-red\"]",
            "{{external.level}} = 7",
            "{{external[\"address.country\"]}} = IT",
            "developer: groups has \"eng\", which fits \"eng\"",
            "of-red  [does not exist]",
            "would be refused",
        ],
    );
    office.cluster.tools_role("of-red", &["echo"]);
    let tried = office.try_connector(&document);
    let said = String::from_utf8(tried.stdout).unwrap();
    assert!(
        tried.status.success() && said.contains("as the user \"alice@example.test\""),
        "{said}"
    );
    assert_eq!(office.cluster.tctl_json(&["get", "users,oidc", "--format=json"]), json!([]));

    office.cluster.admin_with(&["create", "-"], &document);
    let _said = done(&office.login("alice", &["--auth=idp"]));
    let shown = office.cluster.admin(&["get", "oidc/idp"]);
    assert!(!shown.contains("50%") && shown.contains("********"), "{shown}");
    // What is masked is kept, and goes to no other provider.
    office.cluster.admin_with(&["create", "-f", "-"], &shown);
    let _said = done(&office.login("alice", &["--auth=idp"]));
    let elsewhere = shown.replace(&office.provider.issuer(), "https://evil.example.com");
    refused(&office.cluster.tctl_with(&["create", "-f", "-"], &elsewhere), &["masked"]);
}

const STEAL: &str = "import http.client, json, ssl, sys
c = http.client.HTTPSConnection(sys.argv[1], context=ssl._create_unverified_context())
c.request('POST', '/v1/sso/finish', json.dumps({'code': sys.argv[2], 'verifier': 'guessed'}), {'content-type': 'application/json'})
r = c.getresponse(); print(r.status, r.read().decode())";

const ASK: &str = "import base64, http.client, json, ssl, sys
c = http.client.HTTPSConnection(sys.argv[1], context=ssl._create_unverified_context())
key = '-----BEGIN PUBLIC KEY-----\\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==\\n-----END PUBLIC KEY-----\\n'
challenge = base64.urlsafe_b64encode(bytes(32)).decode().rstrip('=')
c.request('POST', '/v1/sso/logins', json.dumps({'connector': 'idp', 'public_key': key, 'callback': sys.argv[2], 'challenge': challenge}), {'content-type': 'application/json'})
r = c.getresponse(); print(r.status, r.read().decode())";
