//! How many logins, and other things that go on at a page, may be begun: anybody can begin one, and each is
//! remembered for some minutes.

use std::collections::HashMap;
use std::time::Duration;

use api::{Error, ErrorKind};
use parking_lot::Mutex;
use tokio::time::Instant;

/// Logins that may be begun in a minute. Each takes some two kilobytes for five minutes.
pub(crate) const MAX_A_MINUTE: u32 = 3_000;
/// How many of them by one user, so that nobody takes the places of all.
pub(crate) const MAX_OF_ONE: u32 = 120;
const MINUTE: Duration = Duration::from_secs(60);

/// Counts logins.
#[derive(Debug)]
pub(crate) struct Logins {
    /// Guards the counts of the current minute.
    minute: Mutex<Minute>,
}

#[derive(Debug)]
struct Minute {
    begun: Instant,
    all: u32,
    /// At most as many as all.
    of_users: HashMap<String, u32>,
}

// === impl Logins ===

impl Logins {
    pub(crate) fn new() -> Self {
        Self { minute: Mutex::new(Minute::now()) }
    }

    /// Lets somebody begin one more of whom nothing is known, or not yet. Proxies count them by address.
    pub(crate) fn admit(&self) -> Result<(), Error> {
        self.minute.lock().admit(None)
    }

    /// Lets a user begin one more, or not yet.
    pub(crate) fn admit_user(&self, user: &str) -> Result<(), Error> {
        self.minute.lock().admit(Some(user))
    }
}

// === impl Minute ===

impl Minute {
    fn now() -> Self {
        Self { begun: Instant::now(), all: 0, of_users: HashMap::new() }
    }

    fn admit(&mut self, user: Option<&str>) -> Result<(), Error> {
        if self.begun.elapsed() >= MINUTE {
            *self = Self::now();
        }
        if self.all >= MAX_A_MINUTE {
            return Err(too_many("too many people sign in at once"));
        }
        if let Some(user) = user {
            let own = self.of_users.entry(user.to_owned()).or_default();
            if *own >= MAX_OF_ONE {
                return Err(too_many("you ask for too many pages at once"));
            }
            *own += 1;
        }
        self.all += 1;
        Ok(())
    }
}

fn too_many(what: &str) -> Error {
    Error::new(ErrorKind::RateLimited, what).hint("wait a minute and try again")
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
        assert_eq!(logins.admit_user("alice").unwrap_err().kind(), ErrorKind::RateLimited);
        tokio::time::advance(MINUTE).await;
        logins.admit().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_user_leaves_places_for_others() {
        let logins = Logins::new();
        for _ in 0..MAX_OF_ONE {
            logins.admit_user("alice").unwrap();
        }
        for _ in 0..MAX_A_MINUTE {
            assert_eq!(logins.admit_user("alice").unwrap_err().kind(), ErrorKind::RateLimited);
        }
        logins.admit_user("bob").unwrap();
        logins.admit().unwrap();
        tokio::time::advance(MINUTE).await;
        logins.admit_user("alice").unwrap();
    }
}
