use std::time::Duration;

use x509_parser::extensions::GeneralName;

use super::{CaCertificate, CaKind, CertificateAuthority, IssueError};
use crate::certificate::{Certificate, CertificateError, parse};
use crate::identity::{Identity, IdentityError, Service, UserIdentity};
use crate::key::PrivateKey;
use crate::testing::{Cluster, Forgery, HOST_ID, NOW, YEAR, alice, node};

fn names(certificate: &Certificate) -> Vec<String> {
    let parsed = parse(certificate.der()).unwrap();
    let Some(san) = parsed.subject_alternative_name().unwrap() else { return Vec::new() };
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::IPAddress(bytes) => format!("ip:{}", hex::encode(bytes)),
        other => panic!("{other}"),
    };
    san.value.general_names.iter().map(name).collect()
}

fn extra(names: &[&str]) -> Result<Certificate, IssueError> {
    let cluster = Cluster::new("example.com");
    let key = PrivateKey::generate().unwrap().public();
    let names: Vec<_> = names.iter().map(|n| (*n).to_owned()).collect();
    cluster.host.issue_service(&key, &node("example.com", &[Service::Proxy]), &names)
}

#[test]
fn an_authority_survives_pem() {
    let authority = Cluster::new("example").user;
    let again =
        CertificateAuthority::from_pem(&authority.certificate().to_pem(), &authority.key_pem())
            .unwrap();
    assert_eq!(again.certificate(), authority.certificate());
    assert_eq!(again.certificate().kind(), CaKind::User);
    assert_eq!(again.certificate().cluster(), "example");
    assert_eq!(again.pin(), authority.pin());
    assert_eq!(again.certificate().not_after(), NOW + YEAR);
}

#[test]
fn an_authority_with_the_key_of_another_is_refused() {
    let Cluster { user, host } = Cluster::new("example");
    let mixed = CertificateAuthority::from_pem(&user.certificate().to_pem(), &host.key_pem());
    assert!(matches!(mixed, Err(IssueError::KeyMismatch)));
}

#[test]
fn an_authority_is_not_printed_with_its_key() {
    let authority = Cluster::new("example").user;
    let secret = authority.key_pem().lines().nth(2).unwrap().to_owned();
    assert!(!format!("{authority:?}").contains(&secret));
}

#[test]
fn clusters_need_a_name_that_fits_dns_names() {
    let make = |name: &str| CertificateAuthority::generate(CaKind::Host, name, NOW, YEAR);
    let label = "a".repeat(63);
    let at_limit = format!("{}{}", format!("{label}.").repeat(3), "b".repeat(216 - 3 * 64));
    for good in ["example", "tessera.example.com", "my_host", "10-0-0-1.lan", &at_limit] {
        assert!(make(good).is_ok(), "{good}");
    }
    for bad in
        ["", "two words", "-x", "a..b", "*.example.com", "example.com.", &format!("{at_limit}b")]
    {
        assert!(matches!(make(bad), Err(IssueError::ClusterName { .. })), "{bad}");
    }
}

#[test]
fn a_user_certificate_ends_with_the_user_and_never_after_the_authority() {
    let cluster = Cluster::new("example");
    let (certificate, key) = cluster.user(&alice("example"));
    assert_eq!(certificate.not_after(), NOW + Duration::from_secs(3600));
    assert_eq!(certificate.not_before(), NOW - Duration::from_secs(60));
    assert_eq!(certificate.public_key(), Ok(key.public()));
    assert_eq!(certificate.unverified_identity(), Ok(alice("example").into()));
    assert!(names(&certificate).is_empty());
    assert_eq!(Certificate::from_pem(&certificate.to_pem()), Ok(certificate));

    let ambitious = UserIdentity { expires: NOW + YEAR * 2, ..alice("example") };
    let (certificate, _) = cluster.user(&ambitious);
    assert_eq!(certificate.not_after(), NOW + YEAR);
    assert_eq!(certificate.unverified_identity().map(|i| i.expires()), Ok(NOW + YEAR));
}

#[test]
fn authorities_issue_only_what_is_theirs() {
    let cluster = Cluster::new("example");
    let key = PrivateKey::generate().unwrap().public();
    let service = node("example", &[Service::App]);
    assert!(matches!(
        cluster.host.issue_user(&key, &alice("example")),
        Err(IssueError::WrongAuthority { authority: CaKind::Host })
    ));
    assert!(matches!(
        cluster.user.issue_service(&key, &service, &[]),
        Err(IssueError::WrongAuthority { authority: CaKind::User })
    ));
    assert!(matches!(
        cluster.user.issue_user(&key, &alice("other")),
        Err(IssueError::WrongCluster { .. })
    ));
}

#[test]
fn identities_that_say_nothing_or_too_much_are_refused() {
    let cluster = Cluster::new("example");
    let key = PrivateKey::generate().unwrap().public();
    let issue = |user: UserIdentity| cluster.user.issue_user(&key, &user).unwrap_err();
    let alice = || alice("example");
    let nameless = UserIdentity { name: String::new(), ..alice() };
    assert!(matches!(issue(nameless), IssueError::Empty { field: "user name" }));
    let no_login = UserIdentity { login_id: String::new(), ..alice() };
    assert!(matches!(issue(no_login), IssueError::Empty { .. }));
    assert!(matches!(issue(UserIdentity { expires: NOW, ..alice() }), IssueError::Validity { .. }));
    let huge = UserIdentity { roles: vec!["role".repeat(5000)], ..alice() };
    let error = issue(huge);
    assert!(matches!(error, IssueError::Identity(IdentityError::TooLarge { .. })), "{error}");
    assert!(error.to_string().contains("fewer roles or traits"));
}

#[test]
fn a_service_certificate_names_the_host_and_its_services() {
    let cluster = Cluster::new("example.com");
    let (certificate, _) = cluster.service(&node("example.com", &[Service::Auth, Service::Proxy]));
    let host = format!("{HOST_ID}.example.com");
    assert_eq!(
        names(&certificate),
        [host.as_str(), "auth.tessera.internal", "proxy.tessera.internal"]
    );
}

#[test]
fn extra_names_are_certified() {
    let issued = extra(&["Proxy.Example.com", "127.0.0.1", "::1", "*.apps.example.com"]).unwrap();
    let names = names(&issued);
    for name in ["proxy.example.com", "ip:7f000001", "*.apps.example.com"] {
        assert!(names.iter().any(|n| n == name), "{name} in {names:?}");
    }
    assert!(extra(&["example.com"]).is_ok());
}

#[test]
fn a_service_cannot_have_the_name_of_another() {
    for bad in [
        "auth.tessera.internal",
        "AUTH.Tessera.Internal",
        "auth.tessera.internal.",
        "tessera.internal",
        "*.tessera.internal",
        "*.internal",
        "internal",
        "*.example.com",
        "0193f6d5-77aa-7c3e-9d4b-000000000000.example.com",
        "*",
        "a.*.example.com",
        "two words",
        "",
    ] {
        let issued = extra(&[bad]);
        assert!(matches!(issued, Err(IssueError::Name { .. })), "{bad}");
    }
}

#[test]
fn host_ids_are_uuids_in_their_one_spelling() {
    let cluster = Cluster::new("example");
    let key = PrivateKey::generate().unwrap().public();
    for bad in ["", "node-1", &HOST_ID.to_uppercase(), &HOST_ID.replace('-', ""), "x.example"] {
        let mut service = node("example", &[Service::App]);
        bad.clone_into(&mut service.host_id);
        let issued = cluster.host.issue_service(&key, &service, &[]);
        assert!(matches!(issued, Err(IssueError::HostId { .. })), "{bad}");
    }
}

#[test]
fn serial_numbers_are_positive_and_differ() {
    let cluster = Cluster::new("example");
    let key = PrivateKey::generate().unwrap().public();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let issued = cluster.user.issue_user(&key, &alice("example")).unwrap();
        let parsed = parse(issued.der()).unwrap();
        let serial = parsed.raw_serial();
        assert!(serial.len() == 16 && serial[0] < 0x80 && serial[0] != 0);
        assert!(seen.insert(serial.to_vec()));
    }
}

#[test]
fn only_self_signed_authorities_are_authorities() {
    let cluster = Cluster::new("example");
    let (leaf, _) = cluster.user(&alice("example"));
    assert!(matches!(
        CaCertificate::from_der(leaf.der().clone()),
        Err(CertificateError::NotAuthority { .. })
    ));
    // The right subject and flags, signed by another key.
    let mut forgery = Forgery::of(&Identity::from(alice("example")));
    forgery.params.distinguished_name = super::ca_certificate::subject(CaKind::User, "example");
    forgery.params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    forgery.params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let cross = forgery.signed_by(&cluster.user);
    assert_eq!(
        CaCertificate::from_der(cross),
        Err(CertificateError::NotAuthority { reason: "it is not signed by its own key" })
    );
    assert_eq!(CaCertificate::from_der(vec![0; 10].into()), Err(CertificateError::Malformed));
}
