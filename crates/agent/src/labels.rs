//! Labels that commands on this host tell. Decisions rest on what was told last, here: another agent
//! may see something else.

mod commands;
mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use resource::app::{CommandLabel, KnownLabels};
use resource::{App, LastError};
use time::OffsetDateTime;
use tokio::sync::watch;

pub(crate) use self::commands::{Commands, RUNNING};

/// What was told of an app's labels, by key.
pub(crate) type Told = BTreeMap<String, CommandLabel>;

/// What was told, by app. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct ToldLabels {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Guards the table; held for a look-up or a change.
    apps: RwLock<BTreeMap<String, Entry>>,
    /// Counts what is told; read for every message.
    generation: AtomicU64,
    /// How often commands began, of any app: no two beginnings are alike, though apps come and go.
    begun: AtomicU64,
    /// Tells that something was told.
    changes: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Entry {
    /// Whose word counts: the commands of an app that was registered anew are others.
    epoch: u64,
    told: Arc<Told>,
}

/// Whose word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch(u64);

// === impl ToldLabels ===

impl ToldLabels {
    pub(crate) fn new() -> Self {
        let (apps, changes) = (RwLock::default(), watch::channel(0).0);
        let (generation, begun) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner: Arc::new(Inner { apps, generation, begun, changes }) }
    }

    /// Grows whenever something is told. Read before what was told, it is never newer.
    pub(crate) fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::Acquire)
    }

    /// Tells of every change.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    /// What was told of an app.
    pub(crate) fn of(&self, app: &str) -> Option<Arc<Told>> {
        self.inner.apps.read().get(app).map(|entry| entry.told.clone())
    }

    /// The commands of an app begin, or others do: what the same commands told before stays.
    pub(crate) fn begin(&self, app: &App) -> Epoch {
        let epoch = self.inner.begun.fetch_add(1, Ordering::Relaxed) + 1;
        let mut apps = self.inner.apps.write();
        let entry = apps.entry(app.name().to_owned()).or_default();
        entry.epoch = epoch;
        let kept: Told = app.with_results(&entry.told).spec.dynamic_labels;
        let is_news = *entry.told != kept;
        if is_news {
            entry.told = Arc::new(kept);
        }
        drop(apps);
        if is_news {
            self.announce();
        }
        Epoch(epoch)
    }

    /// A command said this, or nothing. Says whether that is news.
    pub(crate) fn tell(
        &self,
        app: &str,
        key: &str,
        epoch: Epoch,
        said: Result<String, String>,
        now: OffsetDateTime,
    ) -> bool {
        let mut apps = self.inner.apps.write();
        let Some(entry) = apps.get_mut(app).filter(|entry| entry.epoch == epoch.0) else {
            return false;
        };
        let Some(label) = entry.told.get(key) else { return false };
        let mut label = label.clone();
        match said {
            Ok(value) => (label.result, label.error) = (Some(value), None),
            // What was said last stays.
            Err(message) => {
                if label.error.as_ref().is_none_or(|error| error.message != message) {
                    label.error = Some(LastError { message, time: Some(now) });
                }
            }
        }
        if entry.told.get(key) == Some(&label) {
            return false;
        }
        Arc::make_mut(&mut entry.told).insert(key.to_owned(), label);
        drop(apps);
        self.announce();
        true
    }

    /// The app is not served any more. A command that ends late does not speak for another of its name.
    pub(crate) fn forget(&self, app: &str) {
        self.inner.apps.write().remove(app);
        self.announce();
    }

    fn announce(&self) {
        let generation = self.inner.generation.fetch_add(1, Ordering::AcqRel) + 1;
        self.inner.changes.send_modify(|seen| *seen = generation.max(*seen));
    }
}

/// The labels by which an app is decided upon, with what was told of it.
pub(crate) fn known(app: &App, told: Option<&Told>) -> KnownLabels {
    if app.spec.dynamic_labels.is_empty() {
        return app.known_labels();
    }
    match told {
        Some(told) => app.with_results(told).known_labels(),
        None => app.with_results(&Told::new()).known_labels(),
    }
}

#[cfg(test)]
mod tests;
