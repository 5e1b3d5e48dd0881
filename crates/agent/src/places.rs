//! How many connections an agent has at a time, and how many of them one user has.
//!
//! A connection is what holds something here: the stream of `tsh mcp connect`, a session over HTTP, and over HTTP
//! a request of the modern era for as long as it is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// The most connections that one agent serves at a time.
pub(crate) const MAX_CONNECTIONS: usize = 10_000;
/// The most of them that one user has, whatever the apps: the others are for everybody else.
pub(crate) const CONNECTIONS_OF_USER: usize = 1_000;
/// So many users are remembered that have none.
const IDLE_USERS: usize = 1_024;

/// The connections of an agent.
#[derive(Debug, Default)]
pub(crate) struct Places {
    all: Arc<AtomicUsize>,
    /// Guards the table; held for a look-up.
    users: Mutex<HashMap<Box<str>, Arc<AtomicUsize>>>,
}

/// A connection's place among those that an agent may have.
#[derive(Debug)]
pub(crate) struct Place {
    all: Arc<AtomicUsize>,
    of_user: Arc<AtomicUsize>,
}

/// Why there is no place for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    /// The user has as many as one may have.
    #[error(
        "you have {CONNECTIONS_OF_USER} connections and open requests at this agent, the most that one user may \
         have; end some"
    )]
    OfUser,
    /// All are taken.
    #[error(
        "this agent has {MAX_CONNECTIONS} connections, the most that it serves; try again later"
    )]
    OfAll,
}

// === impl Places ===

impl Places {
    /// How many connections there are.
    pub(crate) fn taken(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, user: &str) -> Result<Place, NoPlace> {
        let of_user = self.of(user);
        if of_user.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_OF_USER {
            of_user.fetch_sub(1, Ordering::Relaxed);
            return Err(NoPlace::OfUser);
        }
        // Counts itself out again when it is dropped.
        let place = Place { all: self.all.clone(), of_user };
        if self.all.fetch_add(1, Ordering::Relaxed) >= MAX_CONNECTIONS {
            return Err(NoPlace::OfAll);
        }
        Ok(place)
    }

    fn of(&self, user: &str) -> Arc<AtomicUsize> {
        let mut users = self.users.lock();
        if let Some(count) = users.get(user) {
            return count.clone();
        }
        if users.len() >= MAX_CONNECTIONS + IDLE_USERS {
            users.retain(|_, count| Arc::strong_count(count) > 1);
        }
        let count = Arc::<AtomicUsize>::default();
        users.insert(user.into(), count.clone());
        count
    }
}

// === impl Place ===

impl Drop for Place {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
        self.of_user.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_leaves_places_for_others() {
        let places = Places::default();
        let mut taken: Vec<_> =
            (0..CONNECTIONS_OF_USER).map(|_| places.take("alice").unwrap()).collect();
        assert_eq!(places.take("alice").unwrap_err(), NoPlace::OfUser);
        assert_eq!(places.taken(), CONNECTIONS_OF_USER);
        let other = places.take("bob").unwrap();
        taken.pop();
        taken.push(places.take("alice").unwrap());
        assert_eq!(places.take("alice").unwrap_err(), NoPlace::OfUser);
        drop((taken, other));
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn there_are_so_many_for_all_and_not_one_more() {
        let places = Places::default();
        let take = |number: usize| places.take(&(number / CONNECTIONS_OF_USER).to_string());
        let mut taken: Vec<_> = (0..MAX_CONNECTIONS).map(|number| take(number).unwrap()).collect();
        assert_eq!(take(MAX_CONNECTIONS).unwrap_err(), NoPlace::OfAll);
        taken.pop();
        taken.push(take(MAX_CONNECTIONS).unwrap());
        assert_eq!(take(MAX_CONNECTIONS).unwrap_err(), NoPlace::OfAll);
        drop(taken);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn users_who_have_none_are_forgotten() {
        let places = Places::default();
        let kept = places.take("alice").unwrap();
        for number in 0..2 * (MAX_CONNECTIONS + IDLE_USERS) {
            drop(places.take(&number.to_string()).unwrap());
        }
        assert!(places.users.lock().len() <= MAX_CONNECTIONS + IDLE_USERS);
        drop(kept);
        assert_eq!(places.taken(), 0);
    }
}
