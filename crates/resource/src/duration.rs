//! Durations as documents spell them: `30m`, `1h30m`, `12h0m0s`.

use std::time::Duration;

/// The longest duration that documents can spell: what fits 63 bits of nanoseconds.
const MAX_NANOS: u128 = i64::MAX as u128;

/// Units with their length in nanoseconds, those first whose names begin like another's.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3_600 * 1_000_000_000),
];

/// Why a text is not a duration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is no number where one should be.
    #[error("not a duration")]
    Malformed,
    /// A number without a unit.
    #[error("a unit is missing")]
    MissingUnit,
    /// Durations here are lengths of time.
    #[error("a duration cannot be negative")]
    Negative,
    /// More than 292 years.
    #[error("too long")]
    TooLong,
}

/// Reads a duration: numbers with units `ns`, `us`, `ms`, `s`, `m`, `h`, added up.
///
/// # Errors
/// When the text is no such sum, is negative, or is longer than about 292 years.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let unsigned = match text.strip_prefix('-') {
        Some("0") => return Ok(Duration::ZERO),
        Some(rest) if parse_unsigned(rest).is_ok() => return Err(DurationError::Negative),
        Some(_) => return Err(DurationError::Malformed),
        None => text.strip_prefix('+').unwrap_or(text),
    };
    parse_unsigned(unsigned)
}

fn parse_unsigned(text: &str) -> Result<Duration, DurationError> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.is_empty() {
        return Err(DurationError::Malformed);
    }
    let mut rest = text;
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (whole, after_whole) = digits(rest);
        let (fraction, after) = match after_whole.strip_prefix('.') {
            Some(after_point) => digits(after_point),
            None => ("", after_whole),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(DurationError::Malformed);
        }
        let Some((unit, after_unit)) =
            UNITS.iter().find_map(|(name, nanos)| Some((*nanos, after.strip_prefix(name)?)))
        else {
            let bare = after.is_empty();
            return Err(if bare { DurationError::MissingUnit } else { DurationError::Malformed });
        };
        let nanos = nanos_of(whole, fraction, unit).ok_or(DurationError::TooLong)?;
        total = total.checked_add(nanos).ok_or(DurationError::TooLong)?;
        if total > MAX_NANOS {
            return Err(DurationError::TooLong);
        }
        rest = after_unit;
    }
    u64::try_from(total).ok().map(Duration::from_nanos).ok_or(DurationError::TooLong)
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn nanos_of(whole: &str, fraction: &str, unit: u128) -> Option<u128> {
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let mut nanos = whole.checked_mul(unit)?;
    let mut scale = unit;
    for digit in fraction.chars().filter_map(|c| c.to_digit(10)) {
        scale /= 10;
        nanos = nanos.checked_add(scale.checked_mul(u128::from(digit))?)?;
    }
    Some(nanos)
}

/// Prints a duration so that [`parse`] reads the same: `12h0m0s`, `30m0s`, `1.5s`, `300ms`, `0s`.
#[must_use]
pub fn format(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    let below_second = [("ns", 1), ("µs", 1_000), ("ms", 1_000_000)];
    if nanos < 1_000_000_000 {
        let (unit, length) =
            below_second.into_iter().rfind(|(_, length)| nanos >= *length).unwrap_or(("ns", 1));
        return format!("{}{unit}", decimal(nanos, length));
    }
    let (hours, minutes) = (nanos / (3_600 * 1_000_000_000), nanos / (60 * 1_000_000_000) % 60);
    let seconds = decimal(nanos % (60 * 1_000_000_000), 1_000_000_000);
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `value / unit` with as many decimals as needed. `unit` is a power of ten.
fn decimal(value: u128, unit: u128) -> String {
    let (whole, fraction) = (value / unit, value % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = unit.ilog10() as usize;
    let fraction = format!("{fraction:0width$}");
    format!("{whole}.{}", fraction.trim_end_matches('0'))
}

#[cfg(test)]
mod tests;
