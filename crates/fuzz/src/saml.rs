//! Responses and metadata of SAML providers: nobody is believed but whom the provider signed, whatever is made
//! of what it signed.
//!
//! The corpus has responses that `xmlsec1` signed with a key that is gone; its certificate is here.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pki::ForeignKey;
use saml::{Demands, IdentityProvider, VerifiedAssertion};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

static KEYS: LazyLock<Vec<ForeignKey>> =
    LazyLock::new(|| ForeignKey::all_from_pem(include_str!("saml.pem")).unwrap_or_default());

pub(crate) fn run(input: &str) {
    if let Some(read) = believed(input) {
        let values =
            || read.attributes().iter().map(|one| (one.name.as_str(), one.values.as_slice()));
        assert_eq!((read.name_id(), read.issuer(), read.id()), ("alice", "urn:idp", "_a"));
        assert!(values().eq([("groups", ["eng".to_owned()].as_slice())]), "{read:?}");
        assert_eq!(read.session_end(), None);
    }
    if let Ok(provider) = IdentityProvider::from_metadata(input, None) {
        assert!(!provider.keys.is_empty() && !provider.entity_id.is_empty());
        assert_eq!(IdentityProvider::from_metadata(input, Some(&provider.entity_id)), Ok(provider));
    }
}

fn believed(input: &str) -> Option<VerifiedAssertion> {
    let demands = Demands {
        issuer: "urn:idp",
        keys: &KEYS,
        audience: "urn:us",
        acs: "https://p/acs",
        request: Some("_q"),
        since: None,
        key: None,
        now: NOW,
    };
    saml::verify(&STANDARD.encode(input), &demands).ok()
}

#[cfg(test)]
mod tests;
