//! What the file remembers of the past, read once at the start.

use rusqlite::{Connection, Row};

use super::reader::{item, key};
use crate::Event;
use crate::feed::Entry;

/// The past of a store.
#[derive(Debug)]
pub(super) struct History {
    /// The name of this history.
    pub(super) epoch: String,
    /// The number of the newest change.
    pub(super) last: i64,
    /// The newest changes, without gaps up to `last`.
    pub(super) entries: Vec<Entry>,
}

/// Reads the past.
pub(super) fn load(connection: &Connection) -> rusqlite::Result<History> {
    let (epoch, last) = connection
        .query_row("SELECT epoch, number FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut newest = connection
        .prepare("SELECT key, value, expires, number FROM changes ORDER BY number DESC")?;
    let mut entries: Vec<Entry> = Vec::new();
    let mut expected: i64 = last;
    for entry in newest.query_map([], entry)? {
        let entry = entry?;
        if entry.number != expected {
            // Numbers without gaps are what a cursor means; what lies before a gap is of no use.
            break;
        }
        expected = expected.saturating_sub(1);
        entries.push(entry);
    }
    entries.reverse();
    Ok(History { epoch, last, entries })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let number = row.get("number")?;
    let deleted = row.get_ref("value")? == rusqlite::types::ValueRef::Null;
    let event = if deleted { Event::Delete(key(row)?) } else { Event::Put(item(row)?) };
    Ok(Entry { number, event })
}
