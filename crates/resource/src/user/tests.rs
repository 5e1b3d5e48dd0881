//! Users.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn user(spec: Value) -> Result<User, Vec<String>> {
    let document =
        json!({"kind": "user", "version": "v2", "metadata": {"name": "alice"}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| User::try_from(resource).expect("a user"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn what_another_cluster_printed_is_accepted() {
    let spec = json!({
        "roles": ["access", "mcp-user"],
        "traits": {"mcp_tools": ["get_*"], "logins": null, "team": "red"},
        "expires": "0001-01-01T00:00:00Z",
        "created_by": {"time": "2026-01-01T00:00:00Z", "user": {"name": "admin"}},
        "status": {"is_locked": false, "lock_expires": "0001-01-01T00:00:00Z",
                   "locked_time": "0001-01-01T00:00:00Z", "recovery_attempt_lock_expires": "0001-01-01T00:00:00Z"},
        "oidc_identities": [{"connector_id": "google", "username": "alice"}]
    });
    let user = user(spec).unwrap();
    assert_eq!(user.spec.roles, ["access", "mcp-user"]);
    assert_eq!(user.spec.traits["mcp_tools"], ["get_*"]);
    assert!(user.spec.traits["logins"].is_empty());
    assert_eq!(user.spec.traits["team"], ["red"]);
    assert_eq!(user.spec.expires, None);
    assert_eq!(user.spec.created_by.as_ref().unwrap().user, "admin");
    assert_eq!(user.spec.status, Some(UserStatus::default()));
    assert!(user.spec.other.contains_key("oidc_identities"));
    let again = Resource::from_node(&Node::from_json(&user.to_json())).unwrap();
    assert_eq!(again, Resource::User(user));
}

#[test]
fn passwords_cannot_be_written() {
    let refused = user(json!({"local_auth": {"password_hash": "hunter2"}})).unwrap_err();
    assert_eq!(
        refused,
        ["spec.local_auth: passwords and devices cannot be written (remove local_auth; users set \
             passwords and devices themselves, through the link that \"tctl users reset\" prints)"]
    );
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (json!({"role": ["a"]}), "spec.role: unknown field (did you mean \"roles\"?)"),
        (
            json!({"roles": "a"}),
            "spec.roles: expected a list, found \"a\" (put each value on a line of its own, after a dash)",
        ),
        (json!({"traits": {"a": {"b": "c"}}}), "spec.traits.a: expected a list, found a mapping"),
        (json!({"traits": ["a"]}), "spec.traits: expected a mapping, found a list"),
    ];
    for (spec, message) in cases {
        assert_eq!(user(spec), Err(vec![message.to_owned()]));
    }
}
