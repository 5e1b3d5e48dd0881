//! What is remembered of tokens, and what is read of requests.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use resource::Resource;
use serde_json::json;
use time::Duration;

use super::*;

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn configs(headers: &[&str]) -> Index<AppAuthConfig> {
    let config = |(number, header): (usize, &&str)| {
        let document = json!({
            "kind": "app_auth_config", "version": "v1", "metadata": {"name": format!("c{number}")},
            "spec": {"app_labels": {"*": "*"}, "jwt": {
                "issuer": "https://idp", "audience": "us", "jwks_url": "https://idp/jwks",
                "authorization_header": header,
            }},
        });
        let resource = Resource::from_json(document.to_string().as_bytes()).unwrap();
        let config = AppAuthConfig::try_from(resource).unwrap();
        (config.metadata.name.clone(), Arc::new(config))
    };
    headers.iter().enumerate().map(config).collect()
}

fn good(until: OffsetDateTime) -> Good {
    Good { evidence: HeaderValue::from_static("e"), until }
}

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

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
fn what_is_remembered_ends_with_the_certificate_and_with_what_it_was_accepted_by() {
    let (mut known, before) = (Known::default(), configs(&["authorization"]));
    let key = key_of("app", HERE, &BTreeMap::from([("authorization".to_owned(), "t".to_owned())]));
    assert!(known.find(&key, &before, NOW).is_none());
    known.insert(key, good(NOW + Duration::seconds(10)), &before);
    assert!(known.find(&key, &before, NOW + Duration::seconds(9)).is_some());
    assert!(known.find(&key, &before, NOW + Duration::seconds(10)).is_none());

    known.insert(key, good(NOW + Duration::seconds(10)), &before);
    let after = configs(&["authorization"]);
    assert!(known.find(&key, &after, NOW).is_none());
    // What was asked before the change and comes after it is not kept.
    known.insert(key, good(NOW + Duration::seconds(10)), &before);
    assert!(known.find(&key, &after, NOW).is_none());
}

#[test]
fn so_many_are_remembered() {
    let (mut known, configs) = (Known::default(), configs(&["authorization"]));
    let key = |number: usize| pki::digest_of(&[&number.to_be_bytes()]);
    assert!(known.find(&key(0), &configs, NOW).is_none());
    for number in 0..=2 * HALF {
        known.insert(key(number), good(NOW + Duration::HOUR), &configs);
    }
    assert!(known.young.len() + known.old.len() <= 2 * HALF);
    assert!(known.find(&key(0), &configs, NOW).is_none());
    assert!(known.find(&key(2 * HALF), &configs, NOW).is_some());
}

#[test]
fn a_token_is_good_for_the_app_that_it_was_shown_for() {
    let shown = |token: &str| BTreeMap::from([("authorization".to_owned(), token.to_owned())]);
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("b", HERE, &shown("t")));
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("a", HERE, &shown("u")));
    let elsewhere = "192.0.2.8".parse().unwrap();
    assert_ne!(key_of("a", HERE, &shown("t")), key_of("a", elsewhere, &shown("t")));
}
