use resource::Secret;
use time::OffsetDateTime;
use time::macros::datetime;

use super::{enrolment, generate, totp, verify};

/// The code that an authenticator would show.
pub(crate) fn code(secret: &str, now: OffsetDateTime) -> String {
    let seconds = u64::try_from(now.unix_timestamp()).unwrap();
    totp(&Secret::new(secret.to_owned())).unwrap().generate(seconds).to_string()
}

#[test]
fn codes_of_the_standards_test_vector() {
    // RFC 6238, appendix B, SHA-1: the last six of eight digits.
    let secret = Secret::new("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned());
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    assert_eq!(verify(&secret, "287082", at(59)).unwrap(), Some(1));
    assert_eq!(verify(&secret, "081804", at(1_111_111_109)).unwrap(), Some(37_037_036));
    assert_eq!(verify(&secret, "081 804", at(1_111_111_109)).unwrap(), Some(37_037_036));
    assert_eq!(verify(&secret, "081805", at(1_111_111_109)).unwrap(), None);
}

#[test]
fn a_code_is_good_one_step_early_or_late_and_no_more() {
    let secret = generate();
    let now = datetime!(2026-11-20 12:00:00 UTC);
    let code = code(secret.expose(), now);
    for (offset, good) in [(-31, false), (-30, true), (0, true), (59, true), (60, false)] {
        let at = now + time::Duration::seconds(offset);
        assert_eq!(verify(&secret, &code, at).unwrap().is_some(), good, "{offset} seconds");
    }
}

#[test]
fn nonsense_is_not_a_code() {
    let secret = generate();
    let now = datetime!(2026-11-20 12:00:00 UTC);
    for text in ["", "12345", "1234567", "abcdef", "１２３４５６", "-12345", "+12345"] {
        assert_eq!(verify(&secret, text, now).unwrap(), None, "{text:?}");
    }
    assert!(verify(&Secret::new("not base32!".to_owned()), "123456", now).is_err());
}

#[test]
fn an_enrolment_shows_one_secret_in_three_ways() {
    let secret = generate();
    let shown = enrolment(&secret, "example:cluster", "al:ice@example.com").unwrap();
    assert_eq!(secret.expose().len(), 32);
    assert_eq!(shown.secret, secret);
    let url = shown.url.expose();
    assert!(url.starts_with("otpauth://totp/example_cluster:al_ice"), "{url}");
    assert!(url.contains(&format!("secret={}", secret.expose())), "{url}");
    assert!(shown.qr_svg.expose().starts_with("<svg "));
    assert!(
        format!("{shown:?}").contains("***") && !format!("{shown:?}").contains(secret.expose())
    );
}
