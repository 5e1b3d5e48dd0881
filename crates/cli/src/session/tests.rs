use std::time::Duration;

use api::wire::Authorities;
use pki::{CertificateAuthority, UserKind};
use time::macros::datetime;

use super::*;

#[test]
fn a_certificate_for_another_key_is_not_kept() {
    let (now, day) = (datetime!(2026-11-20 12:00 UTC), Duration::from_secs(86_400));
    let authority = CertificateAuthority::generate(CaKind::User, "root", now, day).unwrap();
    let user = UserIdentity {
        name: "mallory".to_owned(),
        kind: UserKind::Human,
        roles: Vec::new(),
        traits: Default::default(),
        cluster: "root".to_owned(),
        login_id: "0193f6d5-0000-7000-8000-000000000001".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        visit: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        issued: now,
        expires: now + Duration::from_secs(3600),
    };
    let (ours, theirs) = (PrivateKey::generate().unwrap(), PrivateKey::generate().unwrap());
    let credentials = UserCredentials {
        user: user.name.clone(),
        roles: Vec::new(),
        traits: Default::default(),
        certificate: authority.issue_user(&theirs.public(), &user).unwrap().to_pem(),
        cluster: user.cluster.clone(),
        authorities: Authorities {
            user: vec![authority.certificate().to_pem()],
            ..Authorities::default()
        },
        valid_until: user.expires,
    };
    assert!(identity_file(theirs, &credentials, None).is_ok());
    assert!(identity_file(ours, &credentials, None).unwrap_err().is::<Refused>());
}
