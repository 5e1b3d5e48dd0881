//! Keys of others.

use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

fn certificate(algorithm: &'static rcgen::SignatureAlgorithm) -> Certificate {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let made = rcgen::CertificateParams::default().self_signed(&key).unwrap();
    Certificate::from_der(made.der().clone()).unwrap()
}

#[test]
fn what_an_rsa_key_signs_its_certificate_verifies() {
    let key = RsaKey::generate().unwrap();
    let again = RsaKey::from_pem(&key.to_pem()).unwrap();
    let certificate = key.certify("cluster", NOW).unwrap();
    assert!(again.is_of(&certificate) && !RsaKey::generate().unwrap().is_of(&certificate));
    let foreign = ForeignKey::all_from_pem(&certificate.to_pem()).unwrap().remove(0);
    let by = SignatureAlgorithm::Rsa(Digest::Sha256);
    let signature = again.sign(b"a message").unwrap();
    assert!(foreign.verifies(by, b"a message", &signature));
    assert!(!foreign.verifies(by, b"another", &signature));
    for other in [
        SignatureAlgorithm::Rsa(Digest::Sha384),
        SignatureAlgorithm::Rsa(Digest::Sha512),
        SignatureAlgorithm::EcdsaP256,
        SignatureAlgorithm::EcdsaP384,
    ] {
        assert!(!foreign.verifies(other, b"a message", &signature), "{other:?}");
    }
    assert!(!format!("{key:?}").contains(key.to_pem().lines().nth(1).unwrap()));
}

#[test]
fn keys_that_do_not_count_are_refused() {
    for fine in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384] {
        ForeignKey::from_certificate(certificate(fine)).unwrap();
    }
    let edwards = ForeignKey::from_certificate(certificate(&rcgen::PKCS_ED25519));
    assert_eq!(edwards, Err(ForeignKeyError::Kind));
    assert!(matches!(RsaKey::from_pem("nothing"), Err(ForeignKeyError::Pem(_))));
    let other = crate::PrivateKey::generate().unwrap();
    assert!(matches!(RsaKey::from_pem(&other.to_pem()), Err(ForeignKeyError::NotRsa)));
}

#[test]
fn what_is_not_whole_is_not_opened() {
    let key = [7; 16];
    for bad in [0, 1, 11, 12, 27, 28, 40] {
        assert!(open_gcm(&key, &vec![0; bad]).is_err(), "{bad}");
    }
    for bad in [0, 15, 16, 17, 31] {
        assert!(decrypt_cbc(&key, &vec![0; bad]).is_err(), "{bad}");
    }
    assert!(open_gcm(&[7; 24], &[0; 64]).is_err() && decrypt_cbc(&[7; 15], &[0; 64]).is_err());
}

#[test]
fn what_is_encrypted_for_a_key_is_decrypted_by_it_alone() {
    use aws_lc_rs::rsa::OaepPublicEncryptingKey;

    let key = RsaKey::generate().unwrap();
    let private = PrivateDecryptingKey::from_pkcs8(&key.pkcs8).unwrap();
    for (padding, algorithm, other) in [
        (Oaep::Sha1, &OAEP_SHA1_MGF1SHA1, Oaep::Sha256),
        (Oaep::Sha256, &OAEP_SHA256_MGF1SHA256, Oaep::Sha1),
    ] {
        let public = OaepPublicEncryptingKey::new(private.public_key()).unwrap();
        let mut out = vec![0; public.ciphertext_size()];
        let made = public.encrypt(algorithm, b"a session key", &mut out, None).unwrap();
        assert_eq!(key.decrypt(padding, made).unwrap().as_slice(), b"a session key");
        assert!(key.decrypt(other, made).is_err());
        assert!(RsaKey::generate().unwrap().decrypt(padding, made).is_err());
    }
}
