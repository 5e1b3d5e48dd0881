use std::time::Duration;

use api::{Replica, Snapshot};
use pki::{
    BoundApp, CaKind, CertificateAuthority, PrivateKey, SecondFactors, Trust, TrustStore,
    UserIdentity,
};
use resource::{LabelSelector, Lock, LockTarget, Resource, User};
use runtime::Clock;
use rustls_pki_types::CertificateDer;
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Authorizer, Grant, Refusal};
use crate::catalog::Catalog;
use crate::catalog::tests::app;
use crate::end::Reason;
use crate::evidence::Evidence;
use crate::testing::{identity, role, snapshot};

pub(super) struct Fixture {
    authority: CertificateAuthority,
    pub(super) trust: TrustStore,
    pub(super) clock: Clock,
}

impl Fixture {
    pub(super) fn new() -> Self {
        pki::install_crypto_provider();
        let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let validity = Duration::from_secs(86_400);
        let authority = |kind| CertificateAuthority::generate(kind, "test", now, validity).unwrap();
        let (users, hosts) = (authority(CaKind::User), authority(CaKind::Host));
        let certificates = |ca: &CertificateAuthority| vec![ca.certificate().clone()];
        let trust = Trust::new("test", certificates(&users), certificates(&hosts)).unwrap();
        Self { authority: users, trust: TrustStore::new(trust), clock: Clock::manual(now) }
    }

    fn alice(&self) -> UserIdentity {
        let issued = self.clock.now();
        let expires = issued + Duration::from_secs(3_600);
        UserIdentity { issued, expires, ..identity("alice", &["dev"]) }
    }

    pub(super) fn evidence(&self, user: &UserIdentity) -> Evidence {
        self.evidence_by(&self.authority, user)
    }

    pub(super) fn evidence_by(
        &self,
        authority: &CertificateAuthority,
        user: &UserIdentity,
    ) -> Evidence {
        let key = PrivateKey::generate().unwrap().public();
        let certificate = authority.issue_user(&key, user).unwrap();
        let client = Some("192.0.2.1:4711".parse().unwrap());
        Evidence::new(vec![CertificateDer::clone(certificate.der())], client)
    }

    pub(super) fn authorizer(&self, snapshot: Snapshot) -> Authorizer {
        let catalog = Catalog::new(Vec::new(), &[LabelSelector::wildcard()]);
        let replica = Replica::fixed(snapshot);
        let host = ("host-1".to_owned(), None);
        let labels = crate::labels::ToldLabels::new();
        Authorizer::new(replica, self.trust.clone(), self.clock.clone(), catalog, labels, host)
    }

    fn decide(&self, snapshot: Snapshot, user: &UserIdentity) -> Result<Grant, Refusal> {
        self.authorizer(snapshot).decide(self.evidence(user), "files")
    }

    fn reason(&self, snapshot: Snapshot, user: &UserIdentity) -> Reason {
        self.decide(snapshot, user).expect_err("a refusal").reason
    }
}

/// An app, a user and her role.
pub(super) fn usual() -> Vec<Resource> {
    vec![
        Resource::App(app("files", &[], "x")),
        Resource::User(User::new("alice", ["dev"])),
        Resource::Role(role("dev", &json!({"tools": ["echo"]}))),
    ]
}

fn with(extra: Resource) -> Snapshot {
    snapshot(usual().into_iter().chain([extra]))
}

fn without(name: &str) -> Snapshot {
    snapshot(usual().into_iter().filter(|resource| resource.name() != name))
}

fn preference(spec: &Value) -> Resource {
    let document = json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"}, "spec": spec,
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap()
}

#[test]
fn who_holds_a_role_for_the_app_is_let_in() {
    let fixture = Fixture::new();
    let grant = fixture.decide(snapshot(usual()), &fixture.alice()).unwrap();
    assert!(grant.access.tool_visible("echo"));
    assert!(!grant.access.tool_visible("other"));
    assert_eq!((grant.ends, grant.idle_timeout), (None, None));
}

#[test]
fn nothing_known_is_nothing_allowed() {
    let fixture = Fixture::new();
    let alice = fixture.alice();
    assert_eq!(fixture.reason(Snapshot::default(), &alice), Reason::AppRemoved);
    assert_eq!(fixture.reason(without("files"), &alice), Reason::AppRemoved);
    assert_eq!(fixture.reason(without("alice"), &alice), Reason::AccessDenied);
    assert_eq!(fixture.reason(without("dev"), &alice), Reason::AccessDenied);
}

#[test]
fn one_missing_role_refuses_everything_and_only_the_administrator_learns_which() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    alice.roles.push("ghost".to_owned());
    let refusal = fixture.decide(snapshot(usual()), &alice).unwrap_err();
    assert!(!refusal.message.contains("ghost"), "{}", refusal.message);
    assert!(refusal.detail.unwrap().contains("ghost"));
}

#[test]
fn the_certificate_decides_who_is_there() {
    let fixture = Fixture::new();
    let mut gone = fixture.alice();
    gone.issued -= Duration::from_secs(7_200);
    gone.expires -= Duration::from_secs(7_200);
    assert_eq!(fixture.reason(snapshot(usual()), &gone), Reason::Unauthenticated);
    let nobody = Evidence::new(Vec::new(), None);
    let refused = fixture.authorizer(snapshot(usual())).decide(nobody, "files").unwrap_err();
    assert_eq!(refused.reason, Reason::Unauthenticated);
}

#[test]
fn a_lock_in_force_shuts_out() {
    let fixture = Fixture::new();
    let target = LockTarget { role: Some("dev".to_owned()), ..LockTarget::default() };
    let mut lock = Lock::new("l", target, "holiday");
    let refusal = fixture.decide(with(Resource::Lock(lock.clone())), &fixture.alice()).unwrap_err();
    assert_eq!(refusal.reason, Reason::Locked);
    assert_eq!(refusal.message, r#"lock targeting role "dev" is in force: holiday"#);
    lock.spec.expires = Some(fixture.clock.now());
    assert!(fixture.decide(with(Resource::Lock(lock)), &fixture.alice()).is_ok());
}

#[test]
fn a_pinned_certificate_works_from_its_address_only() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    alice.source_ip = Some("192.0.2.9".parse().unwrap());
    assert_eq!(fixture.reason(snapshot(usual()), &alice), Reason::AccessDenied);
    alice.source_ip = Some("::ffff:192.0.2.1".parse().unwrap());
    assert!(fixture.decide(snapshot(usual()), &alice).is_ok());
}

#[test]
fn a_certificate_for_one_app_opens_no_other_and_ends_what_it_opened() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    alice.app = Some(BoundApp::Here("others".to_owned()));
    assert_eq!(fixture.reason(snapshot(usual()), &alice), Reason::AccessDenied);
    alice.app = Some(BoundApp::Here("files".to_owned()));
    assert_eq!(fixture.decide(snapshot(usual()), &alice).unwrap().ends, Some(alice.expires));
}

#[test]
fn a_certificate_from_before_its_user_was_made_is_a_namesakes() {
    let fixture = Fixture::new();
    let alice = fixture.alice();
    let made = |time| {
        let mut user = User::new("alice", ["dev"]);
        user.spec.created_by =
            Some(resource::user::CreatedBy { time: Some(time), ..Default::default() });
        with(Resource::User(user))
    };
    assert!(fixture.decide(made(alice.issued), &alice).is_ok());
    let later = alice.issued + Duration::from_secs(1);
    assert_eq!(fixture.reason(made(later), &alice), Reason::AccessDenied);
}

#[test]
fn a_cluster_may_demand_a_second_factor() {
    let fixture = Fixture::new();
    let mut alice = fixture.alice();
    let demand = || with(preference(&json!({"require_session_mfa": true})));
    assert_eq!(fixture.reason(demand(), &alice), Reason::SecondFactorNeeded);
    // One of sign-in is in every copy of the certificate.
    alice.mfa = SecondFactors::shown_at_sign_in(Some("device".to_owned()));
    assert_eq!(fixture.reason(demand(), &alice), Reason::SecondFactorNeeded);
    alice.app = Some(BoundApp::Here("files".to_owned()));
    assert_eq!(fixture.reason(demand(), &alice), Reason::SecondFactorNeeded);
    alice.mfa.for_session = Some("device".to_owned());
    assert!(fixture.decide(demand(), &alice).is_ok());
    // And for the one app of the one cluster.
    alice.app = Some(BoundApp::elsewhere("leaf".to_owned(), "files".to_owned()));
    assert_eq!(fixture.reason(demand(), &alice), Reason::AccessDenied);
}

#[test]
fn a_connection_ends_with_its_certificate_where_the_cluster_says_so() {
    let fixture = Fixture::new();
    let alice = fixture.alice();
    let demand = with(preference(&json!({"disconnect_expired_cert": true})));
    assert_eq!(fixture.decide(demand, &alice).unwrap().ends, Some(alice.expires));
}

#[test]
fn what_rests_on_a_grant_is_good_while_that_is_there_and_allowed() {
    let fixture = Fixture::new();
    let granted = |user: &str, known_by: &str, seconds: i64| {
        let ends = fixture.clock.now() + time::Duration::seconds(seconds);
        let ends = ends.format(&time::format_description::well_known::Rfc3339).unwrap();
        let document = json!({
            "kind": "oauth_grant", "version": "v1", "metadata": {"name": "g", "expires": ends},
            "spec": {
                "user": user, "client": {"id": "c", "known_by": known_by}, "app": "files",
                "proxy": "proxy.example.com:443", "created": "2023-01-01T00:00:00Z", "login_id": "l",
            },
        });
        Resource::from_json(document.to_string().as_bytes()).unwrap()
    };
    let allowed = || preference(&json!({"allow_oauth": true}));
    let of = |extra: Vec<Resource>| snapshot(usual().into_iter().chain(extra));
    let good = || granted("alice", "document", 60);
    let mut alice = fixture.alice();
    // Whoever has a certificate of their own needs none.
    assert!(fixture.decide(of(Vec::new()), &alice).is_ok());
    alice.oauth_grant = Some("g".to_owned());
    assert!(fixture.decide(of(vec![allowed(), good()]), &alice).is_ok());
    let both = preference(&json!({"allow_oauth": true, "allow_oauth_registration": true}));
    let registered = || granted("alice", "registration", 60);
    assert!(fixture.decide(of(vec![both, registered()]), &alice).is_ok());
    let off = preference(&json!({"allow_oauth": false, "allow_oauth_registration": true}));
    for (what, extra) in [
        ("there is none", vec![allowed()]),
        ("nobody has allowed it", vec![good()]),
        ("it is off", vec![off, good()]),
        ("registered clients are not taken", vec![allowed(), registered()]),
        ("another user's", vec![allowed(), granted("bob", "document", 60)]),
        ("it has ended", vec![allowed(), granted("alice", "document", 0)]),
    ] {
        assert_eq!(fixture.reason(of(extra), &alice), Reason::Unauthenticated, "{what}");
    }
    let target = LockTarget { oauth_grant: Some("g".to_owned()), ..LockTarget::default() };
    let lock = Resource::Lock(Lock::new("l", target, ""));
    assert_eq!(fixture.reason(of(vec![allowed(), good(), lock]), &alice), Reason::Locked);
}

#[test]
fn an_authority_that_is_no_longer_trusted_ends_what_rests_on_it() {
    let fixture = Fixture::new();
    let authorizer = fixture.authorizer(snapshot(usual()));
    let mut grant = authorizer.decide(fixture.evidence(&fixture.alice()), "files").unwrap();
    assert_eq!(authorizer.renew(&mut grant), Ok(false));
    fixture.trust.replace(Fixture::new().trust.trust());
    assert_eq!(authorizer.renew(&mut grant).unwrap_err().reason, Reason::Unauthenticated);
}

#[test]
fn identities_with_the_same_roles_share_what_was_compiled_until_a_role_changes() {
    let fixture = Fixture::new();
    let authorizer = fixture.authorizer(Snapshot::default());
    let (one, alice) = (snapshot(usual()), fixture.alice());
    let compile = |snapshot: &Snapshot| authorizer.sets.resolve(&alice, snapshot);
    let names = |set: &policy::RoleSet| set.missing_roles().to_vec();
    assert_eq!(names(&compile(&one)), [""; 0]);
    assert_eq!(names(&compile(&without("dev"))), ["dev"], "not the remembered one");
    let mut changed = usual();
    changed.pop();
    changed.push(Resource::Role(role("dev", &json!({"tools": ["other"]}))));
    let labels = resource::Labels::new();
    let access = compile(&snapshot(changed)).access(policy::AppRef::new("files", &labels));
    assert!(access.tool_visible("other") && !access.tool_visible("echo"));
}

#[test]
fn a_service_is_no_user() {
    let fixture = Fixture::new();
    let hosts = {
        let now = fixture.clock.now();
        CertificateAuthority::generate(CaKind::Host, "test", now, Duration::from_secs(3_600))
            .unwrap()
    };
    let trust = Trust::new(
        "test",
        vec![fixture.authority.certificate().clone()],
        vec![hosts.certificate().clone()],
    );
    fixture.trust.replace(trust.unwrap());
    let service = pki::ServiceIdentity {
        host_id: uuid::Uuid::new_v4().to_string(),
        node_name: "n".to_owned(),
        services: [pki::Service::Proxy].into(),
        cluster: "test".to_owned(),
        join_token: None,
        issued: fixture.clock.now(),
        expires: fixture.clock.now() + Duration::from_secs(600),
    };
    let key = PrivateKey::generate().unwrap().public();
    let certificate = hosts.issue_service(&key, &service, &[]).unwrap();
    let evidence = Evidence::new(vec![certificate.der().clone()], None);
    let refused = fixture.authorizer(snapshot(usual())).decide(evidence, "files").unwrap_err();
    assert_eq!(refused.reason, Reason::Unauthenticated);
}
