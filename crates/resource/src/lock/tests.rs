//! Locks.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn lock(spec: Value) -> Result<Lock, Vec<String>> {
    let document =
        json!({"kind": "lock", "version": "v2", "metadata": {"name": "l"}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| Lock::try_from(resource).expect("a lock"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn a_lock_shuts_somebody_out() {
    let lock = lock(json!({
        "target": {"user": "mallory", "mfa_device": ""}, "message": "suspended", "created_by": "admin",
        "expires": "2030-01-01T00:00:00Z"
    }))
    .unwrap();
    assert_eq!(
        lock.spec.target,
        LockTarget { user: Some("mallory".to_owned()), ..LockTarget::default() }
    );
    let again = Resource::from_node(&Node::from_json(&lock.to_json())).unwrap();
    assert_eq!(again, Resource::Lock(lock));
}

#[test]
fn a_lock_on_nobody_is_refused() {
    let help = "(set one of user, role, login, mfa_device, server_id, app, bot_instance_id, \
                join_token, oauth_grant)";
    for target in [json!({}), json!({"user": ""})] {
        assert_eq!(
            lock(json!({ "target": target })),
            Err(vec![format!("spec.target: a lock needs a target {help}")])
        );
    }
    assert_eq!(lock(json!({})), Err(vec!["spec.target: missing".to_owned()]));
    assert_eq!(
        lock(json!({"target": {"windows_desktop": "w"}})),
        Err(vec![
            "spec.target.windows_desktop: locks on \"windows_desktop\" are not supported"
                .to_owned()
        ])
    );
    // Leaving the unknown part out would shut out more than was meant.
    assert!(lock(json!({"target": {"user": "u", "device": "d"}})).is_err());
    assert_eq!(
        lock(json!({"target": {"usr": "u"}})).unwrap_err().last().map(String::as_str),
        Some("spec.target.usr: unknown field (did you mean \"user\"?)")
    );
}

#[test]
fn a_lock_ends_when_it_says() {
    let mut lock = Lock::new("l", LockTarget::default(), "");
    let (before, end) = (datetime!(2030-01-01 0:00 UTC), datetime!(2030-01-01 0:01 UTC));
    assert!(lock.is_in_force(end));
    lock.spec.expires = Some(end);
    assert!(lock.is_in_force(before));
    assert!(!lock.is_in_force(end));
    lock.spec.expires = None;
    lock.metadata.expires = Some(end);
    assert!(!lock.is_in_force(end));
}
