use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose};
use rustls_pki_types::{CertificateDer, ServerName};

use super::cache::{Cache, HALF};
use super::{Trust, TrustError, TrustStore, VerifyError, Window};
use crate::authority::{CaKind, CertificateAuthority};
use crate::identity::{Identity, IdentityError, Service, extension::der_utf8_string};
use crate::testing::{Cluster, Forgery, NOW, YEAR, alice, node};

fn verify(cluster: &Cluster, leaf: CertificateDer<'static>) -> Result<Identity, VerifyError> {
    cluster.store().verify(&[leaf], NOW).map(|identity| Identity::clone(&identity))
}

#[test]
fn what_the_authorities_issue_is_believed() {
    let cluster = Cluster::new("example");
    let (user, _) = cluster.user(&alice("example"));
    let service = node("example", &[Service::App]);
    let (host, _) = cluster.service(&service);
    assert_eq!(verify(&cluster, user.der().clone()), Ok(alice("example").into()));
    assert_eq!(verify(&cluster, host.der().clone()), Ok(service.into()));
}

#[test]
fn a_forgery_is_sound_but_for_what_a_test_changes() {
    let cluster = Cluster::new("example");
    let forgery = Forgery::of(&alice("example").into());
    assert!(verify(&cluster, forgery.signed_by(&cluster.user)).is_ok());
}

#[test]
fn a_user_under_the_host_authority_is_refused() {
    let cluster = Cluster::new("example");
    let forged = Forgery::of(&alice("example").into()).signed_by(&cluster.host);
    assert_eq!(
        verify(&cluster, forged),
        Err(VerifyError::WrongAuthority { identity: CaKind::User, authority: CaKind::Host })
    );
}

#[test]
fn a_service_under_the_user_authority_is_refused() {
    let cluster = Cluster::new("example");
    let service = node("example", &[Service::Auth]);
    let forged = Forgery::of(&service.into()).signed_by(&cluster.user);
    assert_eq!(
        verify(&cluster, forged),
        Err(VerifyError::WrongAuthority { identity: CaKind::Host, authority: CaKind::User })
    );
}

#[test]
fn an_identity_of_another_cluster_is_refused() {
    let cluster = Cluster::new("example");
    let forged = Forgery::of(&alice("other").into()).signed_by(&cluster.user);
    assert_eq!(
        verify(&cluster, forged),
        Err(VerifyError::WrongCluster {
            identity: "other".to_owned(),
            authority: "example".to_owned()
        })
    );
}

#[test]
fn another_clusters_authority_of_the_same_name_is_refused() {
    let cluster = Cluster::new("example");
    let impostor = Cluster::new("example");
    let (user, _) = impostor.user(&alice("example"));
    assert_eq!(verify(&cluster, user.der().clone()), Err(VerifyError::UnknownAuthority));
    let (host, _) = impostor.service(&node("example", &[Service::Auth]));
    assert_eq!(verify(&cluster, host.der().clone()), Err(VerifyError::UnknownAuthority));
}

#[test]
fn the_impostors_authority_in_the_chain_changes_nothing() {
    let (cluster, impostor) = (Cluster::new("example"), Cluster::new("example"));
    let (user, _) = impostor.user(&alice("example"));
    let chain = [user.der().clone(), impostor.user.certificate().der().clone()];
    assert_eq!(cluster.store().verify(&chain, NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn expiry_and_beginning_are_exact() {
    let cluster = Cluster::new("example");
    let (user, _) = cluster.user(&alice("example"));
    let chain = [user.der().clone()];
    let (begin, end) = (NOW - Duration::from_secs(60), NOW + Duration::from_secs(3600));
    let second = Duration::from_secs(1);
    // Each of them first unknown to the store, and then remembered by it.
    let warm = cluster.store();
    warm.verify(&chain, NOW).unwrap();
    for store in [cluster.store(), warm] {
        assert_eq!(store.verify(&chain, end + second), Err(VerifyError::Expired { at: end }));
        assert_eq!(
            store.verify(&chain, begin - second),
            Err(VerifyError::NotYetValid { at: begin })
        );
        assert!(store.verify(&chain, begin).is_ok());
        assert!(store.verify(&chain, end).is_ok());
        assert!(store.verify(&chain, end + second).is_err());
    }
}

#[test]
fn nothing_outlives_its_authority() {
    let cluster = Cluster::new("example");
    let mut forgery = Forgery::of(&alice("example").into());
    forgery.params.not_before = NOW - YEAR;
    forgery.params.not_after = NOW + YEAR * 2;
    let chain = [forgery.signed_by(&cluster.user)];
    let store = cluster.store();
    for _unknown_then_remembered in 0..2 {
        assert!(matches!(
            store.verify(&chain, NOW + YEAR + Duration::from_secs(1)),
            Err(VerifyError::Expired { .. })
        ));
        assert!(matches!(
            store.verify(&chain, NOW - Duration::from_secs(61)),
            Err(VerifyError::NotYetValid { .. })
        ));
        store.verify(&chain, NOW).unwrap();
    }
}

#[test]
fn no_certificate_and_garbage_are_refused() {
    let store = Cluster::new("example").store();
    assert_eq!(store.verify(&[], NOW), Err(VerifyError::NoCertificate));
    for garbage in [vec![], vec![0x30; 100], vec![0; 40_000]] {
        let verified = store.verify(&[garbage.into()], NOW);
        assert!(matches!(verified, Err(VerifyError::Malformed { .. })), "{verified:?}");
    }
}

#[test]
fn a_changed_bit_is_noticed() {
    let cluster = Cluster::new("example");
    let (user, _) = cluster.user(&alice("example"));
    let mut der = user.der().to_vec();
    let at = der.windows(5).position(|w| w == b"alice").unwrap();
    der[at] ^= 1;
    assert_eq!(verify(&cluster, der.into()), Err(VerifyError::UnknownAuthority));
}

#[test]
fn a_signed_certificate_without_a_sound_identity_is_refused() {
    let cluster = Cluster::new("example");
    let refused = |forgery: Forgery| match verify(&cluster, forgery.signed_by(&cluster.user)) {
        Err(VerifyError::Identity(error)) => error,
        other => panic!("{other:?}"),
    };
    let mut none = Forgery::of(&alice("example").into());
    none.params.custom_extensions.clear();
    assert_eq!(refused(none), IdentityError::Missing);
    let mut two = Forgery::of(&alice("example").into());
    let again = two.params.custom_extensions[0].clone();
    two.params.custom_extensions.push(again);
    assert_eq!(refused(two), IdentityError::Duplicate);
    let huge = Forgery::with_extension(der_utf8_string(&"x".repeat(17_000)));
    assert!(matches!(refused(huge), IdentityError::TooLarge { .. }));
    let garbage = Forgery::with_extension(vec![0xff; 32]);
    assert!(matches!(refused(garbage), IdentityError::Malformed { .. }));
}

#[test]
fn a_certificate_that_is_not_for_clients_is_refused() {
    let cluster = Cluster::new("example");
    for usages in
        [vec![], vec![ExtendedKeyUsagePurpose::ServerAuth], vec![ExtendedKeyUsagePurpose::Any]]
    {
        let mut forgery = Forgery::of(&alice("example").into());
        forgery.params.extended_key_usages = usages;
        assert_eq!(
            verify(&cluster, forgery.signed_by(&cluster.user)),
            Err(VerifyError::WrongPurpose { purpose: "client" })
        );
    }
}

#[test]
fn a_leaf_cannot_act_as_an_authority() {
    let cluster = Cluster::new("example");
    let (leaf, leaf_key) = cluster.user(&alice("example"));
    let mut mallory = alice("example");
    "mallory".clone_into(&mut mallory.name);
    let forged = Forgery::of(&mallory.into()).signed(leaf.der(), &leaf_key);
    let chain = [forged, leaf.der().clone(), cluster.user.certificate().der().clone()];
    assert_eq!(cluster.store().verify(&chain, NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn even_a_certified_intermediate_cannot_issue() {
    let cluster = Cluster::new("example");
    let mut intermediate = Forgery::of(&alice("example").into());
    intermediate.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    intermediate.params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let der = intermediate.signed_by(&cluster.user);
    let forged = Forgery::of(&alice("example").into()).signed(&der, &intermediate.key);
    assert_eq!(cluster.store().verify(&[forged, der], NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn an_authority_is_not_somebody() {
    let cluster = Cluster::new("example");
    let mut forgery = Forgery::of(&alice("example").into());
    forgery.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let verified = verify(&cluster, forgery.signed_by(&cluster.user));
    assert!(matches!(verified, Err(VerifyError::Malformed { .. })), "{verified:?}");
    let verified = verify(&cluster, cluster.user.certificate().der().clone());
    assert!(matches!(verified, Err(VerifyError::Malformed { .. })), "{verified:?}");
}

#[test]
fn a_server_must_be_a_service_with_the_name_that_was_dialled() {
    let cluster = Cluster::new("example");
    let store = cluster.store();
    let (agent, _) = cluster.service(&node("example", &[Service::App]));
    let name = |text| ServerName::try_from(text).unwrap();
    let check = |leaf: &CertificateDer<'_>, n| store.verify_server(leaf, &name(n), NOW);
    assert_eq!(check(agent.der(), "app.tessera.internal"), Ok(()));
    let Err(VerifyError::WrongName { expected, presented }) =
        check(agent.der(), "auth.tessera.internal")
    else {
        panic!("an agent passes for the auth service");
    };
    assert_eq!(expected, "auth.tessera.internal");
    assert_eq!(presented.len(), 2);
    // A user certificate is no server, whatever it says its name is.
    let (user, _) = cluster.user(&alice("example"));
    assert_eq!(check(user.der(), "alice"), Err(VerifyError::WrongPurpose { purpose: "server" }));
    let forged = Forgery::of(&alice("example").into()).signed_by(&cluster.user);
    let mut with_name = Forgery::of(&alice("example").into());
    with_name.params.subject_alt_names =
        vec![rcgen::SanType::DnsName("auth.tessera.internal".try_into().unwrap())];
    assert!(matches!(check(&forged, "alice"), Err(VerifyError::WrongName { .. })));
    assert_eq!(
        check(&with_name.signed_by(&cluster.host), "auth.tessera.internal"),
        Err(VerifyError::WrongAuthority { identity: CaKind::User, authority: CaKind::Host })
    );
}

#[test]
fn a_replacement_takes_effect_at_once_and_forgets() {
    let (old, new) = (Cluster::new("example"), Cluster::new("example"));
    let store = old.store();
    let clone = store.clone();
    let (user, _) = old.user(&alice("example"));
    let chain = [user.der().clone()];
    clone.verify(&chain, NOW).unwrap();
    store.replace(new.trust());
    assert_eq!(clone.verify(&chain, NOW), Err(VerifyError::UnknownAuthority));
    assert_eq!((store.generation(), clone.generation()), (2, 2));
    store.replace(Trust::nobody("example"));
    let (user, _) = new.user(&alice("example"));
    assert_eq!(clone.verify(&[user.der().clone()], NOW), Err(VerifyError::UnknownAuthority));
}

#[test]
fn during_a_rotation_both_keys_are_believed() {
    let (old, new) = (Cluster::new("example"), Cluster::new("example"));
    let both = |kind: fn(&Cluster) -> &CertificateAuthority| {
        vec![kind(&old).certificate().clone(), kind(&new).certificate().clone()]
    };
    let store =
        TrustStore::new(Trust::new("example", both(|c| &c.user), both(|c| &c.host)).unwrap());
    for cluster in [&old, &new] {
        let (user, _) = cluster.user(&alice("example"));
        assert!(store.verify(&[user.der().clone()], NOW).is_ok());
    }
    assert_eq!(store.trust().pins(), [old.host.pin(), new.host.pin()]);
}

#[test]
fn repeated_evidence_is_the_same_identity_and_equal_trust_keeps_it() {
    let cluster = Cluster::new("example");
    let store = cluster.store();
    let (user, _) = cluster.user(&alice("example"));
    let chain = [user.der().clone()];
    let first = store.verify(&chain, NOW).unwrap();
    store.replace(cluster.trust());
    assert_eq!(store.generation(), 1);
    let second = store.verify(&chain, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn failures_are_not_remembered() {
    let cluster = Cluster::new("example");
    let store = cluster.store();
    let garbage: CertificateDer<'static> = vec![1, 2, 3].into();
    assert!(store.verify(&[garbage], NOW).is_err());
    assert_eq!(store.current.load().cache.lock().len(), 0);
}

#[test]
fn the_cache_is_bounded_and_keeps_what_is_used() {
    let identity = Arc::new(Identity::from(alice("example")));
    let window = Window { from: 0, until: 1 };
    let digest = |n: usize| crate::provider::sha256(&n.to_be_bytes());
    let mut cache = Cache::default();
    for n in 0..HALF * 5 {
        cache.insert(digest(n), (Arc::clone(&identity), window));
        assert!(cache.len() <= HALF * 2);
        assert!(cache.find(&digest(0)).is_some(), "in use, after {n}");
    }
    assert!(cache.find(&digest(1)).is_none(), "long unused");
    assert!(cache.find(&digest(HALF * 5 - 1)).is_some());
}

#[test]
fn a_trust_is_made_of_the_right_authorities() {
    let cluster = Cluster::new("example");
    let (user, host) = (cluster.user.certificate(), cluster.host.certificate());
    let trust = |users: Vec<_>, hosts: Vec<_>| Trust::new("example", users, hosts);
    assert!(trust(vec![], vec![host.clone()]).is_ok());
    assert!(matches!(trust(vec![host.clone()], vec![]), Err(TrustError::Kind { .. })));
    assert!(matches!(trust(vec![], vec![user.clone()]), Err(TrustError::Kind { .. })));
    let other = Cluster::new("other").user;
    assert!(matches!(
        trust(vec![other.certificate().clone()], vec![]),
        Err(TrustError::Cluster { .. })
    ));
}

#[test]
fn one_key_cannot_be_both_authorities() {
    let cluster = Cluster::new("example");
    let mut forgery = Forgery::of(&alice("example").into());
    forgery.params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    forgery.params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    forgery.params.distinguished_name.push(rcgen::DnType::OrganizationName, "example");
    forgery.params.distinguished_name.push(rcgen::DnType::OrganizationalUnitName, "user");
    let key = crate::key::PrivateKey::from_pem(&cluster.host.key_pem()).unwrap();
    let der = CertificateDer::from(forgery.params.self_signed(&key).unwrap());
    let same_key = crate::authority::CaCertificate::from_der(der).unwrap();
    let trust = Trust::new("example", vec![same_key], vec![cluster.host.certificate().clone()]);
    assert_eq!(trust, Err(TrustError::SharedKey { pin: cluster.host.pin() }));
}
