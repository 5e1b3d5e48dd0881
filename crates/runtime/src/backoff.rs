//! Delays between attempts: exponential, bounded, jittered.

use std::time::Duration;

/// The delays between failing attempts at the same thing.
///
/// The n-th delay is drawn evenly from the upper half of `min * 2^n`, never above `max`: a crowd
/// that lost its server together does not come back together, and no delay is near zero.
#[derive(Debug, Clone)]
pub struct Backoff {
    min: Duration,
    max: Duration,
    attempts: u32,
}

// === impl Backoff ===

impl Backoff {
    /// Delays that begin around `min` and grow to `max`.
    #[must_use]
    pub const fn new(min: Duration, max: Duration) -> Self {
        Self { min, max, attempts: 0 }
    }

    /// For reaching another service of the cluster: 100 ms to 10 s.
    #[must_use]
    pub const fn reconnect() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }

    /// The delay before the next attempt.
    pub fn next_delay(&mut self) -> Duration {
        let ceiling = self.ceiling();
        self.attempts = self.attempts.saturating_add(1);
        rand::random_range(ceiling / 2..=ceiling)
    }

    /// Waits for the next delay.
    pub async fn wait(&mut self) {
        tokio::time::sleep(self.next_delay()).await;
    }

    /// How many delays were given since the last reset.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Begins again at `min`, after a success.
    pub const fn reset(&mut self) {
        self.attempts = 0;
    }

    /// The upper bound of the next delay.
    fn ceiling(&self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.min.saturating_mul(factor).min(self.max)
    }
}

#[cfg(test)]
mod tests;
