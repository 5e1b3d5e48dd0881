//! The records of a service that have not yet reached the log.
//!
//! Lines are numbered for the life of the directory. A *source* is one run of one spool, from one
//! opening to the next: it has a random name, and the log remembers how far it has each source. So
//! a line that is shipped twice is kept once, and a spool that was set back to an older state, by
//! a restored backup or a lost disk cache, does not give its new lines the numbers of others.

mod sources;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;

use self::sources::Sources;
use crate::journal::{Journal, Options, Segment, lines, write_whole};
use crate::sink::Recording;
use crate::{Durability, Event, MAX_EVENT_BYTES, OpenError, Sink};

/// The most bytes of records that wait to be shipped, unless configured otherwise. At half a
/// kilobyte each, half a million calls of an MCP server while the auth service is away.
pub const DEFAULT_MAX_SPOOL_BYTES: u64 = 256 * 1024 * 1024;

/// The size of one file: what is freed at once when it was shipped.
const SEGMENT_BYTES: u64 = 8 * 1024 * 1024;

/// The most bytes of lines in one batch. The longest line fits.
pub const MAX_BATCH_BYTES: usize = 1024 * 1024;
const _: () = assert!(MAX_EVENT_BYTES <= MAX_BATCH_BYTES, "the longest line must fit a batch");

/// Where the records wait, and how many.
#[derive(Clone, Debug)]
pub struct SpoolOptions {
    /// The directory; made when it is not there.
    pub directory: PathBuf,
    /// The most bytes that may wait. Past that, recording fails and so do the operations.
    pub max_bytes: u64,
    /// The size of one file.
    pub segment_bytes: u64,
    /// When a record is on disk.
    pub durability: Durability,
}

/// Keeps records until the log has them.
#[derive(Debug)]
pub struct Spool {
    journal: Journal,
    sources: Sources,
    /// Protects the place up to which the log has everything.
    shipped: Mutex<Shipped>,
}

/// Lines to ship, all of one source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The name of the source.
    pub source: Arc<str>,
    /// The number of the first line.
    pub first: u64,
    /// The lines, each ended by a newline.
    pub lines: Vec<u8>,
    last: u64,
    end: Place,
}

/// The beginning of a line in a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    /// The segment's first line.
    segment: u64,
    offset: u64,
    /// The number of the line that begins there.
    line: u64,
}

#[derive(Debug)]
struct Shipped {
    upto: u64,
    /// Where the next line begins, if that is known.
    next: Option<Place>,
}

// === impl SpoolOptions ===

impl SpoolOptions {
    /// A spool in this directory, with what is usual otherwise.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: DEFAULT_MAX_SPOOL_BYTES,
            segment_bytes: SEGMENT_BYTES,
            durability: Durability::default(),
        }
    }
}

// === impl Spool ===

impl Spool {
    /// Opens the spool, or makes an empty one. Blocks while it reads the newest file.
    ///
    /// # Errors
    /// When the directory cannot be made or written, or another process has it open.
    pub fn open(options: SpoolOptions) -> Result<Self, OpenError> {
        let SpoolOptions { directory, max_bytes, segment_bytes, durability } = options;
        let journal = Journal::open(Options {
            directory: directory.clone(),
            segment_bytes,
            max_bytes,
            durability,
        })?;
        let error = |source| OpenError::new(&directory, source);
        // Shipped lines that are not here any more say nothing about the lines to come.
        let upto = read_cursor(&journal).map_err(error)?.min(journal.last());
        let oldest = journal.segments().first().map_or(1, |segment| segment.first);
        let sources = Sources::open(&directory, upto.saturating_add(1).max(oldest), journal.last())
            .map_err(error)?;
        let shipped = Mutex::new(Shipped { upto, next: None });
        Ok(Self { journal, sources, shipped })
    }

    /// Waits until there is something to ship. `false`: the spool is closed, all is shipped.
    pub async fn ready(&self) -> bool {
        let mut synced = self.journal.synced();
        let shipped = self.shipped.lock().upto;
        match synced.wait_for(|synced| synced.upto > shipped || synced.ended.is_some()).await {
            Ok(synced) => synced.upto > shipped,
            Err(_) => false,
        }
    }

    /// The next lines that the log does not have. Only such that are on disk: the log shall never
    /// have a line that this spool forgets. Blocks while it reads a file.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub fn next_batch(&self) -> io::Result<Option<Batch>> {
        let synced = self.journal.synced().borrow().upto;
        let shipped = self.shipped.lock();
        let (upto, next) = (shipped.upto, shipped.next);
        drop(shipped);
        for segment in self.journal.segments() {
            // What lies before is shipped. A segment may lack lines that the machine's death took.
            if segment.end > upto.saturating_add(1)
                && let Some(batch) = self.batch_of(&segment, upto, synced, next)?
            {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Notes that the log has the lines of a batch, and deletes files of which it has all. Blocks
    /// while it writes the note.
    ///
    /// # Errors
    /// When the note cannot be written. The lines will be shipped again, and the log knows them.
    pub fn acknowledge(&self, batch: &Batch) -> io::Result<()> {
        let mut shipped = self.shipped.lock();
        if batch.last <= shipped.upto {
            return Ok(());
        }
        shipped.upto = batch.last;
        shipped.next = Some(batch.end);
        let note = format!("{}\n", batch.last);
        write_whole(&self.journal.directory().join(CURSOR), note.as_bytes())?;
        self.journal.forget(batch.last)
    }

    /// How many records wait to be shipped.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.journal.last().saturating_sub(self.shipped.lock().upto)
    }

    /// Forces to disk what was recorded, and refuses what comes later. Blocks while it does.
    pub fn close(&self) {
        self.journal.close();
    }

    fn batch_of(
        &self,
        segment: &Segment,
        upto: u64,
        synced: u64,
        next: Option<Place>,
    ) -> io::Result<Option<Batch>> {
        let known = next.filter(|place| place.segment == segment.first);
        let mut place =
            known.unwrap_or(Place { segment: segment.first, offset: 0, line: segment.first });
        let content = segment.read_from(place.offset, known.map(|_| MAX_BATCH_BYTES))?;
        let mut batch: Option<Batch> = None;
        for (number, line) in lines(place.line, &content) {
            let size = line.len().saturating_add(1);
            place.offset = place.offset.saturating_add(u64::try_from(size).unwrap_or(u64::MAX));
            place.line = number.saturating_add(1);
            if number <= upto {
                continue;
            }
            let source = self.sources.of(number);
            let batch = batch.get_or_insert_with(|| Batch {
                source: Arc::clone(&source),
                first: number,
                lines: Vec::new(),
                last: upto,
                end: place,
            });
            let full = batch.lines.len().saturating_add(size) > MAX_BATCH_BYTES;
            if number > synced || full || batch.source != source {
                break;
            }
            batch.lines.extend_from_slice(line);
            batch.lines.push(b'\n');
            batch.last = number;
            batch.end = place;
        }
        Ok(batch.filter(|batch| !batch.lines.is_empty()))
    }
}

impl Sink for Spool {
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

/// The file that says how far the log has the lines.
const CURSOR: &str = "shipped";

fn read_cursor(journal: &Journal) -> io::Result<u64> {
    match std::fs::read_to_string(journal.directory().join(CURSOR)) {
        // Without a readable note the lines are shipped again, and the log knows them.
        Ok(note) => Ok(note.trim().parse().unwrap_or(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(crate) mod tests;
