//! What was granted, written and read, and when it is good.

use time::Duration;
use time::macros::datetime;

use super::*;
use crate::Resource;
use crate::secret::Secrets;

const CREATED: OffsetDateTime = datetime!(2027-01-01 00:00 UTC);

fn grant() -> OauthGrant {
    let mut metadata = Metadata::named("8f1c");
    metadata.expires = Some(CREATED + Duration::HOUR);
    let client = OauthGrantClient {
        id: "https://client.example.com/oauth.json".to_owned(),
        name: "A client".to_owned(),
        known_by: OauthKnownBy::Document,
    };
    let spec = OauthGrantSpec {
        user: "alice".to_owned(),
        client,
        app: "files".to_owned(),
        cluster: Some("leaf".to_owned()),
        proxy: "tessera.example.com:443".to_owned(),
        created: CREATED,
        roles: vec!["access".to_owned()],
        traits: Traits::from([("team".to_owned(), vec!["a".to_owned()])]),
        login_id: "l1".to_owned(),
        mfa_device: Some("d1".to_owned()),
        source_ip: Some("192.0.2.7".parse().unwrap()),
    };
    OauthGrant { metadata, spec }
}

fn rules(oauth: Option<bool>, registration: Option<bool>) -> AuthPreferenceSpec {
    AuthPreferenceSpec {
        allow_oauth: oauth,
        allow_oauth_registration: registration,
        ..AuthPreferenceSpec::default()
    }
}

#[test]
fn what_is_written_is_read() {
    let resource = Resource::from(grant());
    let text = resource.to_json(Secrets::Include).to_string();
    assert_eq!(Resource::from_json(text.as_bytes()).unwrap(), resource);
    let bare = OauthGrant {
        spec: OauthGrantSpec {
            cluster: None,
            mfa_device: None,
            source_ip: None,
            roles: Vec::new(),
            traits: Traits::new(),
            ..grant().spec
        },
        ..grant()
    };
    let resource = Resource::from(bare);
    let text = resource.to_json(Secrets::Include).to_string();
    assert_eq!(Resource::from_json(text.as_bytes()).unwrap(), resource);
}

#[test]
fn it_is_good_while_the_cluster_takes_such_clients_and_until_it_ends() {
    let by_document = grant();
    let mut registered = grant();
    registered.spec.client.known_by = OauthKnownBy::Registration;
    let (yes, no) = (Some(true), Some(false));
    for (rules, documents, registrations) in [
        (None, false, false),
        (Some(rules(None, None)), false, false),
        (Some(rules(no, yes)), false, false),
        (Some(rules(None, yes)), false, false),
        (Some(rules(yes, None)), true, false),
        (Some(rules(yes, no)), true, false),
        (Some(rules(yes, yes)), true, true),
    ] {
        assert_eq!(by_document.is_in_force(rules.as_ref(), CREATED), documents, "{rules:?}");
        assert_eq!(registered.is_in_force(rules.as_ref(), CREATED), registrations, "{rules:?}");
    }
    // Clients of hosts that are not named any more are not taken either.
    let named = |host: &str| AuthPreferenceSpec {
        oauth_client_hosts: Some(vec![host.to_owned()]),
        ..rules(yes, yes)
    };
    assert!(by_document.is_in_force(Some(&named("Client.example.com")), CREATED));
    assert!(!by_document.is_in_force(Some(&named("example.com")), CREATED));
    assert!(registered.is_in_force(Some(&named("example.com")), CREATED));
    let both = rules(yes, yes);
    let last = CREATED + Duration::HOUR - Duration::SECOND;
    assert!(by_document.is_in_force(Some(&both), last));
    assert!(!by_document.is_in_force(Some(&both), CREATED + Duration::HOUR));
    let mut endless = grant();
    endless.metadata.expires = None;
    assert!(!endless.is_in_force(Some(&both), CREATED));
}
