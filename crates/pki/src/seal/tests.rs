use super::*;

#[test]
fn what_was_sealed_is_opened() {
    let sealer = Sealer::new().unwrap();
    for plain in [&b""[..], b"state", &[0; 5_000]] {
        let sealed = sealer.seal(plain, b"alice, app").unwrap();
        assert!(sealed.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')));
        assert_eq!(sealer.open(&sealed, b"alice, app").as_deref(), Some(plain));
        assert_ne!(sealer.seal(plain, b"alice, app").unwrap(), sealed, "a nonce used twice");
    }
}

#[test]
fn what_is_about_something_else_or_from_another_is_not() {
    let sealer = Sealer::new().unwrap();
    let sealed = sealer.seal(b"state", b"alice").unwrap();
    assert_eq!(sealer.open(&sealed, b"bob"), None);
    assert_eq!(sealer.open(&sealed, b""), None);
    assert_eq!(Sealer::new().unwrap().open(&sealed, b"alice"), None);
}

#[test]
fn nothing_altered_is_opened() {
    let sealer = Sealer::new().unwrap();
    let sealed = sealer.seal(b"state", b"alice").unwrap();
    for at in 0..sealed.len() {
        for other in ["A", "B", "=", "+", "", "é"] {
            let mut altered = sealed.clone();
            altered.replace_range(at..=at, other);
            if altered != sealed {
                assert_eq!(sealer.open(&altered, b"alice"), None, "{at} {other}");
            }
        }
        assert_eq!(sealer.open(sealed.get(..at).unwrap(), b"alice"), None, "cut at {at}");
    }
    assert_eq!(sealer.open(&format!("{sealed}AAAA"), b"alice"), None);
}

#[test]
fn a_sealer_does_not_print_its_key() {
    assert_eq!(format!("{:?}", Sealer::new().unwrap()), "Sealer { .. }");
}
