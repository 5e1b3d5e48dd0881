//! Durations and points in time as they are written on the command line and shown in tables.

use std::str::FromStr;
use std::time::Duration;

use resource::{duration, timestamp};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// RFC 822, as tables of tokens have always shown it.
const RFC_822: &[BorrowedFormatItem<'_>] =
    format_description!("[day] [month repr:short] [year repr:last_two] [hour]:[minute] UTC");

const DAY: u64 = 24 * 60 * 60;

/// A point in time, told directly or from now backwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// So long ago.
    Ago(Duration),
    /// Then.
    At(OffsetDateTime),
}

/// Reads a length of time: `30m`, `1h30m`, `7d`.
pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (days, rest) = match text.split_once('d') {
        Some((days, rest)) => {
            (days.parse::<u64>().map_err(|_not_a_number| not_a_duration())?, rest)
        }
        None => (0, text),
    };
    let rest = match rest {
        "" if days > 0 => Duration::ZERO,
        rest => duration::parse(rest).map_err(|error| match error {
            duration::DurationError::Malformed => not_a_duration(),
            other => other.to_string(),
        })?,
    };
    let days = days.checked_mul(DAY).map(Duration::from_secs);
    days.and_then(|days| days.checked_add(rest)).ok_or_else(|| "too long".to_owned())
}

/// Reads how long something is to last.
pub(super) fn parse_ttl(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        Duration::ZERO => Err("it must last longer than that".to_owned()),
        ttl => Ok(ttl),
    }
}

/// Reads a point in time (RFC 3339).
pub(super) fn parse_instant(text: &str) -> Result<OffsetDateTime, String> {
    match timestamp::parse(text) {
        Ok(Some(time)) => Ok(time),
        Ok(None) | Err(timestamp::NotATime) => {
            Err("expected a time such as 2026-01-31T12:00:00Z".to_owned())
        }
    }
}

fn not_a_duration() -> String {
    "expected a duration such as 30m, 12h or 7d".to_owned()
}

/// The moment that lies this far from now, on the next whole second, if the calendar reaches that
/// far.
pub(super) fn after(now: OffsetDateTime, ttl: Duration) -> Result<OffsetDateTime, crate::Usage> {
    time::Duration::try_from(ttl)
        .ok()
        .and_then(|ttl| now.checked_add(ttl))
        .map(|end| match end.nanosecond() {
            0 => end,
            _ => end.truncate_to_second().saturating_add(time::Duration::SECOND),
        })
        .filter(|end| end.year() <= 9999)
        .ok_or_else(|| crate::Usage(format!("{} from now is too far", duration::format(ttl))))
}

/// `2006-01-02T15:04:05Z`
pub(super) fn to_the_second(time: OffsetDateTime) -> String {
    timestamp::format(time.truncate_to_second())
}

/// `02 Jan 06 15:04 UTC (29m59s)`
pub(super) fn expiry(end: OffsetDateTime, now: OffsetDateTime) -> String {
    let utc = end.to_offset(time::UtcOffset::UTC);
    let shown = utc.format(RFC_822).unwrap_or_else(|_unprintable| timestamp::format(end));
    format!("{shown} ({})", left(end, now))
}

/// How long until then, in whole seconds.
pub(super) fn left(end: OffsetDateTime, now: OffsetDateTime) -> String {
    let seconds = u64::try_from((end - now).whole_seconds()).unwrap_or(0);
    duration::format(Duration::from_secs(seconds))
}

// === impl When ===

impl When {
    /// The point in time that is meant now.
    pub(super) fn resolve(self, now: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::At(time) => time,
            // What began before the calendar began before every record.
            Self::Ago(ago) => time::Duration::try_from(ago)
                .ok()
                .and_then(|ago| now.checked_sub(ago))
                .filter(|time| time.year() > 0)
                .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        }
    }
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(ago) = parse_duration(text) {
            return Ok(Self::Ago(ago));
        }
        let day = format!("{text}T00:00:00Z");
        parse_instant(text).or_else(|_not_with_time| parse_instant(&day)).map(Self::At).map_err(
            |_neither| {
                "expected how long ago, such as 30m or 7d, or a time such as 2026-01-31T12:00:00Z"
                    .to_owned()
            },
        )
    }
}

#[cfg(test)]
mod tests;
