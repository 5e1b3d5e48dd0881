//! Who of other clusters is believed, and where.

use std::time::Duration;

use rustls_pki_types::CertificateDer;

use super::*;
use crate::authority::IssueError;
use crate::identity::{Service, UserIdentity, Visit, VisitTools};
use crate::testing::{Cluster, Forgery, NOW, alice, node};
use crate::tls::server_name;
use crate::trust::TrustStore;

fn foreign(of: &Cluster) -> Foreign {
    let hosts = vec![of.host.certificate().clone()];
    let cluster = hosts[0].cluster().to_owned();
    Foreign { cluster, users: vec![of.user.certificate().clone()], hosts }
}

/// A leaf that trusts a root.
fn leaf(root: &Cluster) -> (Cluster, TrustStore) {
    let leaf = Cluster::new("leaf");
    let trust = leaf.trust().with_foreign(vec![foreign(root)]).unwrap();
    (leaf, TrustStore::new(trust))
}

fn visiting(home: &str, cluster: &str) -> UserIdentity {
    let tools = VisitTools { allowed: vec!["slack_*".to_owned()], denied: Vec::new() };
    UserIdentity { visit: Some(Visit { cluster: cluster.to_owned(), tools }), ..alice(home) }
}

fn chain(of: &crate::Certificate) -> [CertificateDer<'static>; 1] {
    [of.der().clone()]
}

#[test]
fn a_visitor_is_believed_as_one_and_not_at_home() {
    let root = Cluster::new("root");
    let (_, store) = leaf(&root);
    let visitor = visiting("root", "leaf");
    let shown = chain(&root.user(&visitor).0);
    for _again in 0..2 {
        assert_eq!(*store.verify_foreign(&shown, NOW).unwrap(), visitor.clone().into());
        assert_eq!(store.verify(&shown, NOW), Err(VerifyError::UnknownAuthority));
    }
    let elsewhere = VerifyError::VisitElsewhere { cluster: "leaf".to_owned() };
    let home = root.store();
    assert_eq!(home.verify(&shown, NOW), Err(elsewhere.clone()));
    // Nor does it pass once the same authority was asked about somebody else.
    assert!(home.verify(&chain(&root.user(&alice("root")).0), NOW).is_ok());
    assert_eq!(home.verify(&shown, NOW), Err(elsewhere.clone()));
    // A third cluster that trusts the root believes nothing that is for the leaf.
    let third = Cluster::new("third").trust().with_foreign(vec![foreign(&root)]).unwrap();
    assert_eq!(TrustStore::new(third).verify_foreign(&shown, NOW), Err(elsewhere));
}

#[test]
fn an_ordinary_certificate_of_another_cluster_is_for_nothing() {
    let root = Cluster::new("root");
    let (own, store) = leaf(&root);
    let shown = chain(&root.user(&alice("root")).0);
    let no_visit = VerifyError::NoVisit { cluster: "root".to_owned() };
    assert_eq!(store.verify_foreign(&shown, NOW), Err(no_visit));
    // Nobody of this cluster is a foreigner.
    let ours = chain(&own.user(&alice("leaf")).0);
    assert!(store.verify(&ours, NOW).is_ok());
    assert_eq!(store.verify_foreign(&ours, NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn nobody_speaks_for_a_cluster_but_its_own_authorities() {
    let (root, other) = (Cluster::new("root"), Cluster::new("other"));
    let own = Cluster::new("leaf");
    let trust = own.trust().with_foreign(vec![foreign(&root), foreign(&other)]).unwrap();
    let store = TrustStore::new(trust);
    let by = |forgery: &Forgery, authority| [forgery.signed_by(authority)];
    // The other cluster makes up a user of the root, and the root one of ours.
    let made_up = Forgery::of(&visiting("root", "leaf").into());
    assert_eq!(
        store.verify_foreign(&by(&made_up, &other.user), NOW),
        Err(VerifyError::UnknownAuthority)
    );
    assert!(store.verify_foreign(&by(&made_up, &root.user), NOW).is_ok());
    for identity in [visiting("leaf", "leaf").into(), alice("leaf").into()] {
        let made_up = by(&Forgery::of(&identity), &root.user);
        assert!(store.verify_foreign(&made_up, NOW).is_err());
        assert!(store.verify(&made_up, NOW).is_err());
    }
    // Services do not certify users, nor the other way round.
    assert!(store.verify_foreign(&by(&made_up, &root.host), NOW).is_err());
    let host = Forgery::of(&node("root", &[Service::Proxy]).into());
    assert!(store.verify_foreign(&by(&host, &root.user), NOW).is_err());
    assert!(store.verify_foreign(&by(&host, &root.host), NOW).is_ok());
    // An impostor of the same name has another key.
    let impostor = Cluster::new("root");
    assert!(store.verify_foreign(&by(&made_up, &impostor.user), NOW).is_err());
}

#[test]
fn of_a_cluster_whose_users_are_not_welcome_only_services_are_believed() {
    let (root, remote) = (Cluster::new("root"), Cluster::new("leaf"));
    let hosts_only = Foreign { users: Vec::new(), ..foreign(&remote) };
    let store = TrustStore::new(root.trust().with_foreign(vec![hosts_only]).unwrap());
    let proxy = node("leaf", &[Service::Proxy]);
    let shown = chain(&remote.service(&proxy).0);
    assert_eq!(*store.verify_foreign(&shown, NOW).unwrap(), proxy.into());
    assert!(store.verify(&shown, NOW).is_err());
    let user = chain(&remote.user(&visiting("leaf", "root")).0);
    assert_eq!(store.verify_foreign(&user, NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn a_server_of_another_cluster_is_checked_by_that_cluster_alone() {
    let root = Cluster::new("root");
    let (own, store) = leaf(&root);
    let name = server_name("proxy.tessera.internal").unwrap();
    let check = |cluster: &str, of: &Cluster, named: &str| {
        let (certificate, _) = of.service(&node(named, &[Service::Proxy]));
        store.verify_foreign_server(cluster, certificate.der(), &name, NOW)
    };
    assert_eq!(check("root", &root, "root"), Ok(()));
    assert_eq!(check("root", &own, "leaf"), Err(VerifyError::UnknownAuthority));
    assert_eq!(check("elsewhere", &root, "root"), Err(VerifyError::UnknownAuthority));
    assert_eq!(check("leaf", &own, "leaf"), Err(VerifyError::UnknownAuthority));
    let wrong = server_name("auth.tessera.internal").unwrap();
    let (proxy, _) = root.service(&node("root", &[Service::Proxy]));
    let refused = store.verify_foreign_server("root", proxy.der(), &wrong, NOW);
    assert!(matches!(refused, Err(VerifyError::WrongName { .. })), "{refused:?}");
}

#[test]
fn trust_that_is_taken_back_takes_what_was_remembered_with_it() {
    let root = Cluster::new("root");
    let (own, store) = leaf(&root);
    let shown = chain(&root.user(&visiting("root", "leaf")).0);
    assert!(store.verify_foreign(&shown, NOW).is_ok());
    let late = NOW + Duration::from_secs(3601);
    assert!(matches!(store.verify_foreign(&shown, late), Err(VerifyError::Expired { .. })));
    let before = store.generation();
    store.replace(own.trust().with_foreign(vec![foreign(&root)]).unwrap());
    assert_eq!(store.generation(), before, "the same trust is the same generation");
    store.replace(own.trust());
    assert_ne!(store.generation(), before);
    assert_eq!(store.verify_foreign(&shown, NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn clusters_are_told_apart_by_their_names_and_keys() {
    let (own, root) = (Cluster::new("leaf"), Cluster::new("root"));
    let with = |all: Vec<Foreign>| own.trust().with_foreign(all).map(drop);
    let misnamed = Foreign { cluster: "other".to_owned(), ..foreign(&root) };
    assert!(matches!(with(vec![misnamed]), Err(TrustError::Cluster { .. })));
    let swapped =
        Foreign { users: foreign(&root).hosts, hosts: foreign(&root).users, ..foreign(&root) };
    assert!(matches!(with(vec![swapped]), Err(TrustError::Kind { .. })));
    let itself = foreign(&Cluster::new("leaf"));
    assert_eq!(with(vec![itself]), Err(TrustError::Itself { cluster: "leaf".to_owned() }));
    let twice = vec![foreign(&root), foreign(&root)];
    assert_eq!(with(twice), Err(TrustError::Repeated { cluster: "root".to_owned() }));
    // The key of one cluster, certified as another's.
    let key = crate::PrivateKey::from_pem(&root.host.key_pem()).unwrap();
    let stolen = crate::testing::authority_with(CaKind::Host, "thief", &key);
    let pin = root.host.pin();
    assert_eq!(stolen.pin(), pin);
    let thief = Foreign { cluster: "thief".to_owned(), users: Vec::new(), hosts: vec![stolen] };
    let refused = Err(TrustError::ForeignKey { pin, cluster: "thief".to_owned() });
    assert_eq!(with(vec![foreign(&root), thief.clone()]), refused);
    assert_eq!(root.trust().with_foreign(vec![thief]).map(drop), refused);
    // One cluster's newer authorities take the place of its older ones.
    let newer = Cluster::new("root");
    let trust = own.trust().with_foreign(vec![foreign(&root)]).unwrap();
    let store = TrustStore::new(trust.admitting(foreign(&newer)).unwrap());
    let visitor = visiting("root", "leaf");
    assert!(store.verify_foreign(&chain(&newer.user(&visitor).0), NOW).is_ok());
    assert!(store.verify_foreign(&chain(&root.user(&visitor).0), NOW).is_err());
}

#[test]
fn nobody_is_certified_for_a_visit_at_home_or_nowhere() {
    let root = Cluster::new("root");
    let key = crate::PrivateKey::generate().unwrap().public();
    let issue = |user: &UserIdentity| root.user.issue_user(&key, user).map(drop);
    assert!(matches!(issue(&visiting("root", "root")), Err(IssueError::VisitHome { .. })));
    assert!(matches!(issue(&visiting("root", "")), Err(IssueError::Empty { .. })));
    let mut much = visiting("root", "leaf");
    if let Some(visit) = &mut much.visit {
        visit.tools.denied = vec!["x".repeat(1000); 17];
    }
    assert!(
        matches!(issue(&much), Err(IssueError::Identity(_))),
        "too large is refused, never cut"
    );
}
