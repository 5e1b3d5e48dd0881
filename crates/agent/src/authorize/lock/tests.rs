use pki::SecondFactors;
use resource::LockTarget;

use super::{Host, describe, fits};
use crate::testing::identity;

fn target(set: impl FnOnce(&mut LockTarget)) -> LockTarget {
    let mut target = LockTarget::default();
    set(&mut target);
    target
}

fn host(id: &str) -> Host<'_> {
    Host { id, join_token: Some("hosts") }
}

#[test]
fn a_lock_of_a_join_token_shuts_out_whoever_came_by_it() {
    let by = |token: &str| target(|t| t.join_token = Some(token.to_owned()));
    let place = |id: &str| target(|t| t.bot_instance_id = Some(id.to_owned()));
    let mut bot = identity("bot-ci", &["dev"]);
    assert!(!fits(&by("ci"), &bot, "files", host("h")));
    assert!(!fits(&place("p1"), &bot, "files", host("h")));
    bot.join_token = Some("ci".to_owned());
    bot.bot_instance_id = Some("p1".to_owned());
    bot.oauth_grant = Some("g1".to_owned());
    assert!(fits(&by("ci"), &bot, "files", host("h")));
    assert!(fits(&place("p1"), &bot, "files", host("h")));
    assert!(!fits(&place("p2"), &bot, "files", host("h")));
    let granted = |name: &str| target(|t| t.oauth_grant = Some(name.to_owned()));
    assert!(fits(&granted("g1"), &bot, "files", host("h")));
    assert!(!fits(&granted("g2"), &bot, "files", host("h")));
    assert!(fits(&by("hosts"), &bot, "files", host("h")), "the agent came by it");
    assert!(!fits(&by("others"), &bot, "files", host("h")));
    let local = Host { id: "h", join_token: None };
    assert!(!fits(&by("hosts"), &bot, "files", local));
}

#[test]
fn a_target_fits_what_it_names() {
    let mut alice = identity("alice", &["dev", "ops"]);
    let device = |name: &str| Some(name.to_owned());
    alice.mfa = SecondFactors { at_sign_in: device("device-1"), for_session: device("device-3") };
    let fits = |target: &LockTarget| fits(target, &alice, "files", host("host-1"));
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
    assert!(fits(&named("alice"), &alice, "files", host("h")));
    assert!(fits(&named("remote-alice-root"), &alice, "files", host("h")));
    assert!(!fits(&named("remote-alice-other"), &alice, "files", host("h")));
    assert!(!fits(&named("remote-alice-root"), &identity("alice", &["dev"]), "files", host("h")));
}

#[test]
fn all_that_a_target_names_must_fit() {
    let alice = identity("alice", &["dev"]);
    let both = target(|t| {
        t.user = Some("alice".to_owned());
        t.app = Some("files".to_owned());
    });
    assert!(fits(&both, &alice, "files", host("h")));
    assert!(!fits(&both, &alice, "mail", host("h")));
    assert_eq!(describe(&both), r#"user "alice" and app "files""#);
}
