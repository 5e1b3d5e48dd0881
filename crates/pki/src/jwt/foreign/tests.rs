//! Which tokens of others are believed, and every way to make one that is not.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use jsonwebtoken::{EncodingKey, Header};
use serde_json::json;

use super::*;
use crate::key::PrivateKey;

const NOW: i64 = 1_800_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

struct Issuer {
    key: PrivateKey,
    id: Option<&'static str>,
}

impl Issuer {
    fn new(id: Option<&'static str>) -> Self {
        Self { key: PrivateKey::generate().unwrap(), id }
    }

    fn jwk(&self) -> Value {
        let public = self.key.public();
        let (x, y) = public.coordinates();
        let mut jwk = json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256",
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        if let Some(id) = self.id {
            jwk["kid"] = id.into();
        }
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = self.id.map(str::to_owned);
        let key = EncodingKey::from_ec_der(self.key.pkcs8());
        jsonwebtoken::encode(&header, claims, &key).unwrap()
    }
}

fn set(keys: &[Value]) -> ForeignKeys {
    ForeignKeys::from_json(json!({"keys": keys}).to_string().as_bytes()).unwrap()
}

fn claims() -> Value {
    json!({"iss": "https://idp", "aud": "us", "sub": "alice", "iat": NOW - 10, "exp": NOW + 300})
}

fn demands(max_age: Option<Duration>) -> Demands<'static> {
    Demands { issuer: "https://idp", audience: "us", now: at(NOW), max_age }
}

fn judge(change: impl FnOnce(&mut Value)) -> Result<(), ForeignTokenError> {
    let issuer = Issuer::new(Some("k"));
    let mut said = claims();
    change(&mut said);
    let token = set(&[issuer.jwk()]).verify(&issuer.sign(&said)).unwrap();
    token.check(&demands(Some(Duration::minutes(30))))
}

#[test]
fn what_a_known_key_signed_is_believed() {
    let issuer = Issuer::new(Some("k"));
    let token = set(&[Issuer::new(Some("other")).jwk(), issuer.jwk()])
        .verify(&issuer.sign(&claims()))
        .unwrap();
    assert_eq!(token.claims()["sub"], "alice");
    token.check(&demands(None)).unwrap();
    // A set, or a token, without names.
    let nameless = Issuer::new(None);
    set(&[issuer.jwk(), nameless.jwk()]).verify(&nameless.sign(&claims())).unwrap();
    let mut bare = issuer.jwk();
    bare.as_object_mut().unwrap().remove("kid");
    set(&[bare]).verify(&issuer.sign(&claims())).unwrap();
}

#[test]
fn ed25519_is_understood() {
    let document = Ed25519KeyPair::generate_pkcs8v1(&aws_lc_rs::rand::SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document.as_ref()).unwrap();
    let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let keys = set(&[json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "ed"})]);
    let key = EncodingKey::from_ed_der(document.as_ref());
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some("ed".to_owned());
    let signed = jsonwebtoken::encode(&header, &claims(), &key).unwrap();
    keys.verify(&signed).unwrap();
}

#[test]
fn a_key_that_is_not_published_proves_nothing() {
    let (issuer, stranger) = (Issuer::new(Some("k")), Issuer::new(Some("s")));
    let keys = set(&[issuer.jwk()]);
    assert_eq!(keys.verify(&stranger.sign(&claims())).unwrap_err(), ForeignTokenError::UnknownKey);
    // Under a known name, its signature is wrong.
    let liar = Issuer { key: stranger.key, id: Some("k") };
    assert_eq!(keys.verify(&liar.sign(&claims())).unwrap_err(), ForeignTokenError::Signature);
    let mut signed = issuer.sign(&claims());
    let other = issuer.sign(&json!({"sub": "mallory"}));
    let (head, tail) = (signed.split_off(signed.rfind('.').unwrap()), other);
    let forged = format!("{}{head}", tail.rsplit_once('.').unwrap().0);
    assert_eq!(keys.verify(&forged).unwrap_err(), ForeignTokenError::Signature);
}

#[test]
fn what_is_no_signature_by_a_public_key_is_refused() {
    let issuer = Issuer::new(Some("k"));
    let keys = set(&[issuer.jwk()]);
    let body = URL_SAFE_NO_PAD.encode(claims().to_string());
    let with_header = |header: Value, signature: &str| {
        format!("{}.{body}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
    };
    for alg in ["none", "None", "HS256", "RS1", "es256"] {
        let forged = with_header(json!({"alg": alg, "kid": "k"}), "");
        let expected = ForeignTokenError::Algorithm { name: alg.to_owned() };
        assert_eq!(keys.verify(&forged).unwrap_err(), expected);
    }
    // The public key as a shared secret (RFC 8725, section 2.1), in every form it is published in.
    let pem = issuer.key.public().to_pem();
    for secret in [
        pem.as_bytes().to_vec(),
        issuer.key.public().to_spki(),
        issuer.jwk().to_string().into_bytes(),
    ] {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("k".to_owned());
        let forged =
            jsonwebtoken::encode(&header, &claims(), &EncodingKey::from_secret(&secret)).unwrap();
        assert!(matches!(keys.verify(&forged), Err(ForeignTokenError::Algorithm { .. })));
    }
    // The algorithm of another kind of key.
    let forged = with_header(json!({"alg": "RS256", "kid": "k"}), "AAAA");
    assert_eq!(keys.verify(&forged).unwrap_err(), ForeignTokenError::UnknownKey);
    for header in [
        json!({"alg": "ES256", "crit": ["b64"]}),
        json!({"kid": "k"}),
        json!({"alg": "ES256", "kid": 7}),
    ] {
        assert_eq!(
            keys.verify(&with_header(header, "AAAA")).unwrap_err(),
            ForeignTokenError::Malformed
        );
    }
    for text in ["", "a", "a.b", "a.b.c", "a.b.c.d", "....", "Bearer x"] {
        assert_eq!(keys.verify(text).unwrap_err(), ForeignTokenError::Malformed, "{text}");
    }
}

#[test]
fn tokens_are_read_up_to_the_bound() {
    let keys = set(&[Issuer::new(None).jwk()]);
    let long = |bytes: usize| keys.verify(&"x".repeat(bytes)).unwrap_err();
    assert_eq!(long(MAX_TOKEN_BYTES), ForeignTokenError::Malformed);
    assert_eq!(
        long(MAX_TOKEN_BYTES + 1),
        ForeignTokenError::TooLarge { bytes: MAX_TOKEN_BYTES + 1 }
    );
}

#[test]
fn keys_that_cannot_be_used_are_passed_over() {
    let read =
        |keys: &[Value]| ForeignKeys::from_json(json!({"keys": keys}).to_string().as_bytes());
    let usable = Issuer::new(Some("k")).jwk();
    let mut to_encrypt = usable.clone();
    to_encrypt["use"] = "enc".into();
    let mut to_sign = usable.clone();
    to_sign.as_object_mut().unwrap().remove("use");
    to_sign["key_ops"] = json!(["sign"]);
    let mut odd = usable.clone();
    odd["alg"] = "ES512".into();
    let shared = json!({"kty": "oct", "k": "c2VjcmV0"});
    let short = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([0xff; 128]), "e": "AQAB"});
    let padded = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode([vec![0; 200], vec![0xff; 128]].concat()), "e": "AQAB"});
    let bad = [to_encrypt, to_sign, odd, shared, short, padded, json!({"kty": "new"}), json!(7)];
    for key in &bad {
        assert_eq!(
            read(std::slice::from_ref(key)).unwrap_err(),
            ForeignKeysError::NoneUsable,
            "{key}"
        );
    }
    let mut all = bad.to_vec();
    all.push(usable.clone());
    assert_eq!(read(&all).unwrap().keys.len(), 1);
    assert_eq!(read(&[]).unwrap_err(), ForeignKeysError::NoneUsable);
    read(&vec![usable.clone(); MAX_KEYS]).unwrap();
    let found = MAX_KEYS + 1;
    assert_eq!(read(&vec![usable; found]).unwrap_err(), ForeignKeysError::TooMany { found });
    assert!(matches!(ForeignKeys::from_json(b"[]"), Err(ForeignKeysError::Malformed { .. })));
}

#[test]
fn claims_are_demanded_to_the_letter() {
    use ForeignTokenError::{Claim, Unexpected};
    judge(|_| {}).unwrap();
    judge(|said| said["aud"] = json!(["them", "us"])).unwrap();
    for (claim, bad, error) in [
        ("iss", json!("https://idp/"), Unexpected { claim: "iss" }),
        ("iss", json!(["https://idp"]), Claim { claim: "iss" }),
        ("iss", json!(null), Claim { claim: "iss" }),
        ("aud", json!("them"), Unexpected { claim: "aud" }),
        ("aud", json!([]), Unexpected { claim: "aud" }),
        ("aud", json!(["us2", "them"]), Unexpected { claim: "aud" }),
        ("aud", json!(null), Claim { claim: "aud" }),
        ("exp", json!(null), Claim { claim: "exp" }),
        ("exp", json!("soon"), Claim { claim: "exp" }),
        ("iat", json!(null), Claim { claim: "iat" }),
    ] {
        let what = format!("{claim} {bad}");
        let outcome = judge(|said| match bad {
            Value::Null => drop(said.as_object_mut().unwrap().remove(claim)),
            bad => said[claim] = bad,
        });
        assert_eq!(outcome, Err(error), "{what}");
    }
}

#[test]
fn times_are_kept_to_the_second_with_some_leeway() {
    use ForeignTokenError::{Expired, NotYetValid};
    judge(|said| said["exp"] = json!(NOW - 59)).unwrap();
    assert_eq!(judge(|said| said["exp"] = json!(NOW - 60)), Err(Expired));
    assert_eq!(
        judge(|said| said["exp"] = json!(-1e300)),
        Err(ForeignTokenError::Claim { claim: "exp" })
    );
    judge(|said| said["exp"] = json!(f64::from(i32::MAX) + 0.5)).unwrap();
    judge(|said| said["iat"] = json!(NOW + 60)).unwrap();
    assert_eq!(judge(|said| said["iat"] = json!(NOW + 61)), Err(NotYetValid));
    judge(|said| said["nbf"] = json!(NOW + 60)).unwrap();
    assert_eq!(judge(|said| said["nbf"] = json!(NOW + 61)), Err(NotYetValid));
    judge(|said| said["iat"] = json!(NOW - 1800)).unwrap();
    let too_old = ForeignTokenError::TooOld { max: Duration::minutes(30) };
    assert_eq!(judge(|said| said["iat"] = json!(NOW - 1801)), Err(too_old));
}

#[test]
fn half_a_hash_ties_two_tokens_together() {
    // The example of OpenID Connect Core 1.0, appendix A.3.
    let token = ForeignToken { claims: Map::new(), algorithm: Algorithm::RS256 };
    let access = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    assert!(token.is_half_hash("77QmUPtjPfzWtF2AnpK9RQ", access));
    assert!(!token.is_half_hash("77QmUPtjPfzWtF2AnpK9RQ", "another"));
    assert!(!token.is_half_hash("", access));
}
