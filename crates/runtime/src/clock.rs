//! The wall clock, handed in wherever expiry matters.
//!
//! Deadlines of I/O (timeouts, intervals) use `tokio::time`, which tests pause; what is compared
//! with a date in a certificate, a token or a stored item uses [`Clock`].

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::watch;

/// The longest single sleep of the system clock: wall time may be stepped while we sleep, so a
/// long wait looks again this often.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// A source of wall-clock time in UTC. Clones are cheap and share the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<OffsetDateTime>>),
}

// === impl Clock ===

impl Clock {
    /// The clock of the operating system.
    #[must_use]
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// A clock that stands at `start` until it is advanced.
    #[must_use]
    pub fn manual(start: OffsetDateTime) -> Self {
        let (now, _) = watch::channel(start);
        Self { source: Source::Manual(Arc::new(now)) }
    }

    /// The time now, in UTC.
    #[must_use]
    pub fn now(&self) -> OffsetDateTime {
        match &self.source {
            Source::System => system_now(),
            Source::Manual(now) => *now.borrow(),
        }
    }

    /// Moves a manual clock, and every clone of it, forward. A system clock is not moved.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(now) = &self.source {
            now.send_modify(|t| *t = saturating_add(*t, by));
        }
    }

    /// Sets a manual clock, and every clone of it, to `to`. A system clock is not moved.
    pub fn set(&self, to: OffsetDateTime) {
        if let Source::Manual(now) = &self.source {
            now.send_replace(to);
        }
    }

    /// Waits until the clock reads `deadline` or later.
    ///
    /// On a manual clock this ends when somebody advances it that far.
    pub async fn sleep_until(&self, deadline: OffsetDateTime) {
        match &self.source {
            Source::System => loop {
                let Ok(left) = Duration::try_from(deadline - system_now()) else { return };
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LOOK_AGAIN)).await;
            },
            Source::Manual(now) => {
                // The sender lives in `self`, so waiting cannot fail.
                if now.subscribe().wait_for(|t| *t >= deadline).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        }
    }

    /// Waits until the clock has moved on by `duration`.
    pub async fn sleep(&self, duration: Duration) {
        self.sleep_until(saturating_add(self.now(), duration)).await;
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `t + by`, and the last representable moment when that overflows.
fn saturating_add(t: OffsetDateTime, by: Duration) -> OffsetDateTime {
    let by = time::Duration::try_from(by).unwrap_or(time::Duration::MAX);
    t.saturating_add(by)
}

#[cfg(test)]
mod tests;
