use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Expected, JwkSet, JwtError, JwtKey, MAX_TOKEN_BYTES};
use crate::key::PrivateKey;
use crate::testing::NOW;

const EXPECTED: Expected<'static> =
    Expected { issuer: "example", audience: "mcp+stdio://everything", now: NOW };

fn key() -> JwtKey {
    JwtKey::new(&PrivateKey::generate().unwrap()).unwrap()
}

fn claims() -> Value {
    let now = NOW.unix_timestamp();
    json!({"iss": "example", "aud": "mcp+stdio://everything", "sub": "alice", "exp": now + 60})
}

fn with(claim: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[claim] = value;
    claims
}

fn verify(claims: &Value) -> Result<Value, JwtError> {
    let key = key();
    JwkSet::new(&[key.public()]).unwrap().verify(&key.sign(claims).unwrap(), &EXPECTED)
}

#[test]
fn a_token_is_verified_by_the_published_set() {
    let (old, new) = (key(), key());
    let set = JwkSet::new(&[old.public(), new.public()]).unwrap();
    let published = serde_json::to_string(&set).unwrap();
    let set: JwkSet = serde_json::from_str(&published).unwrap();
    for key in [old, new] {
        let token = key.sign(&claims()).unwrap();
        assert_eq!(set.verify::<Value>(&token, &EXPECTED).unwrap(), claims());
    }
}

#[test]
fn the_signature_is_es256_by_another_implementation_too() {
    let key = key();
    let token = key.sign(&claims()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (x, y) = (key.public.coordinates().0, key.public.coordinates().1);
    let point = [&[4], x, y].concat();
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
        .verify(message.as_bytes(), &signature)
        .unwrap();
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap())
            .unwrap();
    assert_eq!(header, json!({"typ": "JWT", "alg": "ES256", "kid": key.id()}));
}

#[test]
fn the_published_set_holds_public_keys_only() {
    let key = key();
    let set = serde_json::to_value(JwkSet::new(&[key.public()]).unwrap()).unwrap();
    let jwk = set["keys"][0].as_object().unwrap();
    let mut names: Vec<_> = jwk.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(
        (&jwk["alg"], &jwk["crv"], &jwk["use"]),
        (&json!("ES256"), &json!("P-256"), &json!("sig"))
    );
    // RFC 7638: 32 bytes in base64url without padding.
    assert_eq!(key.id().len(), 43);
}

#[test]
fn the_key_is_not_printed() {
    let private = PrivateKey::generate().unwrap();
    let debug = format!("{:?}", JwtKey::new(&private).unwrap());
    assert!(debug.len() < 100, "{debug}");
}

#[test]
fn times_are_checked_with_a_little_leeway() {
    let at = |offset: i64| json!(NOW.unix_timestamp() + offset);
    assert!(verify(&with("exp", at(-29))).is_ok());
    assert!(matches!(verify(&with("exp", at(-30))), Err(JwtError::Expired { .. })));
    assert!(verify(&with("nbf", at(30))).is_ok());
    assert!(matches!(verify(&with("nbf", at(31))), Err(JwtError::NotYetValid { .. })));
    assert!(matches!(verify(&with("exp", Value::Null)), Err(JwtError::Claim { claim: "exp" })));
    assert!(matches!(verify(&with("exp", json!("soon"))), Err(JwtError::Claim { claim: "exp" })));
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove("exp");
    assert!(matches!(verify(&claims), Err(JwtError::Claim { claim: "exp" })));
}

#[test]
fn issuer_and_audience_must_be_ours() {
    assert!(matches!(
        verify(&with("iss", json!("other"))),
        Err(JwtError::Unexpected { claim: "iss" })
    ));
    assert!(matches!(verify(&with("iss", Value::Null)), Err(JwtError::Claim { claim: "iss" })));
    assert!(matches!(verify(&with("aud", json!("x"))), Err(JwtError::Unexpected { claim: "aud" })));
    assert!(matches!(verify(&with("aud", json!([]))), Err(JwtError::Unexpected { claim: "aud" })));
    assert!(matches!(verify(&with("aud", Value::Null)), Err(JwtError::Claim { claim: "aud" })));
    assert!(verify(&with("aud", json!(["x", EXPECTED.audience]))).is_ok());
}

#[test]
fn another_key_is_not_believed_whatever_it_calls_itself() {
    let (ours, theirs) = (key(), key());
    let set = JwkSet::new(&[ours.public()]).unwrap();
    let verify = |token: &str| set.verify::<Value>(token, &EXPECTED);
    assert!(matches!(verify(&theirs.sign(&claims()).unwrap()), Err(JwtError::UnknownKey)));
    let impostor = JwtKey { id: ours.id().to_owned(), ..theirs };
    assert!(matches!(verify(&impostor.sign(&claims()).unwrap()), Err(JwtError::Invalid { .. })));
}

#[test]
fn other_algorithms_and_changed_tokens_are_refused() {
    let key = key();
    let set = JwkSet::new(&[key.public()]).unwrap();
    let verify = |token: &str| set.verify::<Value>(token, &EXPECTED);
    let token = key.sign(&claims()).unwrap();
    let parts: Vec<_> = token.split('.').collect();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());

    for alg in ["none", "HS256", "ES384", "RS256"] {
        let head = encode(json!({"alg": alg, "kid": key.id()}));
        let token = format!("{head}.{}.{}", parts[1], parts[2]);
        assert!(matches!(verify(&token), Err(JwtError::Invalid { .. })), "{alg}");
    }
    // The published key as the secret of an HMAC.
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.kid = Some(key.id().to_owned());
    let secret = jsonwebtoken::EncodingKey::from_secret(&key.public().to_spki());
    let confused = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
    assert!(matches!(verify(&confused), Err(JwtError::Invalid { .. })));

    let changed = encode(with("sub", json!("root")));
    assert!(verify(&format!("{}.{changed}.{}", parts[0], parts[2])).is_err());
    for bad in
        ["", "a", "a.b", "a.b.c", &format!("{}.{}.", parts[0], parts[1]), &format!("{token}.x")]
    {
        assert!(verify(bad).is_err(), "{bad}");
    }
    assert!(matches!(verify(&"x".repeat(MAX_TOKEN_BYTES + 1)), Err(JwtError::TooLarge { .. })));
    let late = Expected { now: NOW + Duration::from_secs(3600), ..EXPECTED };
    assert!(matches!(set.verify::<Value>(&token, &late), Err(JwtError::Expired { .. })));
}
