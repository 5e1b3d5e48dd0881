//! Timing: the median of many samples, each long enough for the clock.
//!
//! The clock is that of this thread on the processor, so that a busy machine does not count.

use std::hint::black_box;
use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// How long one sample takes at least.
const SAMPLE: Duration = Duration::from_millis(5);
/// How long one figure may take, unless that would leave fewer than [`FEWEST`] samples.
const FIGURE: Duration = Duration::from_millis(1_500);
const FEWEST: usize = 3;
const MOST: usize = 51;

/// Nanoseconds for one of the `items` that each call of `work` deals with.
pub(crate) fn time<T>(items: usize, mut work: impl FnMut() -> T) -> f64 {
    let mut calls = 1_u32;
    // Warms up, too.
    while run(calls, &mut work) < SAMPLE && calls < 1 << 24 {
        calls *= 2;
    }
    let mut taken = Vec::new();
    let mut spent = Duration::ZERO;
    while taken.len() < FEWEST || (spent < FIGURE && taken.len() < MOST) {
        let sample = run(calls, &mut work);
        spent += sample;
        taken.push(sample);
    }
    taken.sort_unstable();
    let median = taken.get(taken.len() / 2).copied().unwrap_or_default();
    nanos(median) / f64::from(calls) / f64::from(u32::try_from(items).unwrap_or(u32::MAX))
}

/// Nanoseconds for the name that takes longest. The shortest of several times counts for each, so that it is
/// the name that is slow and not the machine.
pub(crate) fn slowest<T>(names: &[&str], mut work: impl FnMut(&str) -> T) -> f64 {
    const CALLS: u32 = 16;
    let mut slowest = Duration::ZERO;
    for name in names {
        let each = (0..5).map(|_| run(CALLS, &mut || work(name)));
        slowest = slowest.max(each.min().unwrap_or_default());
    }
    nanos(slowest) / f64::from(CALLS)
}

fn run<T>(calls: u32, work: &mut impl FnMut() -> T) -> Duration {
    let begun = now();
    for _ in 0..calls {
        black_box(work());
    }
    now().saturating_sub(begun)
}

fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(Duration::ZERO, Duration::from)
}

fn nanos(time: Duration) -> f64 {
    time.as_secs_f64() * 1e9
}
