//! A security key that does as it is told: everything that a browser and a key say is said here, and can be
//! wrong (Web Authentication, level 3, sections 5.8.1, 6.1 and 6.5).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::PrivateKey;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::sign::SigningKey;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// A key, and what is said of it and with it.
#[derive(Clone)]
pub(crate) struct SoftKey {
    signer: Arc<dyn SigningKey>,
    point: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) handle: Option<Vec<u8>>,
    pub(crate) counter: u32,
    pub(crate) counts: bool,
    pub(crate) origin: String,
    pub(crate) rp_id: String,
    pub(crate) present: bool,
    pub(crate) verified: bool,
    pub(crate) cross_origin: bool,
    pub(crate) top_origin: Option<String>,
    /// What is said in the place of `webauthn.create` or `webauthn.get`.
    pub(crate) says: Option<&'static str>,
    pub(crate) challenge: Option<String>,
    pub(crate) spoil_signature: bool,
}

// === impl SoftKey ===

impl SoftKey {
    pub(crate) fn new(origin: &str, rp_id: &str) -> Self {
        let key = PrivateKey::generate().unwrap();
        let der = PrivateKeyDer::from_pem_slice(key.to_pem().as_bytes()).unwrap();
        // The point of a P-256 key is what its SubjectPublicKeyInfo ends with.
        let spki = key.public().to_spki();
        let point = spki.split_at(spki.len() - 64).1.to_vec();
        Self {
            signer: rustls::crypto::aws_lc_rs::sign::any_ecdsa_type(&der).unwrap(),
            point,
            id: rand::random::<[u8; 32]>().to_vec(),
            handle: None,
            counter: 0,
            counts: true,
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            present: true,
            verified: true,
            cross_origin: false,
            top_origin: None,
            says: None,
            challenge: None,
            spoil_signature: false,
        }
    }

    /// Answers `navigator.credentials.create()`.
    pub(crate) fn create(&mut self, options: &Value) -> Value {
        self.handle = Some(decode(options.pointer("/user/id").unwrap()));
        let client = self.client_data("webauthn.create", options);
        let mut data = self.authenticator_data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
        data.extend(&self.id);
        data.extend(self.cose_key());
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt");
        object.push(0x64);
        object.extend(b"none");
        object.push(0x67);
        object.extend(b"attStmt");
        object.extend([0xa0, 0x68]);
        object.extend(b"authData");
        object.push(0x59);
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(data);
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": {
                "attestationObject": encode(&object), "clientDataJSON": encode(&client), "transports": [],
            },
        })
    }

    /// Answers `navigator.credentials.get()`.
    pub(crate) fn get(&mut self, options: &Value) -> Value {
        self.counter += u32::from(self.counts);
        let client = self.client_data("webauthn.get", options);
        let data = self.authenticator_data(0);
        let signed = [data.clone(), Sha256::digest(&client).to_vec()].concat();
        let scheme = self.signer.choose_scheme(&[rustls::SignatureScheme::ECDSA_NISTP256_SHA256]);
        let mut signature = scheme.unwrap().sign(&signed).unwrap();
        if self.spoil_signature {
            *signature.last_mut().unwrap() ^= 1;
        }
        json!({
            "id": encode(&self.id), "rawId": encode(&self.id), "type": "public-key",
            "response": {
                "authenticatorData": encode(&data), "clientDataJSON": encode(&client),
                "signature": encode(&signature),
                "userHandle": self.handle.as_ref().map(|handle| encode(handle)),
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let asked = options["challenge"].as_str().unwrap();
        let mut data = json!({
            "type": self.says.unwrap_or(kind),
            "challenge": self.challenge.as_deref().unwrap_or(asked),
            "origin": self.origin,
            "crossOrigin": self.cross_origin,
        });
        if let (Some(top), Some(data)) = (&self.top_origin, data.as_object_mut()) {
            data.insert("topOrigin".to_owned(), json!(top));
        }
        data.to_string().into_bytes()
    }

    fn authenticator_data(&self, more: u8) -> Vec<u8> {
        let flags = u8::from(self.present) | (u8::from(self.verified) << 2) | more;
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// The public key (RFC 9053, section 7.1.1): an ES256 key on P-256.
    fn cose_key(&self) -> Vec<u8> {
        let (x, y) = self.point.split_at(32);
        let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
        key.extend(x);
        key.extend([0x22, 0x58, 0x20]);
        key.extend(y);
        key
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}
