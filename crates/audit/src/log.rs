//! The records of the cluster, kept by the auth service.
//!
//! Lines arrive from the auth service itself and, in batches, from the spools of the others. A
//! shipped line is kept as it came, with two fields more: which spool and run it is of, and its
//! number there. From these the log knows how far it has each source, also after a crash.

mod ingest;
mod query;
mod sources;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

pub use self::ingest::{Ingested, Shipment};
pub use self::query::{Entry, MAX_PAGE_BYTES, MAX_PAGE_EVENTS, Page, Query};
use self::sources::Sources;
use crate::journal::{Journal, Options};
use crate::sink::Recording;
use crate::{Durability, Event, OpenError, Sink};

/// The most bytes of records, unless configured otherwise: some hundred million of them. Past
/// that, recording fails and so do the operations.
pub const DEFAULT_MAX_LOG_BYTES: u64 = 64 * 1024 * 1024 * 1024;

/// The size of one file; a query holds one in memory.
const SEGMENT_BYTES: u64 = 16 * 1024 * 1024;

/// Queries at the same time; others wait.
const QUERIES: usize = 2;

/// Where the records are, and how many.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// The directory; made when it is not there.
    pub directory: PathBuf,
    /// The most bytes of records.
    pub max_bytes: u64,
    /// The size of one file.
    pub segment_bytes: u64,
    /// When a record is on disk.
    pub durability: Durability,
}

/// Keeps the records.
#[derive(Debug)]
pub struct Log {
    journal: Arc<Journal>,
    /// Protects how far each source is here; lines are appended under it.
    sources: Mutex<Sources>,
    queries: Semaphore,
}

// === impl LogOptions ===

impl LogOptions {
    /// A log in this directory, with what is usual otherwise.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: DEFAULT_MAX_LOG_BYTES,
            segment_bytes: SEGMENT_BYTES,
            durability: Durability::default(),
        }
    }
}

// === impl Log ===

impl Log {
    /// Opens the log, or makes an empty one. Blocks while it reads the newest files.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or another process has it open.
    pub fn open(options: LogOptions) -> Result<Self, OpenError> {
        let LogOptions { directory, max_bytes, segment_bytes, durability } = options;
        let journal = Journal::open(Options {
            directory: directory.clone(),
            segment_bytes,
            max_bytes,
            durability,
        })?;
        let sources = Sources::load(&journal).map_err(|e| OpenError::new(&directory, e))?;
        Ok(Self {
            journal: Arc::new(journal),
            sources: Mutex::new(sources),
            queries: Semaphore::new(QUERIES),
        })
    }

    /// Forces to disk what was recorded, and refuses what comes later. Blocks while it does.
    ///
    /// # Errors
    /// When the note of how far each source is here cannot be written; the next opening then takes
    /// longer.
    pub fn close(&self) -> io::Result<()> {
        self.journal.close();
        let upto = self.journal.synced().borrow().upto;
        // Only what is on disk may be noted as being here.
        if upto < self.journal.last() {
            return Ok(());
        }
        let note = self.sources.lock().note(upto);
        note.save(&self.journal)
    }
}

impl Sink for Log {
    fn append(&self, event: &Event) -> io::Result<()> {
        self.journal.append(event.line(), 1).map(drop)
    }

    fn record<'a>(&'a self, event: &'a Event) -> Recording<'a> {
        Box::pin(async move {
            let number = self.journal.append(event.line(), 1)?;
            if self.journal.is_strict() { self.journal.settle(number).await } else { Ok(()) }
        })
    }
}

#[cfg(test)]
mod tests;
