//! Spellings of durations, read and printed.

use super::*;
use proptest::prelude::*;

#[test]
fn reads_what_documents_say() {
    let cases: [(&str, u128); 12] = [
        ("0", 0),
        ("-0", 0),
        ("30m", 1_800_000_000_000),
        ("12h0m0s", 43_200_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("1.5h", 5_400_000_000_000),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("+10ms", 10_000_000),
        ("1us1µs1μs", 3_000),
        ("7ns", 7),
        ("0.0000000001s", 0),
    ];
    for (text, nanos) in cases {
        assert_eq!(parse(text).map(|duration| duration.as_nanos()), Ok(nanos), "{text}");
    }
}

#[test]
fn refuses_what_is_no_duration() {
    use DurationError::{Malformed, MissingUnit, Negative, TooLong};
    let cases = [
        ("", Malformed),
        ("m", Malformed),
        (".m", Malformed),
        ("1x", Malformed),
        ("1h 2m", Malformed),
        ("-1x", Malformed),
        ("never", Malformed),
        ("30", MissingUnit),
        ("1h30", MissingUnit),
        ("-1h", Negative),
        ("999999999999999999999999999999999999999999h", TooLong),
    ];
    for (text, error) in cases {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn the_longest_is_63_bits_of_nanoseconds() {
    assert_eq!(parse("9223372036854775807ns").map(|d| d.as_nanos()), Ok(i64::MAX as u128));
    assert_eq!(parse("9223372036854775808ns"), Err(DurationError::TooLong));
    assert_eq!(parse("2562048h"), Err(DurationError::TooLong));
}

#[test]
fn prints_what_users_know() {
    let cases = [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5µs"),
        (300_000_000, "300ms"),
        (1_500_000_000, "1.5s"),
        (90_000_000_000, "1m30s"),
        (1_800_000_000_000, "30m0s"),
        (43_200_000_000_000, "12h0m0s"),
        (3_600_000_000_001, "1h0m0.000000001s"),
    ];
    for (nanos, text) in cases {
        assert_eq!(format(Duration::from_nanos(nanos)), text);
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back(nanos in 0..=i64::MAX as u64) {
        let duration = Duration::from_nanos(nanos);
        prop_assert_eq!(parse(&format(duration)), Ok(duration));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,20}|[-+0-9.hmsnuµ]{0,40}") {
        if let Ok(duration) = parse(&text) {
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }
    }
}
