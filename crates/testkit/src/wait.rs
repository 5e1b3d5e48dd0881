//! Waiting for a condition, with a limit and a status. Tests do not sleep.

#![expect(clippy::disallowed_types, reason = "real processes run on the machine's own clock")]

use std::thread;
use std::time::{Duration, Instant};

/// Enough for anything that works on a machine that compiles something else at the same time; a
/// test that needs it all has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks: short at first, so that what is quick stays quick, then rare enough to cost
/// nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

/// Calls `probe` until it gives a value. Its error is the status: what is still missing, said when
/// the limit has passed.
///
/// # Panics
/// When `limit` passes, with `what` and the last status.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> T {
    match poll(limit, &mut probe) {
        Ok(value) => value,
        Err(status) => panic!("waited {limit:?} for {what}: {status}"),
    }
}

/// As [`until`], for a test that wants to say something else about the failure.
///
/// # Errors
/// The last status, when `limit` has passed.
pub fn poll<T>(limit: Duration, mut probe: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    let end = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        match probe() {
            Ok(value) => return Ok(value),
            Err(status) if Instant::now() >= end => return Err(status),
            Err(_) => thread::sleep(pause),
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Watches for the whole of `period` that something does not happen: `probe` gives an error when it
/// has.
///
/// # Panics
/// When it happens, with `what` and how.
#[track_caller]
pub fn never(what: &str, period: Duration, mut probe: impl FnMut() -> Result<(), String>) {
    let end = Instant::now() + period;
    while Instant::now() < end {
        if let Err(happened) = probe() {
            panic!("{what}: {happened}");
        }
        thread::sleep(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests;
