//! What clients wanted, counted by app.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

/// So many apps are counted apart; whatever comes later is counted together.
pub(crate) const COUNTED_APPS: usize = 1_000;

/// The counts of all apps. They never go back, even if an app does.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    /// Guards the table; held for a look-up or an entry.
    apps: RwLock<BTreeMap<Box<str>, Arc<Tally>>>,
    others: Arc<Tally>,
}

/// The counts of one app.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    allowed: AtomicU64,
    refused: AtomicU64,
}

/// What clients wanted of an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The app; nothing for all that are not counted apart.
    pub app: Option<String>,
    /// How many requests were let through.
    pub allowed: u64,
    /// How many were refused.
    pub refused: u64,
}

// === impl Tallies ===

impl Tallies {
    pub(crate) fn of(&self, app: &str) -> Arc<Tally> {
        if let Some(tally) = self.apps.read().get(app) {
            return tally.clone();
        }
        let mut apps = self.apps.write();
        if apps.len() >= COUNTED_APPS && !apps.contains_key(app) {
            return self.others.clone();
        }
        apps.entry(app.into()).or_default().clone()
    }

    pub(crate) fn all(&self) -> Vec<Wanted> {
        let mut all: Vec<Wanted> =
            self.apps.read().iter().map(|(app, tally)| tally.wanted(Some(app))).collect();
        all.push(self.others.wanted(None));
        all
    }
}

// === impl Tally ===

impl Tally {
    pub(crate) fn note(&self, is_allowed: bool) {
        let count = if is_allowed { &self.allowed } else { &self.refused };
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn wanted(&self, app: Option<&str>) -> Wanted {
        Wanted {
            app: app.map(str::to_owned),
            allowed: self.allowed.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_apps_are_counted_apart_and_not_one_more() {
        let tallies = Tallies::default();
        for number in 0..=COUNTED_APPS {
            tallies.of(&number.to_string()).note(true);
        }
        tallies.of("0").note(false);
        let all = tallies.all();
        assert_eq!(all.len(), COUNTED_APPS + 1);
        let first = Wanted { app: Some("0".to_owned()), allowed: 1, refused: 1 };
        assert_eq!(all.first(), Some(&first));
        assert_eq!(all.last(), Some(&Wanted { app: None, allowed: 1, refused: 0 }));
    }
}
