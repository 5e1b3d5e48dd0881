use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

#[test]
fn durations_may_be_told_in_days() {
    let minutes = |minutes: u64| Ok(Duration::from_secs(60 * minutes));
    assert_eq!(parse_duration("30m"), minutes(30));
    assert_eq!(parse_duration("1h30m"), minutes(90));
    assert_eq!(parse_duration("7d"), minutes(7 * 24 * 60));
    assert_eq!(parse_duration("1d12h"), minutes(36 * 60));
}

#[test]
fn what_is_no_duration_is_refused() {
    for text in ["", "x", "d", "10", "-1h", "1d-1h", "1d1d", "1w", "99999999999999999999d"] {
        assert!(parse_duration(text).is_err(), "{text:?}");
    }
    assert_eq!(parse_duration("10").unwrap_err(), "a unit is missing");
    assert!(parse_ttl("0").is_err() && parse_ttl("0d").is_err());
}

#[test]
fn moments_are_told_directly_or_from_now_backwards() {
    let resolve = |text: &str| text.parse::<When>().map(|when| when.resolve(NOW));
    assert_eq!(resolve("1h"), Ok(datetime!(2026-03-01 11:00:00 UTC)));
    assert_eq!(resolve("1d"), Ok(datetime!(2026-02-28 12:00:00 UTC)));
    assert_eq!(resolve("2026-02-01T10:00:00+01:00"), Ok(datetime!(2026-02-01 09:00:00 UTC)));
    assert_eq!(resolve("2026-02-01"), Ok(datetime!(2026-02-01 00:00:00 UTC)));
    assert_eq!(resolve("999999d"), Ok(OffsetDateTime::UNIX_EPOCH));
    assert!(resolve("yesterday").is_err());
    assert!(resolve("2026-13-01").is_err());
}

#[test]
fn what_lies_beyond_the_calendar_is_refused() {
    assert_eq!(after(NOW, Duration::from_secs(60)).unwrap(), datetime!(2026-03-01 12:01:00 UTC));
    let broken = NOW + Duration::from_millis(1);
    let end = after(broken, Duration::from_secs(60)).unwrap();
    assert_eq!(end, datetime!(2026-03-01 12:01:01 UTC));
    assert_eq!(to_the_second(broken), "2026-03-01T12:00:00Z");
    assert!(after(NOW, Duration::MAX).is_err());
    assert!(after(NOW, Duration::from_secs(DAY * 366 * 9000)).is_err());
}

#[test]
fn an_expiry_is_told_with_what_is_left() {
    let end = datetime!(2026-03-01 13:29:59.5 +1);
    assert_eq!(expiry(end, NOW), "01 Mar 26 12:29 UTC (29m59s)");
    assert_eq!(left(NOW, end), "0s");
}
