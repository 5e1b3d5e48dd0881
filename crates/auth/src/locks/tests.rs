use resource::LockTarget;

use super::{Subject, fits};

const ROLES: &[String] = &[];

fn target(set: impl FnOnce(&mut LockTarget)) -> LockTarget {
    let mut target = LockTarget::default();
    set(&mut target);
    target
}

/// Short for what every case needs.
macro_rules! some {
    ($text:expr) => {
        Some($text.to_owned())
    };
}

#[test]
fn each_field_alone() {
    let roles = ["dev".to_owned(), "ops".to_owned()];
    let alice = Subject {
        user: Some("alice"),
        roles: &roles,
        devices: [Some("phone"), Some("key")],
        server: None,
        app: None,
    };
    assert!(fits(&target(|t| t.user = some!("alice")), &alice));
    assert!(fits(&target(|t| t.login = some!("alice")), &alice));
    assert!(fits(&target(|t| t.role = some!("ops")), &alice));
    assert!(fits(&target(|t| t.mfa_device = some!("phone")), &alice));
    assert!(!fits(&target(|t| t.user = some!("bob")), &alice));
    assert!(!fits(&target(|t| t.role = some!("admin")), &alice));
    assert!(!fits(&target(|t| t.server_id = some!("alice")), &alice));
    let host =
        Subject { user: None, roles: ROLES, devices: [None; 2], server: Some("host"), app: None };
    assert!(fits(&target(|t| t.server_id = some!("host")), &host));
    assert!(!fits(&target(|t| t.user = some!("host")), &host));
}

#[test]
fn fields_together_must_all_fit() {
    let roles = ["dev".to_owned()];
    let alice =
        Subject { user: Some("alice"), roles: &roles, devices: [None; 2], server: None, app: None };
    let both = |user: &str, role: &str| {
        target(|t| {
            t.user = some!(user);
            t.role = some!(role);
        })
    };
    assert!(fits(&both("alice", "dev"), &alice));
    assert!(!fits(&both("alice", "ops"), &alice));
    assert!(!fits(&both("bob", "dev"), &alice));
}

#[test]
fn an_app_or_nothing_locks_nobody_out_of_the_api() {
    let alice =
        Subject { user: Some("alice"), roles: ROLES, devices: [None; 2], server: None, app: None };
    assert!(!fits(&LockTarget::default(), &alice));
    let app = target(|t| {
        t.app = some!("everything");
        t.user = some!("alice");
    });
    assert!(!fits(&app, &alice));
}
