use std::collections::BTreeMap;

use super::extension::{MAX_IDENTITY_BYTES, der_utf8_string, encode, read};
use super::{
    BoundApp, Identity, IdentityError, SecondFactors, Service, ServiceIdentity, UserIdentity,
    UserKind,
};
use crate::identity::{Visit, VisitTools};
use crate::testing::{Cluster, Forgery, HOST_ID, alice, node};

fn read_forged(forgery: &Forgery) -> Result<Identity, IdentityError> {
    read(&forgery.signed_by(&Cluster::new("example").user))
}

fn read_json(json: &str) -> Result<Identity, IdentityError> {
    read_forged(&Forgery::with_extension(der_utf8_string(json)))
}

#[test]
fn every_field_survives_the_certificate() {
    let user = UserIdentity {
        kind: UserKind::Bot,
        mfa: SecondFactors {
            at_sign_in: Some("device-1".to_owned()),
            for_session: Some("device-2".to_owned()),
        },
        source_ip: Some("2001:db8::1".parse().unwrap()),
        app: Some(BoundApp::Here("everything".to_owned())),
        visit: Some(Visit {
            cluster: "leaf".to_owned(),
            tools: VisitTools {
                allowed: vec!["slack_*".to_owned()],
                denied: vec!["slack_delete_*".to_owned()],
            },
        }),
        bot_instance_id: Some("c1e3".to_owned()),
        oauth_grant: Some("g1".to_owned()),
        join_token: Some("ci-github".to_owned()),
        ..alice("example")
    };
    let there = UserIdentity {
        mfa: SecondFactors::shown_at_sign_in(Some("device-1".to_owned())),
        app: Some(BoundApp::elsewhere("leaf".to_owned(), "everything".to_owned())),
        ..alice("example")
    };
    let service = node("example", &[Service::Auth, Service::Proxy, Service::App]);
    let joined = ServiceIdentity { join_token: Some("hosts".to_owned()), ..service.clone() };
    let alone = alice("example");
    for identity in
        [user.into(), there.into(), alone.into(), Identity::from(service), joined.into()]
    {
        assert_eq!(read_forged(&Forgery::of(&identity)), Ok(identity));
    }
}

#[test]
fn accessors_tell_user_and_service_apart() {
    let user = Identity::from(alice("example"));
    assert_eq!((user.name().as_str(), user.cluster()), ("alice", "example"));
    assert!(user.as_user().is_some() && user.as_service().is_none());
    assert!(!user.is_service(Service::Proxy));
    let proxy = Identity::from(node("example", &[Service::Proxy]));
    assert_eq!(proxy.name(), format!("{HOST_ID}.example"));
    assert!(proxy.is_service(Service::Proxy) && !proxy.is_service(Service::Auth));
}

#[test]
fn a_missing_extension_is_no_identity() {
    let mut forgery = Forgery::of(&alice("example").into());
    forgery.params.custom_extensions.clear();
    assert_eq!(read_forged(&forgery), Err(IdentityError::Missing));
}

#[test]
fn two_extensions_are_no_identity_even_when_equal() {
    let mut forgery = Forgery::of(&alice("example").into());
    let again = forgery.params.custom_extensions[0].clone();
    forgery.params.custom_extensions.push(again);
    assert_eq!(read_forged(&forgery), Err(IdentityError::Duplicate));
}

#[test]
fn garbage_is_no_identity() {
    let text = der_utf8_string("{}");
    let trailing = [text.as_slice(), &[0]].concat();
    for content in [vec![], vec![0xff; 40], vec![0x0c, 0x05, b'a'], vec![0x0c, 1, 0xff], trailing] {
        let read = read_forged(&Forgery::with_extension(content.clone()));
        assert!(matches!(read, Err(IdentityError::Malformed { .. })), "{content:?}: {read:?}");
    }
}

#[test]
fn json_that_is_not_exactly_an_identity_is_refused() {
    let user = r#"{"name":"a","kind":"human","roles":[],"traits":{},"login_id":"x"}"#;
    let whole = |rest: &str| format!(r#"{{"version":1,"cluster":"example","issued":1{rest}}}"#);
    assert!(read_json(&whole(&format!(r#","user":{user}"#))).is_ok(), "the base is sound");
    for bad in [
        "[]".to_owned(),
        "{}".to_owned(),
        whole(""),
        whole(&format!(r#","user":{user},"extra":1"#)),
        whole(&format!(r#","user":{user},"user":{user}"#)),
        whole(&format!(r#","user":{}"#, user.replace("human", "god"))),
        whole(&format!(r#","user":{}"#, user.replace(r#""name":"a","#, ""))),
        whole(&format!(r#","user":{}"#, user.replace(r#""name""#, r#""shell":"x","name""#))),
        whole(&format!(
            r#","user":{user},"service":{{"host_id":"h","node_name":"n","services":["auth"]}}"#
        )),
        whole(r#","service":{"host_id":"h","node_name":"n","services":["root"]}"#),
    ] {
        let read = read_json(&bad);
        assert!(matches!(read, Err(IdentityError::Malformed { .. })), "{bad}: {read:?}");
    }
}

#[test]
fn a_second_factor_from_before_sessions_had_one_is_of_sign_in() {
    let user = r#"{"name":"a","kind":"human","roles":[],"traits":{},"login_id":"x","mfa":"d"}"#;
    let json = format!(r#"{{"version":1,"cluster":"example","issued":1,"user":{user}}}"#);
    let read = read_json(&json).unwrap();
    let mfa = &read.as_user().unwrap().mfa;
    assert_eq!((mfa.newest(), mfa.are_fresh()), (Some("d"), false));
}

#[test]
fn a_session_is_with_one_app_and_an_app_elsewhere_has_a_name() {
    let whole = |more: &str| {
        let user = r#""name":"a","kind":"human","roles":[],"traits":{},"login_id":"x""#;
        let user = format!(r#"{{{user}{more}}}"#);
        format!(r#"{{"version":1,"cluster":"example","issued":1,"user":{user}}}"#)
    };
    assert!(read_json(&whole(r#","session_mfa":"d","app":"x""#)).is_ok());
    for bad in [
        r#","session_mfa":"d""#,
        r#","app_cluster":"leaf""#,
        r#","app":"x","app_cluster":"leaf","visit":{"cluster":"leaf"}"#,
    ] {
        let read = read_json(&whole(bad));
        assert!(matches!(read, Err(IdentityError::Malformed { .. })), "{bad}: {read:?}");
    }
    // Nor is such a certificate made.
    let mfa = SecondFactors { for_session: Some("d".to_owned()), ..SecondFactors::default() };
    let nowhere = UserIdentity { mfa, ..alice("example") };
    assert!(matches!(encode(&nowhere.into()), Err(IdentityError::Malformed { .. })));
}

#[test]
fn a_newer_format_is_told_as_such() {
    let newer = r#"{"version":2,"who":{"name":"alice"}}"#;
    assert_eq!(read_json(newer), Err(IdentityError::Version { version: 2 }));
}

#[test]
fn the_size_is_bounded_when_written_and_when_read() {
    let sized = |bytes: usize| {
        let mut user = alice("example");
        user.traits = BTreeMap::from([("pad".to_owned(), vec![String::new()])]);
        let empty = encoded_len(&user);
        user.traits.insert("pad".to_owned(), vec!["x".repeat(bytes - empty)]);
        user
    };
    let largest = sized(MAX_IDENTITY_BYTES);
    assert_eq!(read_forged(&Forgery::of(&largest.clone().into())), Ok(largest.into()));
    assert!(matches!(
        encode(&sized(MAX_IDENTITY_BYTES + 1).into()),
        Err(IdentityError::TooLarge { bytes }) if bytes == MAX_IDENTITY_BYTES + 1
    ));
    let json = format!(r#"{{"version":1,"pad":"{}"}}"#, "x".repeat(MAX_IDENTITY_BYTES));
    assert!(matches!(read_json(&json), Err(IdentityError::TooLarge { .. })));
}

fn encoded_len(user: &UserIdentity) -> usize {
    let der = encode(&user.clone().into()).unwrap();
    let json: &[u8] = der.content();
    // Long enough for a two-byte length or short enough for a one-byte length: take it from `{`.
    json.len() - json.iter().position(|b| *b == b'{').unwrap()
}

#[test]
fn der_lengths_are_minimal() {
    assert_eq!(der_utf8_string(""), [0x0c, 0]);
    assert_eq!(der_utf8_string(&"x".repeat(127))[..2], [0x0c, 127]);
    assert_eq!(der_utf8_string(&"x".repeat(128))[..3], [0x0c, 0x81, 128]);
    assert_eq!(der_utf8_string(&"x".repeat(255))[..3], [0x0c, 0x81, 255]);
    assert_eq!(der_utf8_string(&"x".repeat(256))[..4], [0x0c, 0x82, 1, 0]);
}

#[test]
fn services_are_read_as_they_are_written() {
    for service in [Service::Auth, Service::Proxy, Service::App] {
        assert_eq!(service.to_string().parse(), Ok(service));
        assert!(service.server_name().starts_with(service.as_str()));
    }
    assert_eq!("Proxy".parse(), Ok(Service::Proxy));
    assert!("node".parse::<Service>().is_err());
}
