//! One event: a line of JSON, whole and redacted before anyone can keep it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runtime::Clock;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use crate::{Code, Record};

/// The longest line, its end included. What is bounded by itself (parameters 32 KiB, a session's
/// common fields 24 KiB, headers 16 KiB, a body 4 KiB, a text 2 KiB) fits with room for short
/// fields and for headers of nothing but characters that JSON escapes, twice as long.
pub const MAX_EVENT_BYTES: usize = 128 * 1024;

/// An event in the form in which it is kept.
#[derive(Clone, Debug)]
pub struct Event {
    code: &'static Code,
    uid: Uuid,
    /// The object and the newline after it.
    line: Vec<u8>,
}

/// Makes events of one cluster.
#[derive(Clone, Debug)]
pub struct Stamper {
    cluster: Arc<str>,
    clock: Clock,
}

/// What is decided at the moment when something happens, though it may be told later.
#[derive(Clone, Copy, Debug)]
pub struct Stamp {
    uid: Uuid,
    time: OffsetDateTime,
    index: u64,
}

/// Counts the events of one session, for the field `ei`.
#[derive(Debug, Default)]
pub struct EventIndex(AtomicU64);

/// A moment as events write it: RFC 3339 in UTC with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

// === impl Event ===

impl Event {
    /// Which event it is.
    #[must_use]
    pub const fn code(&self) -> &'static Code {
        self.code
    }

    /// Its identifier, unique everywhere.
    #[must_use]
    pub const fn uid(&self) -> Uuid {
        self.uid
    }

    /// The object and the newline after it.
    #[must_use]
    pub fn line(&self) -> &[u8] {
        &self.line
    }
}

// === impl Stamper ===

impl Stamper {
    /// Makes events of the cluster with this name.
    #[must_use]
    pub fn new(cluster: &str, clock: Clock) -> Self {
        Self { cluster: cluster.into(), clock }
    }

    /// Marks now as the moment of an event, and its place among its session's.
    #[must_use]
    pub fn stamp(&self, index: u64) -> Stamp {
        let time = self.clock.now();
        let seconds = u64::try_from(time.unix_timestamp()).unwrap_or(0);
        let uid = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, time.nanosecond()));
        Stamp { uid, time, index }
    }

    /// The event that tells what happens now and belongs to no session.
    ///
    /// # Errors
    /// As for [`Stamper::event_at`].
    pub fn event(&self, record: &impl Record) -> io::Result<Event> {
        self.event_at(self.stamp(0), record)
    }

    /// The event that tells what happened at `stamp`.
    ///
    /// # Errors
    /// When the event would be longer than [`MAX_EVENT_BYTES`]. As an event that cannot be
    /// written, this refuses the operation.
    pub fn event_at(&self, stamp: Stamp, record: &impl Record) -> io::Result<Event> {
        let code = record.code();
        let shared = record.session().map(|session| session.fields());
        let capacity = 512_usize.saturating_add(shared.map_or(0, str::len));
        let mut line = Vec::with_capacity(capacity);
        let head = Head {
            event: code.event,
            code: code.code,
            uid: stamp.uid,
            time: Moment(stamp.time),
            ei: stamp.index,
            cluster_name: &self.cluster,
        };
        append_fields(&mut line, &head)?;
        append_fields(&mut line, record)?;
        if let Some(shared) = shared.filter(|fields| !fields.is_empty()) {
            line.push(b',');
            line.extend_from_slice(shared.as_bytes());
        }
        // The first field's separator becomes the object's beginning.
        if let Some(first) = line.first_mut() {
            *first = b'{';
        }
        line.extend_from_slice(b"}\n");
        if line.len() > MAX_EVENT_BYTES {
            let size = line.len();
            let message = format!(
                "the audit event {} has {size} bytes, at most {MAX_EVENT_BYTES} are allowed",
                code.event
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        if memchr::memchr(b'\n', &line) != line.len().checked_sub(1) {
            let message = format!("the audit event {} is more than one line", code.event);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Event { code, uid: stamp.uid, line })
    }
}

#[derive(Serialize)]
struct Head<'a> {
    event: &'static str,
    code: &'static str,
    uid: Uuid,
    time: Moment,
    ei: u64,
    cluster_name: &'a str,
}

/// Appends the fields of an object, each with a comma before it.
pub(crate) fn append_fields(line: &mut Vec<u8>, object: &impl Serialize) -> io::Result<()> {
    let start = line.len();
    serde_json::to_writer(&mut *line, object).map_err(io::Error::other)?;
    if line.get(start..) == Some(b"{}") {
        line.truncate(start);
        return Ok(());
    }
    line.pop();
    if let Some(first) = line.get_mut(start) {
        *first = b',';
    }
    Ok(())
}

// === impl EventIndex ===

impl EventIndex {
    /// The next event's place, from 0.
    pub fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}

// === impl Moment ===

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let t = self.0.to_offset(time::UtcOffset::UTC);
        serializer.collect_str(&format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.millisecond()
        ))
    }
}

#[cfg(test)]
mod tests;
