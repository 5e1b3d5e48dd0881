//! How many connections an agent has at a time, and how many of them one user has.
//!
//! A connection is what holds something here: the stream of `tsh mcp connect`, a session over HTTP, and over HTTP
//! a request of the modern era for as long as it is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use pki::Principal;

use crate::limits::Limits;

/// So many users are remembered that have none.
const IDLE_USERS: usize = 1_024;

/// The connections of an agent.
#[derive(Debug)]
pub(crate) struct Places {
    /// How many there are for all, and for one user.
    most: (usize, usize),
    all: Arc<AtomicUsize>,
    /// Guards the table; held for a look-up.
    users: Mutex<HashMap<Principal, Arc<AtomicUsize>>>,
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
        "you have {0} connections and open requests at this agent, the most that one user may \
         have; end some"
    )]
    OfUser(usize),
    /// All are taken.
    #[error("this agent has {0} connections, the most that it serves; try again later")]
    OfAll(usize),
}

// === impl Places ===

impl Places {
    pub(crate) fn new(limits: &Limits) -> Self {
        let most = (limits.connections, limits.connections_per_user);
        Self { most, all: Arc::default(), users: Mutex::default() }
    }

    /// Whether there is another one, for somebody.
    pub(crate) fn has_room(&self) -> bool {
        self.taken() < self.most.0
    }

    /// How many connections there are.
    pub(crate) fn taken(&self) -> usize {
        self.all.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, user: &Principal) -> Result<Place, NoPlace> {
        let (most, most_of_user) = self.most;
        let of_user = self.of(user);
        if of_user.fetch_add(1, Ordering::Relaxed) >= most_of_user {
            of_user.fetch_sub(1, Ordering::Relaxed);
            return Err(NoPlace::OfUser(most_of_user));
        }
        // Counts itself out again when it is dropped.
        let place = Place { all: self.all.clone(), of_user };
        if self.all.fetch_add(1, Ordering::Relaxed) >= most {
            return Err(NoPlace::OfAll(most));
        }
        Ok(place)
    }

    fn of(&self, user: &Principal) -> Arc<AtomicUsize> {
        let mut users = self.users.lock();
        if let Some(count) = users.get(user) {
            return count.clone();
        }
        if users.len() >= self.most.0 + IDLE_USERS {
            users.retain(|_, count| Arc::strong_count(count) > 1);
        }
        let count = Arc::<AtomicUsize>::default();
        users.insert(user.clone(), count.clone());
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

    const ALL: usize = 12;
    const OF_USER: usize = 4;

    fn places() -> Places {
        let limits =
            Limits { connections: ALL, connections_per_user: OF_USER, ..Limits::default() };
        Places::new(&limits)
    }

    fn named(name: &str) -> Principal {
        Principal { cluster: "test".to_owned(), name: name.to_owned() }
    }

    #[test]
    fn a_namesake_of_another_cluster_is_another_user() {
        let places = places();
        let _taken: Vec<_> = (0..OF_USER).map(|_| places.take(&named("alice")).unwrap()).collect();
        let namesake = Principal { cluster: "root".to_owned(), ..named("alice") };
        assert!(places.take(&namesake).is_ok());
    }

    #[test]
    fn a_user_leaves_places_for_others() {
        let places = places();
        let mut taken: Vec<_> =
            (0..OF_USER).map(|_| places.take(&named("alice")).unwrap()).collect();
        assert_eq!(places.take(&named("alice")).unwrap_err(), NoPlace::OfUser(OF_USER));
        assert_eq!(places.taken(), OF_USER);
        let other = places.take(&named("bob")).unwrap();
        taken.pop();
        taken.push(places.take(&named("alice")).unwrap());
        assert_eq!(places.take(&named("alice")).unwrap_err(), NoPlace::OfUser(OF_USER));
        drop((taken, other));
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn there_are_so_many_for_all_and_not_one_more() {
        let places = places();
        let take = |number: usize| places.take(&named(&(number / OF_USER).to_string()));
        let mut taken: Vec<_> = (0..ALL).map(|number| take(number).unwrap()).collect();
        assert!(!places.has_room());
        assert_eq!(take(ALL).unwrap_err(), NoPlace::OfAll(ALL));
        taken.pop();
        assert!(places.has_room());
        taken.push(take(ALL).unwrap());
        assert_eq!(take(ALL).unwrap_err(), NoPlace::OfAll(ALL));
        drop(taken);
        assert_eq!(places.taken(), 0);
    }

    #[test]
    fn users_who_have_none_are_forgotten() {
        let places = places();
        let kept = places.take(&named("alice")).unwrap();
        for number in 0..2 * (ALL + IDLE_USERS) {
            drop(places.take(&named(&number.to_string())).unwrap());
        }
        assert!(places.users.lock().len() <= ALL + IDLE_USERS);
        drop(kept);
        assert_eq!(places.taken(), 0);
    }
}
