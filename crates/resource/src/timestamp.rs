//! Points in time as documents spell them: RFC 3339, printed in UTC.

use time::OffsetDateTime;
use time::UtcOffset;
use time::format_description::well_known::Rfc3339;

/// Reads a point in time.
///
/// The zero time of documents written elsewhere, in the year 1, stands for "never" and is [`None`].
///
/// # Errors
/// When the text is not RFC 3339, or lies outside the years 1 to 9999 in UTC.
pub fn parse(text: &str) -> Result<Option<OffsetDateTime>, NotATime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok().ok_or(NotATime)?;
    let time = time.checked_to_offset(UtcOffset::UTC).ok_or(NotATime)?;
    match time.year() {
        1 => Ok(None),
        2..=9999 => Ok(Some(time)),
        _ => Err(NotATime),
    }
}

/// A text that is not a point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time")]
pub struct NotATime;

/// Prints a point in time in UTC.
#[must_use]
pub fn format(time: OffsetDateTime) -> String {
    let utc = time.checked_to_offset(UtcOffset::UTC).unwrap_or(time);
    utc.format(&Rfc3339).unwrap_or_else(|_| utc.to_string())
}
