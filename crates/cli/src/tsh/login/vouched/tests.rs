use std::time::Duration;

use api::wire::Authorities;
use pki::{CaKind, CertificateAuthority};
use time::macros::datetime;

use super::*;

const DAY: Duration = Duration::from_secs(86_400);

fn authority() -> CaCertificate {
    let now = datetime!(2026-11-20 12:00 UTC);
    CertificateAuthority::generate(CaKind::Host, "root", now, DAY).unwrap().certificate().clone()
}

fn credentials(hosts: &[&CaCertificate]) -> UserCredentials {
    let host = hosts.iter().map(|authority| authority.to_pem()).collect();
    let authorities = Authorities { host, ..Authorities::default() };
    serde_json::from_value(serde_json::json!({
        "certificate": "", "roles": [], "cluster": "root", "authorities": authorities,
        "user": "alice", "valid_until": "2030-01-01T00:00:00Z",
    }))
    .unwrap()
}

fn ping(cluster: &str, hosts: &[&CaCertificate]) -> Ping {
    Ping {
        cluster: cluster.to_owned(),
        version: String::new(),
        ca_pins: Vec::new(),
        host_authorities: hosts.iter().map(|authority| authority.to_pem()).collect(),
        sign_in: None,
    }
}

#[test]
fn only_what_is_pinned_or_named_by_the_auth_service_is_kept() {
    let [pinned, next, planted] = [(); 3].map(|()| authority());
    let pins = [pinned.pin()];
    let came = || credentials(&[&pinned, &next, &planted]);
    let kept = |said: Option<&Ping>| admit(came(), &pins, said).unwrap().authorities.host;
    let said = ping("root", &[&pinned, &next]);
    assert_eq!(kept(Some(&said)), [pinned.to_pem(), next.to_pem()]);
    assert_eq!(kept(None), [pinned.to_pem()]);
}

#[test]
fn nothing_is_kept_where_nothing_is_vouched_for() {
    let [pinned, planted] = [(); 2].map(|()| authority());
    let pins = [pinned.pin()];
    assert!(admit(credentials(&[&planted]), &pins, None).unwrap_err().is::<Refused>());
    let said = ping("root", &[&pinned]);
    assert!(admit(credentials(&[&planted]), &pins, Some(&said)).unwrap_err().is::<Refused>());
    let other = ping("other", &[&pinned]);
    assert!(admit(credentials(&[&pinned, &planted]), &pins, Some(&other)).is_err());
}
