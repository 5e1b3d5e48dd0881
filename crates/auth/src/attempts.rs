//! Lockout: how often somebody may try to sign in before having to wait.
//!
//! An attempt is counted before it is looked at, so that a thousand at once are not a thousand
//! guesses. Users who do not exist are counted like those who do.
//!
//! Whoever fails on purpose, from many addresses, must not keep a user out. From where the user has signed in
//! lately, only failures from there count: this is what OWASP calls a device cookie, with the address for the
//! cookie. And a passkey is not counted at all, as it cannot be guessed.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use api::{Error, ErrorKind};
use bytes::Bytes;
use runtime::Clock;
use serde::{Deserialize, Serialize};
use store::{Backend, Key};
use time::{Duration, OffsetDateTime};

use crate::{fault, keys};

/// Failures from one address within [`WINDOW`] that lock the user out from there.
pub(crate) const MAX_PER_SOURCE: u32 = 5;
/// Failures from anywhere that lock the user out everywhere. A code is guessed with one chance in
/// 333,333; at this rate an attacker with a thousand addresses and the right password needs two
/// months for an even chance.
pub(crate) const MAX_PER_USER: u32 = 50;
/// Codes of machines without a browser that may be typed at one address: there are 20⁸ of them.
pub(crate) const MAX_CODES: u32 = 30;
/// How long failures are remembered, and how long a lockout lasts.
pub(crate) const WINDOW: Duration = Duration::minutes(15);
/// How long an address is remembered from which a user has signed in.
pub(crate) const KNOWN_FOR: Duration = Duration::days(30);
/// How often a tally is read again when somebody else changes it at the same time.
const MAX_RETRIES: usize = 16;

/// Where those come from of whom it is not known.
const UNKNOWN: &str = "unknown";

/// The tallies of failed sign-ins.
#[derive(Clone, Debug)]
pub(crate) struct Attempts {
    store: Arc<dyn Backend>,
    clock: Clock,
}

#[derive(Serialize, Deserialize)]
struct Tally {
    count: u32,
    #[serde(with = "time::serde::rfc3339")]
    first: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    last: OffsetDateTime,
}

// === impl Attempts ===

impl Attempts {
    pub(crate) fn new(store: Arc<dyn Backend>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// Counts an attempt; refused when there were too many.
    pub(crate) async fn begin(&self, user: &str, client: Option<&str>) -> Result<(), Error> {
        let source = source(client);
        self.count(&keys::attempts(&[user, &source])?, MAX_PER_SOURCE).await?;
        if self.is_known(user, &source).await? {
            return Ok(());
        }
        self.count(&keys::attempts(&[user])?, MAX_PER_USER).await
    }

    /// Counts an attempt at something that is no user's, whatever comes of it; refused when there were too many
    /// from there.
    pub(crate) async fn begin_from(&self, what: &str, client: Option<&str>) -> Result<(), Error> {
        self.count(&keys::attempts(&["", what, &source(client)])?, MAX_CODES).await
    }

    async fn forget(&self, key: &Key) -> Result<(), Error> {
        match self.store.delete(key).await {
            Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// Forgets the failures from there, after an attempt that was none, and remembers the address.
    pub(crate) async fn succeeded(&self, user: &str, client: Option<&str>) -> Result<(), Error> {
        let source = source(client);
        self.forget(&keys::attempts(&[user, &source])?).await?;
        let expires = Some(self.clock.now() + KNOWN_FOR);
        let known =
            self.store.put(&keys::known_source(user, &source)?, Bytes::new(), expires).await;
        known.map(drop).map_err(|error| fault::store(&error))
    }

    async fn is_known(&self, user: &str, source: &str) -> Result<bool, Error> {
        match self.store.get(&keys::known_source(user, source)?).await {
            Ok(_) => Ok(source != UNKNOWN),
            Err(store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(fault::store(&error)),
        }
    }

    async fn count(&self, key: &Key, most: u32) -> Result<(), Error> {
        for _ in 0..MAX_RETRIES {
            let now = self.clock.now();
            let (before, revision) = match self.store.get(key).await {
                Ok(item) => {
                    (serde_json::from_slice::<Tally>(&item.value).ok(), Some(item.revision))
                }
                Err(store::Error::NotFound { .. }) => (None, None),
                Err(error) => return Err(fault::store(&error)),
            };
            let next = match before {
                Some(tally) if tally.count >= most => {
                    if now < tally.last + WINDOW {
                        return Err(locked_out());
                    }
                    Tally { count: 1, first: now, last: now }
                }
                Some(tally) if now < tally.first + WINDOW => {
                    Tally { count: tally.count.saturating_add(1), first: tally.first, last: now }
                }
                _ => Tally { count: 1, first: now, last: now },
            };
            let value = Bytes::from(serde_json::to_vec(&next).map_err(Error::internal)?);
            let expires = Some(now + WINDOW);
            let written = match &revision {
                Some(revision) => self.store.compare_and_swap(key, revision, value, expires).await,
                None => self.store.create(key, value, expires).await,
            };
            match written {
                Ok(_revision) => return Ok(()),
                Err(
                    store::Error::Conflict { .. }
                    | store::Error::NotFound { .. }
                    | store::Error::AlreadyExists { .. },
                ) => {}
                Err(error) => return Err(fault::store(&error)),
            }
        }
        Err(locked_out())
    }
}

fn locked_out() -> Error {
    Error::new(ErrorKind::RateLimited, "too many failed attempts to sign in")
        .hint(format!("wait {} minutes and try again", WINDOW.whole_minutes()))
}

/// The part of a client's address that one person is likely to hold: an IPv4 address, or the
/// network of an IPv6 address.
fn source(client: Option<&str>) -> String {
    let Some(text) = client else { return UNKNOWN.to_owned() };
    let address = text
        .parse::<SocketAddr>()
        .map(|address| address.ip())
        .or_else(|_no_port| text.parse::<IpAddr>());
    match address.map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => address.to_string(),
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_no_address) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
