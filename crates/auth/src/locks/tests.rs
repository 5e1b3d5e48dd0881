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
        ..Subject::default()
    };
    assert!(fits(&target(|t| t.user = some!("alice")), &alice));
    assert!(fits(&target(|t| t.login = some!("alice")), &alice));
    assert!(fits(&target(|t| t.role = some!("ops")), &alice));
    assert!(fits(&target(|t| t.mfa_device = some!("phone")), &alice));
    assert!(!fits(&target(|t| t.user = some!("bob")), &alice));
    assert!(!fits(&target(|t| t.role = some!("admin")), &alice));
    assert!(!fits(&target(|t| t.server_id = some!("alice")), &alice));
    let host = Subject { server: Some("host"), ..Subject::default() };
    assert!(fits(&target(|t| t.server_id = some!("host")), &host));
    assert!(!fits(&target(|t| t.user = some!("host")), &host));
}

#[test]
fn fields_together_must_all_fit() {
    let roles = ["dev".to_owned()];
    let alice = Subject { user: Some("alice"), roles: &roles, ..Subject::default() };
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
    let alice = Subject { user: Some("alice"), roles: ROLES, ..Subject::default() };
    assert!(!fits(&LockTarget::default(), &alice));
    let app = target(|t| {
        t.app = some!("everything");
        t.user = some!("alice");
    });
    assert!(!fits(&app, &alice));
}

#[test]
fn what_somebody_joined_by_and_where_a_bot_runs() {
    let bot = Subject {
        user: Some("bot-ci"),
        bot_instance: Some("place"),
        join_tokens: [Some("ci"), Some("hosts")],
        ..Subject::default()
    };
    assert!(fits(&target(|t| t.join_token = some!("ci")), &bot));
    assert!(fits(&target(|t| t.join_token = some!("hosts")), &bot), "the agent came by it");
    assert!(!fits(&target(|t| t.join_token = some!("place")), &bot));
    assert!(fits(&target(|t| t.bot_instance_id = some!("place")), &bot));
    assert!(!fits(&target(|t| t.bot_instance_id = some!("another")), &bot));
    let somebody = Subject { user: Some("alice"), ..Subject::default() };
    assert!(!fits(&target(|t| t.join_token = some!("ci")), &somebody));
    assert!(!fits(&target(|t| t.bot_instance_id = some!("place")), &somebody));
    let both = target(|t| {
        t.join_token = some!("ci");
        t.bot_instance_id = some!("another");
    });
    assert!(!fits(&both, &bot));
}
