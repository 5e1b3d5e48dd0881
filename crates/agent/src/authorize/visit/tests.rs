use std::time::Duration;

use pki::{CaKind, CertificateAuthority, Foreign, Trust, Visit, VisitTools};
use resource::{Lock, LockTarget, Resource, User};
use serde_json::{Value, json};

use super::super::tests::{Fixture, usual};
use super::*;
use crate::authorize::Grant;
use crate::end::Reason;
use crate::evidence::Evidence;
use crate::testing::{identity, role, snapshot, visitor};

/// A cluster and another one that it trusts.
struct Two {
    here: Fixture,
    root: CertificateAuthority,
    root_hosts: CertificateAuthority,
}

impl Two {
    fn new() -> Self {
        let here = Fixture::new();
        let (now, validity) = (here.clock.now(), Duration::from_secs(86_400));
        let authority = |kind| CertificateAuthority::generate(kind, "root", now, validity).unwrap();
        let two = Self { root: authority(CaKind::User), root_hosts: authority(CaKind::Host), here };
        two.trust(true);
        two
    }

    /// Believes the root, or nobody but our own any more.
    fn trust(&self, root: bool) {
        let foreign = Foreign {
            cluster: "root".to_owned(),
            users: vec![self.root.certificate().clone()],
            hosts: vec![self.root_hosts.certificate().clone()],
        };
        let own = self.here.trust.trust();
        let trust = own.with_foreign(if root { vec![foreign] } else { Vec::new() });
        self.here.trust.replace(trust.unwrap());
    }

    fn certified(&self, user: UserIdentity) -> Evidence {
        let issued = self.here.clock.now();
        let user = UserIdentity { issued, expires: issued + Duration::from_secs(3_600), ..user };
        if user.cluster == "root" {
            self.here.evidence_by(&self.root, &user)
        } else {
            self.here.evidence(&user)
        }
    }

    fn decide(&self, snapshot: Snapshot, user: UserIdentity) -> Result<Grant, Refusal> {
        self.here.authorizer(snapshot).decide(self.certified(user), "files")
    }

    fn refused(&self, snapshot: Snapshot, user: UserIdentity) -> Refusal {
        self.decide(snapshot, user).expect_err("a refusal")
    }
}

fn trusted(name: &str, enabled: bool, role_map: &Value) -> Resource {
    let document = json!({
        "kind": "trusted_cluster", "version": "v2", "metadata": {"name": name},
        "spec": {"enabled": enabled, "web_proxy_addr": "x:443", "role_map": role_map},
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap()
}

/// An app, a user `alice` and a role `dev`, which users of the root have who hold `access` there.
fn leaf() -> Vec<Resource> {
    let map = json!([{"remote": "access", "local": ["dev"]}]);
    let mut resources = usual();
    resources.retain(|resource| resource.name() != "dev");
    resources.push(Resource::Role(role("dev", &json!({"tools": ["{{internal.mcp_tools}}"]}))));
    resources.push(trusted("root", true, &map));
    resources
}

fn with(extra: impl IntoIterator<Item = Resource>) -> Snapshot {
    snapshot(leaf().into_iter().chain(extra))
}

fn telling(user: UserIdentity, allowed: &[&str], denied: &[&str]) -> UserIdentity {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let tools = VisitTools { allowed: list(allowed), denied: list(denied) };
    UserIdentity { visit: Some(Visit { cluster: "test".to_owned(), tools }), ..user }
}

#[test]
fn a_visitor_has_the_roles_that_the_map_gives_and_the_tools_of_home() {
    let two = Two::new();
    let alice = telling(visitor("alice", &["access"]), &["slack_*"], &["slack_admin_*"]);
    let traits = [("mcp_tools".to_owned(), vec!["own".to_owned(), "slack_admin_own".to_owned()])];
    let alice = UserIdentity { traits: traits.into(), ..alice };
    let grant = two.decide(with([]), alice).unwrap();
    for (tool, visible) in [
        ("slack_post", true),
        ("own", true),
        ("slack_admin_x", false),
        ("slack_admin_own", false),
        ("echo", false),
    ] {
        assert_eq!(grant.access.tool_visible(tool), visible, "{tool}");
    }
    let user = grant.user().unwrap();
    assert_eq!((user.name.as_str(), user.cluster.as_str()), ("alice", "root"));
    assert_eq!(user.roles, ["dev"], "of this cluster");
    // On the word of another cluster nothing goes on for longer than it was given for.
    assert_eq!(grant.ends, Some(grant.identity.expires()));
}

#[test]
fn a_namesake_here_has_nothing_to_do_with_a_visitor() {
    let two = Two::new();
    // The same name, login, roles and traits, and a role of the same name at home.
    let local = identity("alice", &["dev"]);
    let guest = telling(visitor("alice", &["access"]), &["slack_*"], &[]);
    let authorizer = two.here.authorizer(with([]));
    let decide = |user: &UserIdentity| authorizer.decide(two.certified(user.clone()), "files");
    let (guest, local) = (decide(&guest).unwrap(), decide(&local).unwrap());
    assert!(guest.access.tool_visible("slack_post"));
    assert!(!local.access.tool_visible("slack_post"), "compiled for the visitor");
    assert_ne!(guest.user().unwrap().principal(), local.user().unwrap().principal());
    // A visitor needs no user here, and being one here does not help.
    let gone = snapshot(leaf().into_iter().filter(|resource| resource.name() != "alice"));
    assert!(two.decide(gone, visitor("alice", &["access"])).is_ok());
    assert_eq!(two.refused(with([]), visitor("alice", &["dev"])).reason, Reason::AccessDenied);
}

#[test]
fn what_the_root_says_of_tools_is_compiled_for_each_saying() {
    let two = Two::new();
    let authorizer = two.here.authorizer(with([]));
    let sees = |allowed: &[&str]| {
        let alice = telling(visitor("alice", &["access"]), allowed, &[]);
        authorizer.decide(two.certified(alice), "files").unwrap().access.tool_visible("a")
    };
    assert_eq!((sees(&["a"]), sees(&["b"]), sees(&["a"])), (true, false, true));
}

#[test]
fn who_has_no_role_here_is_told_with_which_ones_they_came() {
    let two = Two::new();
    let refused = two.refused(with([]), visitor("alice", &["dev", "admin"]));
    assert_eq!(refused.reason, Reason::AccessDenied);
    let words = r#"no roles mapped for remote user "alice" of cluster "root": came with roles "dev", "admin""#;
    assert!(refused.message.contains(words), "{}", refused.message);
    let many: Vec<String> = (0..25).map(|at| format!("r{at}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = two.refused(with([]), visitor("alice", &many));
    assert!(refused.message.contains(r#""r19" and 5 more"#), "{}", refused.message);
    let refused = two.refused(with([]), visitor("alice", &[]));
    assert!(refused.message.contains("came without roles"), "{}", refused.message);
}

#[test]
fn a_role_that_is_mapped_to_and_is_not_there_refuses_everything() {
    let two = Two::new();
    let map = json!([{"remote": "access", "local": ["dev", "ghost"]}]);
    let refused = two.refused(with([trusted("root", true, &map)]), visitor("alice", &["access"]));
    assert_eq!(refused.reason, Reason::AccessDenied);
    assert!(!refused.message.contains("ghost"), "{}", refused.message);
    assert!(refused.detail.unwrap().contains("ghost"));
}

#[test]
fn a_map_that_cannot_be_used_lets_nobody_in() {
    let two = Two::new();
    for map in [json!([]), json!([{"remote": "^(access$", "local": ["dev"]}])] {
        let refused =
            two.refused(with([trusted("root", true, &map)]), visitor("alice", &["access"]));
        assert_eq!(refused.reason, Reason::AccessDenied);
        assert!(refused.detail.unwrap().contains("failed to map roles"), "{}", refused.message);
    }
}

#[test]
fn trust_that_is_disabled_or_gone_lets_nobody_in_whatever_authorities_are_left() {
    let two = Two::new();
    let map = json!([{"remote": "*", "local": ["dev"]}]);
    let disabled = with([trusted("root", false, &map)]);
    let removed = snapshot(leaf().into_iter().filter(|resource| resource.name() != "root"));
    for resources in [disabled, removed, snapshot([])] {
        let refused = two.refused(resources, visitor("alice", &["access"]));
        assert_eq!(refused.message, r#"access denied: this cluster does not trust cluster "root""#);
    }
    // And the other way round.
    two.trust(false);
    let refused = two.refused(with([]), visitor("alice", &["access"]));
    assert_eq!(refused.reason, Reason::Unauthenticated);
}

#[test]
fn only_evidence_for_a_visit_here_is_believed() {
    let two = Two::new();
    let alice = visitor("alice", &["access"]);
    let ordinary = UserIdentity { visit: None, ..alice.clone() };
    let elsewhere = Visit { cluster: "other".to_owned(), tools: VisitTools::default() };
    let elsewhere = UserIdentity { visit: Some(elsewhere), ..alice };
    // Our own users' evidence for a visit elsewhere is good for nothing here.
    let (cluster, roles) = ("test".to_owned(), vec!["dev".to_owned()]);
    let ours = UserIdentity { cluster, roles, ..elsewhere.clone() };
    for user in [ordinary.clone(), elsewhere.clone(), ours] {
        let refused = two.refused(with([]), user);
        assert_eq!(refused.reason, Reason::Unauthenticated, "{}", refused.message);
    }
    // Had it been verified by mistake, it would still be refused.
    for user in [ordinary, elsewhere] {
        let refused = RoleMaps::default().receive(&user, &with([]), "test").unwrap_err();
        assert!(refused.message.contains("not for a visit to this cluster"), "{}", refused.message);
    }
}

#[test]
fn certificates_by_the_roots_other_authority_or_an_unknown_one_are_worth_nothing() {
    let two = Two::new();
    let now = two.here.clock.now();
    let alice = visitor("alice", &["access"]);
    let expires = now + Duration::from_secs(600);
    let alice = UserIdentity { issued: now, expires, ..alice };
    let stranger =
        CertificateAuthority::generate(CaKind::User, "root", now, Duration::from_secs(3_600));
    let evidence = two.here.evidence_by(&stranger.unwrap(), &alice);
    let refused = two.here.authorizer(with([])).decide(evidence, "files").unwrap_err();
    assert_eq!(refused.reason, Reason::Unauthenticated);
}

#[test]
fn locks_here_shut_out_visitors_by_name_and_by_the_roles_they_have_here() {
    let two = Two::new();
    let try_lock = |target: LockTarget| {
        let lock = Resource::Lock(Lock::new("l", target, "go"));
        two.decide(with([lock]), visitor("alice", &["access"])).map_err(|refused| refused.reason)
    };
    let named = |name: &str| LockTarget { user: Some(name.to_owned()), ..LockTarget::default() };
    let role = |name: &str| LockTarget { role: Some(name.to_owned()), ..LockTarget::default() };
    assert_eq!(try_lock(named("alice")).unwrap_err(), Reason::Locked);
    assert_eq!(try_lock(named("remote-alice-root")).unwrap_err(), Reason::Locked);
    assert_eq!(try_lock(role("dev")).unwrap_err(), Reason::Locked);
    // What a role is called at home says nothing of a role here.
    assert!(try_lock(role("access")).is_ok());
    assert!(try_lock(named("bob")).is_ok());
}

#[test]
fn a_pinned_visit_works_from_its_address_only() {
    let two = Two::new();
    let from = |ip: &str| {
        let source_ip = Some(ip.parse().unwrap());
        two.decide(with([]), UserIdentity { source_ip, ..visitor("alice", &["access"]) })
    };
    assert_eq!(from("192.0.2.9").unwrap_err().reason, Reason::AccessDenied);
    assert!(from("192.0.2.1").is_ok());
}

#[test]
fn nobody_is_let_in_under_a_name_that_somebody_else_has_here() {
    let two = Two::new();
    let taken = Resource::User(User::new("remote-alice-root", ["dev"]));
    let refused = two.refused(with([taken]), visitor("alice", &["access"]));
    assert!(refused.message.contains("a user of this cluster is, too"), "{}", refused.message);
}

#[test]
fn templates_of_roles_know_a_visitor_by_a_name_that_is_nobody_elses() {
    let two = Two::new();
    let own = Resource::Role(role("dev", &json!({"tools": ["of_{{user.metadata.name}}"]})));
    let authorizer = two.here.authorizer(with([own]));
    let tools = |user: UserIdentity| {
        let grant = authorizer.decide(two.certified(user), "files").unwrap();
        ["of_alice", "of_remote-alice-root"].map(|tool| grant.access.tool_visible(tool))
    };
    assert_eq!(tools(identity("alice", &["dev"])), [true, false]);
    assert_eq!(tools(visitor("alice", &["access"])), [false, true]);
}

#[test]
fn a_map_is_compiled_once_for_each_version() {
    let maps = RoleMaps::default();
    let now = with([]);
    let compiled = |snapshot: &Snapshot| {
        maps.compiled(snapshot.trusted_clusters.get("root").unwrap(), snapshot).unwrap()
    };
    assert!(Arc::ptr_eq(&compiled(&now), &compiled(&now)));
    let map = json!([{"remote": "*", "local": ["other"]}]);
    let later = with([trusted("root", true, &map)]);
    assert_eq!(compiled(&later).apply(&["x".to_owned()]).unwrap(), ["other"]);
    // Those that are gone are forgotten.
    let other = snapshot([trusted("other", true, &map)]);
    maps.compiled(other.trusted_clusters.get("other").unwrap(), &other).unwrap();
    assert_eq!(maps.known.lock().len(), 1);
}

#[test]
fn a_grant_lasts_no_longer_than_the_trust() {
    let two = Two::new();
    let authorizer = two.here.authorizer(with([]));
    let evidence = two.certified(visitor("alice", &["access"]));
    let mut grant = authorizer.decide(evidence, "files").unwrap();
    assert_eq!(authorizer.renew(&mut grant), Ok(false));
    two.trust(false);
    assert_eq!(authorizer.renew(&mut grant).unwrap_err().reason, Reason::Unauthenticated);
}

#[test]
fn trust_in_another_cluster_is_no_trust_in_its_users_as_ours() {
    let two = Two::new();
    // By the root's authority, with our name in it: no authority signs that, and none is asked for it.
    let ours = UserIdentity { visit: None, ..identity("alice", &["dev"]) };
    let key = pki::PrivateKey::generate().unwrap().public();
    assert!(two.root.issue_user(&key, &ours).is_err());
    let trust = Trust::new("test", vec![two.root.certificate().clone()], Vec::new());
    assert!(trust.is_err());
}
