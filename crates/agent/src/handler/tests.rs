//! Which requests belong to a session.

use super::*;

#[test]
fn a_session_is_named_in_the_legacy_era_only() {
    let named = |revision: Option<&'static str>| {
        let mut headers = HeaderMap::new();
        headers.insert(SESSION_ID, HeaderValue::from_static("any.thing"));
        if let Some(revision) = revision {
            headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(revision));
        }
        is_bound(&headers)
    };
    assert!(named(None) && named(Some("2025-11-25")) && named(Some("unknown")));
    assert!(!named(Some("2026-07-28")));
    assert!(!is_bound(&HeaderMap::new()));
}
