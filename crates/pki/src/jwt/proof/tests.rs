use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::CertificateDer;
use serde_json::json;

use super::{Asking, MAX_PROOF_BYTES, ProofError, check, prove};
use crate::jwt::{Expected, JwkSet, JwtKey};
use crate::key::PrivateKey;
use crate::testing::{self, Cluster, NOW};

const ASKING: Asking<'static> = Asking { cluster: "example", app: "everything" };

/// Alice's certificate and its key.
fn alice() -> (CertificateDer<'static>, PrivateKey) {
    let (certificate, key) = Cluster::new("example").user(&testing::alice("example"));
    (certificate.der().clone(), key)
}

#[test]
fn the_holder_of_the_key_proves_it_for_a_minute() {
    let (certificate, key) = alice();
    let proof = prove(&key, &ASKING, NOW).unwrap();
    for offset in [-60_i64, 0, 60] {
        check(&proof, &certificate, &ASKING, NOW + time::Duration::seconds(offset)).unwrap();
    }
    for offset in [-61_i64, 61] {
        let now = NOW + time::Duration::seconds(offset);
        let stale = check(&proof, &certificate, &ASKING, now);
        assert!(matches!(stale, Err(ProofError::Stale { .. })), "{stale:?}");
    }
}

#[test]
fn it_is_good_for_what_it_was_made_for() {
    let (certificate, key) = alice();
    let proof = prove(&key, &ASKING, NOW).unwrap();
    for (other, expected) in [
        (Asking { app: "secrets", ..ASKING }, "app"),
        (Asking { cluster: "leaf", ..ASKING }, "cluster"),
    ] {
        let refused = check(&proof, &certificate, &other, NOW);
        assert!(matches!(refused, Err(ProofError::Other { what }) if what == expected));
    }
}

#[test]
fn who_has_only_the_certificate_cannot_make_one() {
    let (certificate, key) = alice();
    let other = PrivateKey::generate().unwrap();
    let forged = prove(&other, &ASKING, NOW).unwrap();
    assert!(matches!(check(&forged, &certificate, &ASKING, NOW), Err(ProofError::Invalid { .. })));

    // With the key that is in the certificate for everybody to see, as a shared secret.
    let claims = json!({"aud": "example", "app": "everything", "iat": NOW.unix_timestamp()});
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some("tessera-proof+jwt".to_owned());
    let secret = EncodingKey::from_secret(&key.public().to_spki());
    let confused = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    assert!(check(&confused, &certificate, &ASKING, NOW).is_err());

    let proof = prove(&key, &ASKING, NOW).unwrap();
    let (signed, _) = proof.rsplit_once('.').unwrap();
    for bad in ["", "a.b.c", signed, &format!("{signed}.")] {
        assert!(check(bad, &certificate, &ASKING, NOW).is_err(), "{bad}");
    }
    let long = "x".repeat(MAX_PROOF_BYTES + 1);
    assert!(matches!(check(&long, &certificate, &ASKING, NOW), Err(ProofError::Shape)));
}

#[test]
fn neither_is_a_token_a_proof_nor_a_proof_a_token() {
    let (certificate, key) = alice();
    let claims = json!({
        "iss": "example", "aud": "example", "app": "everything",
        "iat": NOW.unix_timestamp(), "exp": NOW.unix_timestamp() + 60,
    });
    let token = JwtKey::new(&key).unwrap().sign(&claims).unwrap();
    assert!(matches!(check(&token, &certificate, &ASKING, NOW), Err(ProofError::Shape)));
    let set = JwkSet::new(&[key.public()]).unwrap();
    let expected = Expected { issuer: "example", audience: "example", now: NOW };
    let proof = prove(&key, &ASKING, NOW + Duration::ZERO).unwrap();
    assert!(set.verify::<serde_json::Value>(&proof, &expected).is_err());
}
