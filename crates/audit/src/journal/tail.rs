//! The end of a journal, where lines are appended.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::sync::Arc;

use super::Options;
use super::segment::{Segment, create, path_of};

/// The segments and the file that is written to.
#[derive(Debug)]
pub(super) struct Tail {
    /// Oldest first; the last one is written to.
    segments: VecDeque<(u64, u64)>,
    file: Arc<File>,
    /// The number of the next line.
    next: u64,
    /// The bytes in all segments.
    total: u64,
    /// Files that are complete and not yet forced to disk.
    pub(super) unsynced: Vec<Arc<File>>,
    /// Something was written that is not yet forced to disk.
    pub(super) dirty: bool,
    /// Somebody waits for the disk.
    pub(super) urgent: bool,
    pub(super) closing: bool,
    /// Why nothing can be written any more.
    pub(super) failed: Option<Arc<str>>,
    /// The thread was told that there is something to do.
    woken: bool,
}

/// What lines are written to: a file, or what a test puts in its place.
pub(super) trait Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    fn truncate(&mut self, size: u64) -> io::Result<()>;
}

/// How a write failed.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Nothing of it is there.
    Undone(io::Error),
    /// A part of it is there and could not be taken back.
    Torn(io::Error),
}

// === impl Tail ===

impl Tail {
    /// The end of the journal with these segments as `(first line, bytes)`, written to in `file`.
    pub(super) fn new(segments: VecDeque<(u64, u64)>, file: File, next: u64) -> Self {
        let total = segments.iter().map(|(_, bytes)| bytes).sum();
        Self {
            segments,
            file: Arc::new(file),
            next,
            total,
            unsynced: Vec::new(),
            dirty: false,
            urgent: false,
            closing: false,
            failed: None,
            woken: false,
        }
    }

    pub(super) const fn last(&self) -> u64 {
        self.next.saturating_sub(1)
    }

    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Whether the thread has to be told, which it is once for each of its rounds.
    pub(super) const fn needs_waking(&mut self) -> bool {
        let needed = !self.woken;
        self.woken = true;
        needed
    }

    /// The thread begins a round and sees everything that was written before.
    pub(super) fn begin_round(&mut self) {
        self.dirty = false;
        self.urgent = false;
        self.woken = false;
    }

    pub(super) fn append(
        &mut self,
        options: &Options,
        lines: &[u8],
        count: u64,
    ) -> io::Result<u64> {
        if self.closing {
            return Err(closed());
        }
        if let Some(reason) = &self.failed {
            return Err(failed(&options.directory, reason));
        }
        let size = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if self.total.saturating_add(size) > options.max_bytes {
            let message = format!(
                "the audit records in {} have reached the limit of {} bytes; nothing more is \
                 recorded, and nothing that must be recorded is done, until some are shipped or \
                 moved away",
                options.directory.display(),
                options.max_bytes
            );
            return Err(io::Error::new(ErrorKind::StorageFull, message));
        }
        let (_, mut filled) = self.segments.back().copied().unwrap_or((self.next, 0));
        if filled > 0 && filled.saturating_add(size) > options.segment_bytes {
            self.rotate(&options.directory)?;
            filled = 0;
        }
        match write_or_undo(&mut &*self.file, lines, filled) {
            Ok(()) => {}
            Err(WriteError::Undone(error)) => return Err(explain(&options.directory, &error)),
            Err(WriteError::Torn(error)) => {
                // What follows a torn line would be torn with it.
                self.failed = Some(error.to_string().into());
                return Err(explain(&options.directory, &error));
            }
        }
        if let Some((_, bytes)) = self.segments.back_mut() {
            *bytes = bytes.saturating_add(size);
        }
        self.total = self.total.saturating_add(size);
        self.next = self.next.saturating_add(count);
        self.dirty = true;
        Ok(self.last())
    }

    fn rotate(&mut self, directory: &Path) -> io::Result<()> {
        // First what may fail without leaving anything behind.
        let entry = File::open(directory).map_err(|error| explain(directory, &error))?;
        let file = create(directory, self.next).map_err(|error| explain(directory, &error))?;
        let full = std::mem::replace(&mut self.file, Arc::new(file));
        self.unsynced.push(full);
        // The new file's name is in the directory, which is forced to disk like a file.
        self.unsynced.push(Arc::new(entry));
        self.segments.push_back((self.next, 0));
        Ok(())
    }

    pub(super) fn segments(&self, directory: &Path) -> Vec<Segment> {
        let ends = self.segments.iter().skip(1).map(|(first, _)| *first);
        let ends = ends.chain([self.next]);
        let segments = self.segments.iter().zip(ends);
        let segments = segments.map(|((first, bytes), end)| Segment {
            path: path_of(directory, *first),
            first: *first,
            end,
            bytes: *bytes,
        });
        segments.collect()
    }

    pub(super) fn forget(&mut self, directory: &Path, number: u64) -> io::Result<()> {
        while let Some((second, _)) = self.segments.get(1).copied() {
            if second > number.saturating_add(1) {
                break;
            }
            let Some((first, bytes)) = self.segments.front().copied() else { break };
            match fs::remove_file(path_of(directory, first)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            self.segments.pop_front();
            self.total = self.total.saturating_sub(bytes);
        }
        Ok(())
    }
}

impl Target for &File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(self, bytes)
    }

    fn truncate(&mut self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }
}

/// Appends all of `bytes` to a file of `size` bytes, or leaves it at that size.
pub(super) fn write_or_undo(
    target: &mut impl Target,
    bytes: &[u8],
    size: u64,
) -> Result<(), WriteError> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let error = match target.write(rest) {
            Ok(0) => io::Error::from(ErrorKind::WriteZero),
            Ok(written) => {
                rest = rest.get(written..).unwrap_or_default();
                continue;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => error,
        };
        // Also when nothing was written: an error does not always mean that.
        return match target.truncate(size) {
            Ok(()) => Err(WriteError::Undone(error)),
            Err(_) => Err(WriteError::Torn(error)),
        };
    }
    Ok(())
}

fn explain(directory: &Path, error: &io::Error) -> io::Error {
    let message =
        format!("an audit record could not be written to {}: {error}", directory.display());
    io::Error::new(error.kind(), message)
}

pub(super) fn failed(directory: &Path, reason: &str) -> io::Error {
    io::Error::other(format!(
        "audit records can no longer be written to {}: {reason}; see to the disk and restart",
        directory.display()
    ))
}

pub(super) fn closed() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, "the audit records were closed")
}
