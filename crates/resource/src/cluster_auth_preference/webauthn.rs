//! What a cluster asks of security keys and passkeys.

use crate::decode::{FromNode, Reader};
use crate::object::Object;

/// The longest name of a host (RFC 1035, section 2.3.4).
const MAX_HOST: usize = 253;

/// What a cluster asks of security keys and passkeys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Webauthn {
    /// The host name that keys are registered for; empty for the one of the cluster's proxy.
    pub rp_id: String,
    /// Certificates, PEM, of which one must vouch for a device; empty for any device.
    pub attestation_allowed_cas: Vec<String>,
    /// Certificates, PEM, of which none may vouch for a device.
    pub attestation_denied_cas: Vec<String>,
}

impl Webauthn {
    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put_text("rp_id", &self.rp_id)
            .put_list("attestation_allowed_cas", &self.attestation_allowed_cas)
            .put_list("attestation_denied_cas", &self.attestation_denied_cas);
        object
    }
}

impl FromNode for Webauthn {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let rp_id = match table.field("rp_id") {
                Some(reader) => host(reader),
                None => Some(String::new()),
            };
            let found = Self {
                rp_id: String::new(),
                attestation_allowed_cas: table.get_or_default("attestation_allowed_cas"),
                attestation_denied_cas: table.get_or_default("attestation_denied_cas"),
            };
            Some(Self { rp_id: rp_id?, ..found })
        })
    }
}

/// A host name and nothing else: browsers accept no address, port or scheme here.
fn host(reader: Reader<'_>) -> Option<String> {
    let text = reader.text()?;
    if is_domain(text) {
        return Some(text.to_ascii_lowercase());
    }
    let help = "expected the host name of the proxy, for example tessera.example.com";
    reader.refuse_with_help("this is no host name", help)
}

/// Whether keys can be registered for a host: it has a name, and is not known by its address alone.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= MAX_HOST
        && text.split('.').all(is_label)
        // The last part of an IPv4 address is a number, that of a name is not (RFC 3696, section 2).
        && !last.bytes().all(|byte| byte.is_ascii_digit())
}
