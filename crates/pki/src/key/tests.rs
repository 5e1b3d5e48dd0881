use super::{KeyError, PrivateKey, PublicKey, SPKI_PREFIX};

#[test]
fn keys_survive_pem() {
    let key = PrivateKey::generate().unwrap();
    let again = PrivateKey::from_pem(&key.to_pem()).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(again.to_pem(), key.to_pem());
    assert_eq!(PublicKey::from_pem(&key.public().to_pem()).unwrap(), key.public());
}

#[test]
fn pem_has_lines_of_64() {
    let pem = PrivateKey::generate().unwrap().to_pem();
    let lines: Vec<_> = pem.lines().collect();
    assert_eq!(lines[0], "-----BEGIN PRIVATE KEY-----");
    assert_eq!(*lines.last().unwrap(), "-----END PRIVATE KEY-----");
    assert_eq!(lines[1].len(), 64);
}

#[test]
fn a_private_key_is_not_printed() {
    let key = PrivateKey::generate().unwrap();
    let pem = key.to_pem();
    let secret = pem.lines().nth(2).unwrap();
    let debug = format!("{key:?}");
    assert!(debug.contains("sha256:"));
    assert!(!debug.contains(secret) && debug.len() < 200, "{debug}");
}

#[test]
fn what_is_not_a_p256_key_is_refused() {
    assert!(matches!(PrivateKey::from_pem(""), Err(KeyError::Pem(_))));
    let public = PrivateKey::generate().unwrap().public();
    assert!(matches!(PrivateKey::from_pem(&public.to_pem()), Err(KeyError::Pem(_))));

    let rsa_oid = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    assert_eq!(PrivateKey::from_pem(rsa_oid).unwrap_err(), KeyError::Private);

    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    assert_eq!(PrivateKey::from_pem(&p384.serialize_pem()).unwrap_err(), KeyError::Private);
    assert_eq!(PublicKey::from_pem(&p384.public_key_pem()), Err(KeyError::Public));
}

#[test]
fn a_point_off_the_curve_is_refused() {
    let mut spki = PrivateKey::generate().unwrap().public().to_spki();
    assert!(PublicKey::from_spki(&spki).is_ok());
    *spki.last_mut().unwrap() ^= 1;
    assert_eq!(PublicKey::from_spki(&spki), Err(KeyError::Public));
    spki.pop();
    assert_eq!(PublicKey::from_spki(&spki), Err(KeyError::Public));
    assert_eq!(PublicKey::from_spki(&SPKI_PREFIX), Err(KeyError::Public));
}
