//! What a client got ends with what let it in: what is open as well, within a second.

use serde_json::json;
use testkit::wait;

use super::lab::{CALLBACK, Lab, Tokens, USER, allow};
use crate::gateway::{SOON, tokens};

const APP: &str = "/mcp/apps/everything";

#[test]
fn what_is_open_ends_with_the_grant_however_that_ends() {
    let mut lab = Lab::open();
    let revoke = |lab: &mut Lab, token: &str, client: &str| {
        let form = json!({"token": token, "client_id": client});
        let answer = lab.ask(&json!({"path": "/oauth/revoke", "form": form}));
        assert_eq!(answer["status"], 200, "{answer}");
    };
    let grant = |lab: &Lab| {
        let grants = lab.grants();
        let [only] = grants.as_slice() else { panic!("not one: {grants:?}") };
        only.pointer("/metadata/name").unwrap().as_str().unwrap().to_owned()
    };
    type End<'a> = &'a dyn Fn(&mut Lab, &Tokens);
    let ends: [(&str, End<'_>); 7] = [
        ("the grant is removed", &|lab, _| {
            let grant = grant(lab);
            lab.cluster.admin(&["rm", &format!("oauth_grant/{grant}")]);
        }),
        ("the grant is locked", &|lab, _| {
            let grant = grant(lab);
            lab.cluster.admin(&["lock", &format!("--oauth-grant={grant}")]);
            lab.cluster.admin(&["rm", &format!("oauth_grant/{grant}")]);
        }),
        ("the access token is given up", &|lab, got| revoke(lab, &got.access, &got.client)),
        ("the refresh token is given up", &|lab, got| revoke(lab, &got.refresh, &got.client)),
        ("a refresh token is used again", &|lab, got| {
            let next = Tokens::of(&got.client, &lab.refresh(got));
            let next = Tokens::of(&got.client, &lab.refresh(&next));
            let again = lab.refresh(got);
            assert_eq!(again["body"]["error"], "invalid_grant", "{again}");
            lab.await_refusal(APP, &next.access);
        }),
        ("the user is reset", &|lab, _| {
            lab.cluster.admin(&["users", "reset", USER]);
        }),
        ("the user is removed", &|lab, _| {
            lab.cluster.admin(&["users", "rm", USER]);
        }),
    ];
    for (what, end) in ends {
        let got = lab.granted(APP);
        let mut listener = tokens::listener(&lab.real, &lab.url(APP), &got.access);
        end(&mut lab, &got);
        eprintln!("{what}");
        listener.wait_for_output("ended", SOON);
        lab.await_refusal(APP, &got.access);
        let next = lab.refresh(&got);
        assert_eq!(next["body"]["error"], "invalid_grant", "{what}: {next}");
        assert!(lab.grants().is_empty(), "{what}");
        if what == "the user is reset" {
            lab.accept_again();
        }
    }
}

#[test]
fn a_lock_and_the_preference_hold_while_they_are_there() {
    let mut lab = Lab::open();
    let got = lab.granted(APP);
    let mut listener = tokens::listener(&lab.real, &lab.url(APP), &got.access);
    lab.cluster.admin(&["lock", &format!("--user={USER}"), "--message=a stolen laptop"]);
    listener.wait_for_output("ended", SOON);
    wait::until("the token to be refused", wait::PATIENCE, || {
        let answer = lab.knock(APP, &got.access);
        if answer["status"] == 200 { Err(answer.to_string()) } else { Ok(()) }
    });
    let locks = lab.cluster.tctl_json(&["get", "locks", "--format=json"]);
    let name = locks.pointer("/0/metadata/name").and_then(serde_json::Value::as_str).unwrap();
    lab.cluster.admin(&["rm", &format!("lock/{name}")]);
    lab.await_admission(APP, &got.access);

    // Off, and nothing says that it was ever on.
    let mut listener = tokens::listener(&lab.real, &lab.url(APP), &got.access);
    allow(&lab.cluster, &json!({"second_factor": "off", "allow_oauth": false}));
    listener.wait_for_output("ended", SOON);
    let answer = wait::until("the token to be refused", wait::PATIENCE, || {
        let answer = lab.knock(APP, &got.access);
        if answer["status"] == 401 { Ok(answer) } else { Err(answer.to_string()) }
    });
    assert_eq!(answer["headers"]["www-authenticate"], "Bearer", "{answer}");
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-protected-resource/mcp/apps/everything",
    ] {
        let answer = lab.ask(&json!({"path": path}));
        assert_eq!(answer["status"], 404, "{answer}");
    }
    let next = lab.refresh(&got);
    assert_ne!(next["status"], 200, "{next}");
    let client = json!({"client_name": "x", "redirect_uris": [CALLBACK]});
    let answer = lab.ask(&json!({"path": "/oauth/register", "json": client}));
    assert!(answer["status"].as_u64().unwrap() >= 400, "{answer}");
    let answer = lab.authorize("own", &got.client, &json!({}));
    assert!(answer["status"].as_u64().unwrap() >= 400 && answer["location"].is_null(), "{answer}");
}

#[test]
fn a_role_that_is_changed_acts_on_what_a_client_got() {
    let mut lab = Lab::open();
    let got = lab.granted(APP);
    let mut listener = tokens::listener(&lab.real, &lab.url(APP), &got.access);
    lab.cluster.role("reader", &json!({}), &json!({}));
    listener.wait_for_output("ended", SOON);
    wait::until("the token to be refused", wait::PATIENCE, || {
        let answer = lab.knock(APP, &got.access);
        if answer["status"] == 200 { Err(answer.to_string()) } else { Ok(()) }
    });
}
