//! What clients and browsers get that do what they should not.

use serde_json::{Value, json};
use testkit::{Argv, HttpServer, wait};

use super::lab::{CALLBACK, Lab, Tokens, parameter};
use crate::gateway::tokens;

const APP: &str = "/mcp/apps/everything";

#[test]
fn a_code_is_for_who_asked_and_works_once() {
    let mut lab = Lab::open();
    let (client, other) = (lab.register("one", CALLBACK), lab.register("other", CALLBACK));
    let elsewhere = lab.url("/mcp/apps/other");
    for (more, error) in [
        (json!({"code_verifier": "x".repeat(43)}), "invalid_grant"),
        (json!({"code_verifier": null}), "invalid_grant"),
        (json!({"redirect_uri": "http://127.0.0.1:8/callback"}), "invalid_grant"),
        (json!({"client_id": other}), "invalid_grant"),
        (json!({"client_id": null}), "invalid_client"),
        (json!({"resource": elsewhere}), "invalid_target"),
        (json!({"code": "tso_c_guessed"}), "invalid_grant"),
        (json!({"grant_type": "password"}), "unsupported_grant_type"),
    ] {
        let code = lab.code(&client, &json!({}));
        let told = lab.exchange(&client, &code, &more);
        let found = told["body"]["error"].as_str().unwrap();
        // A parameter that is missing may be told as that.
        assert!(found == error || found == "invalid_request", "{more}: {told}");
        assert!(told["status"] == 400 || told["status"] == 401, "{told}");
    }

    let code = lab.code(&client, &json!({}));
    let got = Tokens::of(&client, &lab.exchange(&client, &code, &json!({})));
    assert_eq!(lab.knock(APP, &got.access)["status"], 200);
    let again = lab.exchange(&client, &code, &json!({}));
    assert_eq!(again["body"]["error"], "invalid_grant", "{again}");
    // Whoever has the code may have what it was good for.
    lab.await_refusal(APP, &got.access);
    assert_eq!(lab.refresh(&got)["body"]["error"], "invalid_grant");
}

#[test]
fn a_token_is_for_one_server_and_nothing_else_passes_for_one() {
    let mut lab = Lab::open();
    let got = lab.granted(APP);
    assert_eq!(lab.knock(APP, &got.access)["status"], 200);
    lab.await_refusal("/mcp/apps/other", &got.access);
    lab.await_refusal("/mcp/apps/nothing", &got.access);
    let mut changed = got.access.clone();
    let last = if changed.pop() == Some('A') { 'B' } else { 'A' };
    changed.push(last);
    for wrong in [changed.as_str(), &got.refresh, "tso_a_", "tso_a_guessed", "a.b.c"] {
        lab.await_refusal(APP, wrong);
    }
    // Nor at another address of the cluster.
    let (_second, address) = lab.cluster.another_proxy("second");
    let there = format!("https://{address}{APP}");
    let shown = json!({"authorization": format!("Bearer {}", got.access)});
    wait::until("the other proxy to know the cluster", wait::PATIENCE, || {
        let answer = tokens::ask(&lab.real, &there, &shown);
        let challenge = answer["headers"]["www-authenticate"].to_string();
        let is_refused = answer["status"] == 401 && challenge.contains("invalid_token");
        if is_refused && challenge.contains(&address) { Ok(()) } else { Err(answer.to_string()) }
    });
    let token = json!({"authorization": format!("Basic {}", got.access)});
    let answer = lab.ask(&json!({"path": APP, "json": {}, "headers": token}));
    assert_eq!(answer["status"], 401, "{answer}");
    // In the address nothing is looked at (RFC 6750, section 2.3).
    let path = format!("{APP}?access_token={}", got.access);
    assert_eq!(lab.ask(&json!({"path": path, "json": {}}))["status"], 401);
    // Strangers are not told which servers there are.
    for path in [APP, "/mcp/apps/nothing", "/mcp/sites/nobody.test/apps/nothing"] {
        let answer = lab.ask(&json!({"path": path, "json": {}}));
        let document = lab.url(&format!("/.well-known/oauth-protected-resource{path}"));
        let challenge = format!("Bearer resource_metadata=\"{document}\"");
        assert_eq!(answer["status"], 401, "{answer}");
        assert_eq!(answer["headers"]["www-authenticate"], challenge);
        let told = lab.ask(&json!({"url": document}));
        assert_eq!(told["status"], 200, "{told}");
    }
}

#[test]
fn nobody_is_sent_where_the_client_did_not_say() {
    let mut lab = Lab::open();
    for uri in [
        "http://evil.example/callback",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1@evil.example/callback",
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "app:/callback",
        "https://evil.example/callback#x",
        "//evil.example/callback",
        "callback",
        "",
    ] {
        let client = json!({"client_name": "x", "redirect_uris": [uri]});
        let answer = lab.ask(&json!({"path": "/oauth/register", "json": client}));
        let told: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&answer["status"], &told["error"]),
            (&json!(400), &json!("invalid_redirect_uri")),
            "{uri}"
        );
    }
    let client = lab.register("honest", "https://client.example/callback");
    for (uri, why) in [
        ("https://client.example/other", "another path"),
        ("https://client.example/callback/../other", "a path that leads elsewhere"),
        ("https://client.example/callback?x=1", "a query"),
        ("https://client.example:444/callback", "another port"),
        ("https://client.example.evil.example/callback", "another host"),
        ("https://client.example@evil.example/callback", "a host that looks like another"),
        ("http://client.example/callback", "without TLS"),
        ("https://client.example/callback\r\nset-cookie: a=b", "another header"),
        ("", "nothing"),
    ] {
        let answer = lab.authorize("own", &client, &json!({"redirect_uri": uri}));
        assert_eq!(answer["status"], 400, "{why}: {answer}");
        assert!(answer["location"].is_null() && answer["refresh"].is_null(), "{why}: {answer}");
        assert!(!answer["body"].as_str().unwrap().contains("evil.example/"), "{why}: {answer}");
    }
    for id in ["tso_i_guessed", "", "https://127.0.0.1/", "http://127.0.0.1:7/client.json"] {
        let answer = lab.authorize("own", id, &json!({}));
        assert!(answer["status"].as_u64().unwrap() >= 400, "{id}: {answer}");
        assert!(answer["location"].is_null() && answer["refresh"].is_null(), "{id}: {answer}");
    }
    // To a site that anybody can have registered nobody is sent without being asked; to this machine the browser goes.
    let wrong = json!({"code_challenge": null, "redirect_uri": "https://client.example/callback"});
    let answer = lab.authorize("own", &client, &wrong);
    assert_eq!(answer["status"], 400, "{answer}");
    assert!(answer["location"].is_null() && answer["refresh"].is_null(), "{answer}");
    assert!(
        answer["body"].as_str().unwrap().contains("https://client.example/callback?"),
        "{answer}"
    );
    let local = lab.register("local", CALLBACK);
    let here = lab.url("/mcp/apps/everything/");
    for (more, error) in [
        (json!({"code_challenge": null}), "invalid_request"),
        (json!({"code_challenge_method": "plain"}), "invalid_request"),
        (json!({"code_challenge_method": null}), "invalid_request"),
        (json!({"response_type": "token"}), "unsupported_response_type"),
        (json!({"resource": "https://other.example/mcp/apps/everything"}), "invalid_target"),
        (json!({"resource": here}), "invalid_target"),
        (json!({"resource": null}), "invalid_target"),
    ] {
        // Any port of the loopback is the client's (RFC 8252, section 7.3).
        let mut more = more;
        more["redirect_uri"] = json!("http://127.0.0.1:12345/callback");
        let answer = lab.authorize("own", &local, &more);
        let back = answer["location"].as_str().unwrap_or_else(|| panic!("{more}: {answer}"));
        assert!(back.starts_with("http://127.0.0.1:12345/callback?"), "{back}");
        assert_eq!(parameter(back, "error").as_deref(), Some(error), "{more}: {back}");
        assert_eq!(parameter(back, "state").as_deref(), Some("s1"), "{back}");
        assert!(parameter(back, "iss").is_some() && parameter(back, "code").is_none(), "{back}");
    }
}

#[test]
fn a_page_of_consent_belongs_to_one_browser_and_one_client_and_works_once() {
    let mut lab = Lab::open();
    let client = lab.register("honest", CALLBACK);
    let begun = lab.authorize("own", &client, &json!({}));
    // Somebody else's browser, with or without having begun something itself.
    let page = lab.sign_in("own", &begun);
    let evil = lab.register("evil", CALLBACK);
    let other = lab.authorize("other", &evil, &json!({}));
    let others = lab.sign_in("other", &other);
    for browser in ["other", "nobody"] {
        let answer = lab.ask(&json!({"url": page, "browser": browser}));
        assert!(answer["status"].as_u64().unwrap() >= 400, "{answer}");
        assert!(!answer["body"].as_str().unwrap().contains("honest"), "{answer}");
    }
    let form = lab.ask(&json!({"url": others, "browser": "other"}));
    let fields = json!({"csrf": form["csrf"], "answer": "approve"});
    let answer = lab.ask(&json!({"url": page, "form": fields, "browser": "other"}));
    assert!(answer["status"].as_u64().unwrap() >= 400 && answer["refresh"].is_null(), "{answer}");
    // A form of another site, one without what ties it to the page, and a page in a frame.
    let form = lab.ask(&json!({"url": page, "browser": "own"}));
    assert_eq!(form["headers"]["x-frame-options"], "DENY");
    let own = json!({"csrf": form["csrf"], "answer": "approve"});
    for wish in [
        json!({"url": page, "form": own, "browser": "own", "headers": {"origin": "https://evil.example"}}),
        json!({"url": page, "form": own, "browser": "own", "headers": {"sec-fetch-site": "cross-site"}}),
        json!({"url": page, "form": {"answer": "approve"}, "browser": "own"}),
        json!({"url": page, "form": fields, "browser": "own"}),
    ] {
        let answer = lab.ask(&wish);
        assert_eq!(answer["status"], 403, "{wish}: {answer}");
    }
    // Everything that is not yes is no; and that was it.
    let back = lab.consent("own", &page, "perhaps");
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"), "{back}");
    let answer = lab.ask(&json!({"url": page, "form": own, "browser": "own"}));
    assert!(answer["status"].as_u64().unwrap() >= 400 && answer["refresh"].is_null(), "{answer}");
    let back = lab.consent("other", &others, "approve");
    let code = parameter(&back, "code").unwrap();
    let given = lab.exchange(&client, &code, &json!({}));
    assert_eq!(given["body"]["error"], "invalid_grant", "{given}");
    let begin = lab.ask(&json!({"url": begun["location"], "browser": "own"}));
    assert!(begin["status"].as_u64().unwrap() >= 400, "a link works once: {begin}");
}

#[test]
fn who_is_known_and_may_not_go_on_is_not_told_to_sign_in_again() {
    let mut lab = Lab::open();
    lab.cluster.put(&json!({
        "kind": "role", "version": "v7", "metadata": {"name": "reader"},
        "spec": {
            "options": {"pin_source_ip": true},
            "allow": {"app_labels": {"*": "*"}, "mcp": {"tools": ["echo"]}},
        },
    }));
    let got = lab.granted(APP);
    assert_eq!(lab.knock(APP, &got.access)["status"], 200);
    // The same token from another address.
    let script = lab.real.script("servers/detour.py");
    let detour = Argv::new(lab.real.python()).arg(script).arg(lab.cluster.proxy_addr());
    let detour = HttpServer::telling("", &detour);
    let there = format!("https://127.0.0.1:{}{APP}", detour.port());
    let shown = json!({"authorization": format!("Bearer {}", got.access)});
    let elsewhere = tokens::ask(&lab.real, &there, &shown);
    lab.cluster.admin(&["lock", "--user=alice", "--message=a stolen laptop"]);
    let locked = wait::until("the lock to be felt", wait::PATIENCE, || {
        let answer = lab.knock(APP, &got.access);
        if answer["status"] == 200 { Err(answer.to_string()) } else { Ok(answer) }
    });
    for answer in [elsewhere, locked] {
        assert_eq!(answer["status"], 403, "{answer}");
        assert!(answer["headers"]["www-authenticate"].is_null(), "{answer}");
    }
}

#[test]
fn one_of_two_who_show_a_code_at_once_gets_something_at_most() {
    let mut lab = Lab::open();
    let client = lab.register("one", CALLBACK);
    let code = lab.code(&client, &json!({}));
    let url = lab.url("/oauth/token");
    let argv = Argv::new(lab.real.python()).args(["-c", RACE, &url, &code, &client, CALLBACK]);
    let done = testkit::process::run(argv.command(), b"", wait::PATIENCE);
    let statuses: Vec<u64> = serde_json::from_slice(&done.stdout).unwrap();
    assert!(statuses.iter().filter(|status| **status == 200).count() <= 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| *status == 200 || *status == 400), "{statuses:?}");
    assert!(lab.grants().is_empty(), "it was shown twice");
}

const RACE: &str = "import json, ssl, sys, threading, urllib.parse, urllib.request, urllib.error
url, code, client, back = sys.argv[1:]
form = urllib.parse.urlencode({'grant_type': 'authorization_code', 'code': code, 'client_id': client, 'redirect_uri': back, 'code_verifier': 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'}).encode()
seen, gate = [], threading.Barrier(8)
def go():
    gate.wait()
    try: seen.append(urllib.request.urlopen(url, form, context=ssl._create_unverified_context()).status)
    except urllib.error.HTTPError as error: seen.append(error.status)
all = [threading.Thread(target=go) for _ in range(8)]
for one in all: one.start()
for one in all: one.join()
print(json.dumps(seen))";
