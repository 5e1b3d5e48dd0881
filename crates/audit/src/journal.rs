//! Lines in files: what the spool and the log are both made of.
//!
//! A journal is a directory of segments, each named by the number of its first line, so that the
//! number of every line is known without being written. Lines are only appended; `append` returns
//! after `write(2)`, which the death of the process does not undo. A thread of the journal forces
//! them to disk in groups, for the case that the whole machine dies.

mod heal;
mod open;
mod segment;
mod sync;
mod tail;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

pub use self::open::OpenError;
pub(crate) use self::open::write_whole;
pub(crate) use self::segment::{Segment, lines};
use self::tail::Tail;

/// When a record is on disk, as far as the caller waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Recording returns when the operating system has the record; it is on disk at most this much
    /// later, together with all others of that time.
    Interval(Duration),
    /// Recording returns when the record is on disk. Records that wait share one forced write.
    Strict,
}

/// How a journal behaves.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) directory: PathBuf,
    /// A new segment begins when the current one would grow past this.
    pub(crate) segment_bytes: u64,
    /// The most bytes in all segments together.
    pub(crate) max_bytes: u64,
    pub(crate) durability: Durability,
}

/// An open journal. Only one process has it open at a time.
#[derive(Debug)]
pub(crate) struct Journal {
    shared: Arc<Shared>,
    /// Protects the handle of the thread, which whoever closes first waits for.
    thread: Mutex<Option<JoinHandle<()>>>,
    _lock: File,
}

/// What the journal and its thread share.
#[derive(Debug)]
struct Shared {
    options: Options,
    /// Protects the end of the journal: appending is one short system call under it.
    tail: Mutex<Tail>,
    /// Wakes the thread: something was written, somebody waits, or it is over.
    wake: Condvar,
    synced: watch::Sender<Synced>,
}

/// How far the journal is on disk.
#[derive(Clone, Debug)]
pub(crate) struct Synced {
    /// The number of the newest line that is.
    pub(crate) upto: u64,
    /// Why no more will be.
    pub(crate) ended: Option<Ended>,
}

/// Why a journal is over.
#[derive(Clone, Debug)]
pub(crate) enum Ended {
    Closed,
    Failed(Arc<str>),
}

// === impl Durability ===

impl Default for Durability {
    fn default() -> Self {
        Self::Interval(Duration::from_millis(100))
    }
}

// === impl Journal ===

impl Journal {
    /// Opens the journal, makes it if there is none, and repairs what a crash left torn.
    pub(crate) fn open(options: Options) -> Result<Self, OpenError> {
        let lock = open::prepare(&options.directory)?;
        let tail = open::load(&options.directory)?;
        let (synced, _) = watch::channel(Synced { upto: tail.last(), ended: None });
        let directory = options.directory.clone();
        let shared =
            Arc::new(Shared { options, tail: Mutex::new(tail), wake: Condvar::new(), synced });
        let syncing = Arc::clone(&shared);
        let thread = thread::Builder::new().name("audit-sync".to_owned());
        let thread = thread
            .spawn(move || sync::run(&syncing))
            .map_err(|source| OpenError::Io { path: directory, source })?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), _lock: lock })
    }

    /// Hands `count` lines, each ended by a newline, to the operating system, all or none. Returns
    /// the number of the last of them.
    pub(crate) fn append(&self, lines: &[u8], count: u64) -> io::Result<u64> {
        let mut tail = self.shared.tail.lock();
        let last = tail.append(&self.shared.options, lines, count)?;
        if tail.needs_waking() {
            self.shared.wake.notify_one();
        }
        Ok(last)
    }

    /// Waits until the line with this number is on disk.
    pub(crate) async fn settle(&self, number: u64) -> io::Result<()> {
        let mut synced = self.shared.synced.subscribe();
        if synced.borrow().upto < number {
            self.shared.tail.lock().urgent = true;
            self.shared.wake.notify_one();
        }
        match synced.wait_for(|synced| synced.upto >= number || synced.ended.is_some()).await {
            Ok(synced) if synced.upto >= number => Ok(()),
            Ok(synced) => Err(self.ended_error(synced.ended.as_ref())),
            Err(_) => Err(self.ended_error(None)),
        }
    }

    /// Whether recording waits for the disk.
    pub(crate) fn is_strict(&self) -> bool {
        self.shared.options.durability == Durability::Strict
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.shared.options.directory
    }

    /// Tells how far the journal is on disk, now and as it changes.
    pub(crate) fn synced(&self) -> watch::Receiver<Synced> {
        self.shared.synced.subscribe()
    }

    /// The number of the newest line, 0 when there was none yet.
    pub(crate) fn last(&self) -> u64 {
        self.shared.tail.lock().last()
    }

    /// The segments as they are now, oldest first. What they hold up to their size stays as it is.
    pub(crate) fn segments(&self) -> Vec<Segment> {
        self.shared.tail.lock().segments(self.directory())
    }

    /// Deletes the segments of which every line has at most this number.
    pub(crate) fn forget(&self, number: u64) -> io::Result<()> {
        self.shared.tail.lock().forget(self.directory(), number)
    }

    /// Forces to disk what was written, and refuses what comes later. Blocks for as long as that
    /// takes.
    pub(crate) fn close(&self) {
        self.shared.tail.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.join().is_err()
        {
            tracing::error!(directory = %self.directory().display(), "audit thread panicked");
        }
    }

    fn ended_error(&self, ended: Option<&Ended>) -> io::Error {
        match ended {
            Some(Ended::Failed(reason)) => tail::failed(&self.shared.options.directory, reason),
            _ => tail::closed(),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests;
