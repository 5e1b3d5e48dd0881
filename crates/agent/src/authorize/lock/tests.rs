use pki::SecondFactors;
use resource::LockTarget;

use super::{describe, fits};
use crate::testing::identity;

fn target(set: impl FnOnce(&mut LockTarget)) -> LockTarget {
    let mut target = LockTarget::default();
    set(&mut target);
    target
}

#[test]
fn a_target_fits_what_it_names() {
    let mut alice = identity("alice", &["dev", "ops"]);
    let device = |name: &str| Some(name.to_owned());
    alice.mfa = SecondFactors { at_sign_in: device("device-1"), for_session: device("device-3") };
    let fits = |target: &LockTarget| fits(target, &alice, "files", "host-1");
    assert!(fits(&target(|t| t.user = Some("alice".to_owned()))));
    assert!(fits(&target(|t| t.role = Some("ops".to_owned()))));
    assert!(fits(&target(|t| t.login = Some("alice".to_owned()))));
    assert!(fits(&target(|t| t.mfa_device = Some("device-1".to_owned()))));
    assert!(fits(&target(|t| t.mfa_device = Some("device-3".to_owned()))));
    assert!(fits(&target(|t| t.server_id = Some("host-1".to_owned()))));
    assert!(fits(&target(|t| t.app = Some("files".to_owned()))));
    assert!(!fits(&target(|t| t.user = Some("bob".to_owned()))));
    assert!(!fits(&target(|t| t.role = Some("admin".to_owned()))));
    assert!(!fits(&target(|t| t.mfa_device = Some("device-2".to_owned()))));
    assert!(!fits(&target(|t| t.app = Some("mail".to_owned()))));
    assert!(!fits(&LockTarget::default()), "an empty target fits nobody");
}

#[test]
fn a_lock_on_a_name_shuts_out_visitors_by_either_of_theirs() {
    let alice = crate::testing::visitor("alice", &["dev"]);
    let named = |name: &str| target(|t| t.user = Some(name.to_owned()));
    assert!(fits(&named("alice"), &alice, "files", "h"));
    assert!(fits(&named("remote-alice-root"), &alice, "files", "h"));
    assert!(!fits(&named("remote-alice-other"), &alice, "files", "h"));
    assert!(!fits(&named("remote-alice-root"), &identity("alice", &["dev"]), "files", "h"));
}

#[test]
fn all_that_a_target_names_must_fit() {
    let alice = identity("alice", &["dev"]);
    let both = target(|t| {
        t.user = Some("alice".to_owned());
        t.app = Some("files".to_owned());
    });
    assert!(fits(&both, &alice, "files", "h"));
    assert!(!fits(&both, &alice, "mail", "h"));
    assert_eq!(describe(&both), r#"user "alice" and app "files""#);
}
