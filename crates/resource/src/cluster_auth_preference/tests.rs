//! How people sign in.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn preference(spec: Value) -> Result<ClusterAuthPreference, Vec<String>> {
    let document =
        json!({"kind": "cap", "version": "v2", "metadata": {"name": "whatever"}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| ClusterAuthPreference::try_from(resource).expect("a preference"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn everything_is_read_and_printed() {
    let spec = json!({
        "type": "local", "second_factors": ["otp", "webauthn"], "allow_local_auth": true,
        "disconnect_expired_cert": false, "require_session_mfa": true, "require_client_proof": true, "default_session_ttl": "12h0m0s",
        "locking_mode": "strict", "message_of_the_day": "hello", "device_trust": {"mode": "off"},
        "webauthn": {
            "rp_id": "example.com",
            "attestation_allowed_cas": ["one"], "attestation_denied_cas": ["another", "third"],
        },
        "allow_passwordless": false, "allow_headless": true, "allow_recovery_codes": true,
    });
    let preference = preference(spec.clone()).unwrap();
    assert_eq!(preference.metadata.name, NAME);
    assert_eq!(preference.to_json()["spec"], spec);
}

#[test]
fn the_older_second_factor_is_understood() {
    use SecondFactor::{Otp, Webauthn};
    for (word, factors) in [
        (json!("off"), vec![]),
        (json!(false), vec![]),
        (json!("otp"), vec![Otp]),
        (json!("on"), vec![Otp, Webauthn]),
    ] {
        let read = preference(json!({ "second_factor": word })).unwrap();
        assert_eq!(read.spec.second_factors, Some(factors));
        let again = Resource::from_node(&Node::from_json(&read.to_json())).unwrap();
        assert_eq!(again, Resource::ClusterAuthPreference(read));
    }
    assert_eq!(
        preference(json!({"second_factor": "optional"})),
        Err(vec![
            "spec.second_factor: unknown second factor \
                  (expected one of off, on, otp, webauthn; or list second_factors)"
                .to_owned()
        ])
    );
}

#[test]
fn keys_are_for_the_name_of_a_host() {
    for (rp_id, kept) in
        [("example.com", "example.com"), ("Localhost", "localhost"), ("a-1.b", "a-1.b")]
    {
        let read = preference(json!({"webauthn": {"rp_id": rp_id}})).unwrap();
        assert_eq!(read.spec.webauthn.unwrap().rp_id, kept);
    }
    let long = "a.".repeat(127) + "aa";
    for rp_id in [
        "https://example.com",
        "example.com:443",
        "192.0.2.1",
        "[::1]",
        "",
        "a..b",
        "-a.b",
        "*.b",
        "a b",
        long.as_str(),
    ] {
        let refused = preference(json!({"webauthn": {"rp_id": rp_id}})).unwrap_err();
        assert!(refused[0].starts_with("spec.webauthn.rp_id: "), "{rp_id}: {refused:?}");
    }
    let fits: String = long.chars().take(253).collect();
    assert!(is_domain(&fits));
}
