//! Keys: encoding, refusals, and what a prefix selects.

use super::{InvalidKey, Key, MAX_KEY_BYTES, Prefix};

fn check(segments: &[&str], encoded: &str) {
    let key = Key::new(segments).unwrap();
    assert_eq!(key.as_str(), encoded);
    assert_eq!(Key::parse(encoded).unwrap(), key);
    assert_eq!(key.segments().collect::<Vec<_>>(), segments);
    assert_eq!(key.name(), *segments.last().unwrap());
}

#[test]
fn segments_survive_whatever_they_hold() {
    check(&["apps", "everything"], "apps/everything");
    check(&["users", "a/b"], "users/a%2Fb");
    check(&["users", "100%"], "users/100%25");
    check(&["users", "%2F"], "users/%252F");
    check(&["users", "nul\0"], "users/nul%00");
    check(&["users", "jürgen@example.com"], "users/jürgen@example.com");
    check(&[".."], "..");
}

#[test]
fn different_segments_are_different_keys() {
    assert_ne!(Key::new(&["a/b"]).unwrap(), Key::new(&["a", "b"]).unwrap());
    assert_ne!(Key::new(&["a%2Fb"]).unwrap(), Key::new(&["a/b"]).unwrap());
}

#[test]
fn refuses_what_is_no_key() {
    assert_eq!(Key::new(&[]), Err(InvalidKey::NoSegments));
    assert_eq!(Key::new(&["a", ""]), Err(InvalidKey::EmptySegment { index: 1 }));
    for text in ["", "/", "a/", "/a", "a//b"] {
        assert!(matches!(Key::parse(text), Err(InvalidKey::EmptySegment { .. })), "{text:?}");
    }
    for text in ["a%", "a%2f", "a%41", "a%zz", "a\n", "%C3%A9", "a%2"] {
        assert_eq!(Key::parse(text), Err(InvalidKey::NotEncoded { text: text.into() }), "{text:?}");
    }
}

#[test]
fn the_limit_holds_at_limit_and_one_past_it() {
    let longest = "x".repeat(MAX_KEY_BYTES);
    assert!(Key::new(&[&longest]).is_ok());
    let longer = "x".repeat(MAX_KEY_BYTES + 1);
    assert_eq!(Key::new(&[&longer]), Err(InvalidKey::TooLong { size: MAX_KEY_BYTES + 1 }));
}

#[test]
fn a_prefix_selects_whole_segments() {
    let apps = Prefix::new(&["apps"]).unwrap();
    assert!(apps.contains(&Key::new(&["apps", "x"]).unwrap()));
    assert!(apps.contains(&Key::new(&["apps", "x", "y"]).unwrap()));
    assert!(!apps.contains(&Key::new(&["apps"]).unwrap()));
    assert!(!apps.contains(&Key::new(&["apps2", "x"]).unwrap()));
    assert!(Prefix::all().contains(&Key::new(&["apps"]).unwrap()));
    assert_eq!(apps.end().as_deref(), Some("apps0"));
    assert_eq!(Prefix::all().end(), None);
    assert_eq!(Prefix::new(&[]).unwrap(), Prefix::all());
}
