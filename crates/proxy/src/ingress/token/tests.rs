//! What is remembered of tokens, and what is read of requests.

use std::sync::Arc;

use api::WatchEvent;
use http::header::AUTHORIZATION;
use resource::{Kind, Resource};
use serde_json::{Value, json};
use time::Duration;

use super::*;
use crate::basis::tests::{basis, change, rights};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn put(snapshot: &mut Snapshot, document: &Value) {
    let resource = Resource::from_json(document.to_string().as_bytes()).unwrap();
    snapshot.apply(&WatchEvent::Put { resource: Arc::new(resource), cursor: String::new() });
}

/// A cluster that reads tokens of others in these headers.
fn configs(headers: &[&str]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (number, header) in headers.iter().enumerate() {
        let document = json!({
            "kind": "app_auth_config", "version": "v1", "metadata": {"name": format!("c{number}")},
            "spec": {"app_labels": {"*": "*"}, "jwt": {
                "issuer": "https://idp", "audience": "us", "jwks_url": "https://idp/jwks",
                "authorization_header": header,
            }},
        });
        put(&mut snapshot, &document);
    }
    snapshot
}

/// The same where clients may have people sign in.
fn with_oauth(mut snapshot: Snapshot) -> Snapshot {
    let document = json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"}, "spec": {"allow_oauth": true},
    });
    put(&mut snapshot, &document);
    snapshot
}

fn good(admits_until: OffsetDateTime, oauth_grant: Option<&str>) -> Good {
    Good {
        evidence: HeaderValue::from_static("e"),
        until: admits_until + Duration::HOUR,
        admits_until,
        basis: basis(),
        rights: rights(oauth_grant),
    }
}

fn bearer(token: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(token))])
}

#[test]
fn tokens_of_our_own_are_read_where_clients_may_have_people_sign_in() {
    let own = bearer("Bearer tso_a_1");
    assert!(shown(&own, &configs(&[])).unwrap().is_empty());
    assert!(shown(&own, &configs(&["x-other"])).unwrap().is_empty());
    for cluster in [configs(&[]), configs(&["x-other"]), configs(&["authorization"])] {
        let found = shown(&own, &with_oauth(cluster)).unwrap();
        assert_eq!(found["authorization"], "Bearer tso_a_1");
    }
    assert!(shown(&HeaderMap::new(), &with_oauth(configs(&[]))).unwrap().is_empty());
    for other in ["Bearer a.b.c", "Bearer tso_r_1", "Basic tso_a_1", "tso_a_1"] {
        assert!(shown(&bearer(other), &with_oauth(configs(&[]))).is_err(), "{other}");
    }
    // What is nobody's token is not in the way of one in another header.
    let mut both = bearer("Bearer a.b.c");
    both.insert("x-other", HeaderValue::from_static("d.e.f"));
    let found = shown(&both, &with_oauth(configs(&["x-other"]))).unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["x-other"]);
}

#[test]
fn what_a_token_of_our_own_gave_is_forgotten_with_all_that_it_rests_on() {
    let nothing = Snapshot::default();
    let (own, other) = (good(NOW, Some("g1")), good(NOW, None));
    assert!(own.holds(&basis(), &nothing.touched) && other.holds(&basis(), &nothing.touched));
    for (kind, name) in [(Kind::OauthGrant, "g1"), (Kind::User, "alice"), (Kind::Role, "dev")] {
        let changed = change(kind, name);
        assert!(!own.holds(&basis(), &changed.touched), "{kind:?}");
        assert!(other.holds(&basis(), &changed.touched), "{kind:?}");
    }
    assert!(own.holds(&basis(), &change(Kind::OauthGrant, "g2").touched));
    let mut locked = Snapshot::default();
    put(
        &mut locked,
        &json!({
            "kind": "lock", "version": "v2", "metadata": {"name": "l"}, "spec": {"target": {"user": "x"}},
        }),
    );
    for now in [locked, with_oauth(Snapshot::default())] {
        let now = crate::basis::tests::basis_of(&now);
        assert!(!own.holds(&now, &nothing.touched));
        assert!(other.holds(&now, &nothing.touched));
    }
    let trust = crate::basis::tests::trusting(2);
    assert!(!own.holds(&trust, &nothing.touched) && !other.holds(&trust, &nothing.touched));
}

#[test]
fn tokens_are_read_where_a_config_has_them_and_nowhere_else() {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer a.b.c"));
    headers.insert("x-api-token", HeaderValue::from_static("d.e.f"));
    assert!(shown(&headers, &configs(&[])).unwrap().is_empty());
    let found = shown(&headers, &configs(&["Authorization", "X-Api-Token", "x-other"])).unwrap();
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [
            ("authorization".to_owned(), "Bearer a.b.c".to_owned()),
            ("x-api-token".to_owned(), "d.e.f".to_owned()),
        ]
    );
    headers.append(AUTHORIZATION, HeaderValue::from_static("Bearer x.y.z"));
    assert!(shown(&headers, &configs(&["authorization"])).is_err());
    headers.insert(AUTHORIZATION, HeaderValue::try_from("x".repeat(MAX_TOKEN)).unwrap());
    assert_eq!(shown(&headers, &configs(&["authorization"])).unwrap().len(), 1);
    headers.insert(AUTHORIZATION, HeaderValue::try_from("x".repeat(MAX_TOKEN + 1)).unwrap());
    assert!(shown(&headers, &configs(&["authorization"])).is_err());
}

#[test]
fn what_is_remembered_lets_in_as_long_as_the_token() {
    let mut known = Known::default();
    let key = key_of("app", HERE, &BTreeMap::from([("authorization".to_owned(), "t".to_owned())]));
    assert!(known.find(&key, NOW).is_none());
    known.keep(key, good(NOW + Duration::seconds(10), None));
    assert!(known.find(&key, NOW + Duration::seconds(9)).is_some());
    assert!(known.find(&key, NOW + Duration::seconds(10)).is_none());
    assert!(known.find(&key, NOW).is_none());
}

#[test]
fn so_many_are_remembered() {
    let mut known = Known::default();
    let key = |number: usize| pki::digest_of(&[&number.to_be_bytes()]);
    for number in 0..=2 * HALF {
        known.keep(key(number), good(NOW + Duration::HOUR, None));
    }
    assert!(known.young.len() + known.old.len() <= 2 * HALF);
    assert!(known.find(&key(0), NOW).is_none());
    assert!(known.find(&key(2 * HALF), NOW).is_some());
}

#[test]
fn a_token_is_good_for_the_app_that_it_was_shown_for() {
    let shown = |token: &str| BTreeMap::from([("authorization".to_owned(), token.to_owned())]);
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("b", HERE, &shown("t")));
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("a", HERE, &shown("u")));
    let elsewhere = "192.0.2.8".parse().unwrap();
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("a", elsewhere, &shown("t")));
}

#[test]
fn only_who_is_not_let_in_by_a_token_is_told_to_sign_in_again() {
    let shown = |text: &str| BTreeMap::from([("authorization".to_owned(), text.to_owned())]);
    let refused = |kind: ErrorKind, text: &str| {
        let refusal = Refusal::of_tokens(&Error::new(kind, "no"), &shown(text));
        (refusal.challenge().is_some(), refusal.into_response().status())
    };
    let (told, forbidden) = ((true, StatusCode::UNAUTHORIZED), (false, StatusCode::FORBIDDEN));
    assert_eq!(refused(ErrorKind::Unauthenticated, "Bearer tso_a_1"), told);
    assert_eq!(refused(ErrorKind::Denied, "Bearer tso_a_1"), forbidden);
    // Of others' tokens less is told apart.
    assert_eq!(refused(ErrorKind::Denied, "Bearer a.b.c"), told);
    assert_eq!(refused(ErrorKind::Unauthenticated, "Bearer a.b.c"), told);
}
