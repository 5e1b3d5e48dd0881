//! How many logins through connectors may be begun: anybody can begin one, and each is remembered for
//! some minutes.

use std::time::Duration;

use api::{Error, ErrorKind};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Logins that may be begun in a minute. Each takes some two kilobytes for five minutes.
pub(crate) const MAX_A_MINUTE: u32 = 3_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts logins.
#[derive(Debug)]
pub(crate) struct Logins {
    /// Guards the count of the current minute.
    minute: Mutex<(Instant, u32)>,
}

// === impl Logins ===

impl Logins {
    pub(crate) fn new() -> Self {
        Self { minute: Mutex::new((Instant::now(), 0)) }
    }

    /// Lets one more begin, or not yet.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        let mut minute = self.minute.lock();
        if minute.0.elapsed() >= MINUTE {
            *minute = (Instant::now(), 0);
        }
        if minute.1 >= MAX_A_MINUTE {
            return Err(Error::new(ErrorKind::RateLimited, "too many people sign in at once")
                .hint("wait a minute and try again"));
        }
        minute.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn so_many_begin_in_a_minute() {
        let logins = Logins::new();
        for _ in 0..MAX_A_MINUTE {
            logins.admit().unwrap();
        }
        assert_eq!(logins.admit().unwrap_err().kind(), ErrorKind::RateLimited);
        tokio::time::advance(MINUTE).await;
        logins.admit().unwrap();
    }
}
