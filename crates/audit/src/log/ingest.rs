//! Taking in what the spools ship: each line once.

use std::borrow::Cow;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use serde::Deserialize;

use super::Log;
use super::sources::Sources;
use crate::MAX_EVENT_BYTES;
use crate::journal::lines;
use crate::spool::MAX_BATCH_BYTES;

/// The longest name of a host or a source.
const MAX_NAME_BYTES: usize = 128;

/// Lines of a spool, from a service whose identity was verified.
#[derive(Clone, Copy, Debug)]
pub struct Shipment<'a> {
    /// The service's host identifier, from its identity and not from what it says.
    pub host: &'a str,
    /// The run of its spool.
    pub source: &'a str,
    /// The number of the first line.
    pub first: u64,
    /// The lines, each ended by a newline.
    pub lines: &'a [u8],
}

/// What became of a shipment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ingested {
    /// Lines that are new.
    pub appended: u64,
    /// Lines that were here.
    pub duplicates: u64,
    /// Lines that are no events and were left out.
    pub damaged: u64,
}

/// What every event has. Numbers of a spool are ours to add.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub(super) event: Cow<'a, str>,
    #[serde(borrow, rename = "code")]
    _code: Cow<'a, str>,
    #[serde(borrow, rename = "uid")]
    _uid: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) time: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) user: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) app_name: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub(super) spool: Option<Cow<'a, str>>,
    #[serde(default)]
    pub(super) spool_seq: Option<u64>,
}

impl Log {
    /// Takes the lines that are not here yet, and returns when they are on disk.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when it is no shipment; otherwise when the lines cannot be
    /// written, and then none of them is here.
    pub async fn ingest(&self, shipment: Shipment<'_>) -> io::Result<Ingested> {
        check(&shipment)?;
        let source = format!("{}/{}", shipment.host, shipment.source);
        let (ingested, number, note) = self.append_new(&source, &shipment)?;
        // Also when nothing is new: an earlier attempt may have been cut off before this point,
        // and the spool deletes what we acknowledge.
        self.journal.settle(number).await?;
        if let Some(note) = note {
            self.save_note(note).await;
        }
        Ok(ingested)
    }

    /// Appends what is new. Gives the number of a line with which all of it is on disk, and
    /// perhaps a note to save then.
    pub(super) fn append_new(
        &self,
        source: &str,
        shipment: &Shipment<'_>,
    ) -> io::Result<(Ingested, u64, Option<Sources>)> {
        let mut sources = self.sources.lock();
        let known = sources.known(source);
        if let Some(known) = known
            && shipment.first > known.saturating_add(1)
        {
            let missing = shipment.first.saturating_sub(known).saturating_sub(1);
            tracing::warn!(source, missing, "audit records of a spool are missing");
        }
        let mut ingested = Ingested::default();
        let mut new = Vec::with_capacity(shipment.lines.len());
        let mut upto = known.unwrap_or(0);
        let mut seen = None;
        for (number, line) in lines(shipment.first, shipment.lines) {
            if known.is_some_and(|known| number <= known) {
                ingested.duplicates = ingested.duplicates.saturating_add(1);
                continue;
            }
            upto = number;
            match numbered(line, source, number, &mut new) {
                Some(time) => {
                    seen = Some(time.into_owned());
                    ingested.appended = ingested.appended.saturating_add(1);
                }
                None => {
                    tracing::error!(source, number, "a shipped audit record is damaged; left out");
                    ingested.damaged = ingested.damaged.saturating_add(1);
                }
            }
        }
        let number = if ingested.appended > 0 {
            self.journal.append(&new, ingested.appended)?
        } else {
            self.journal.last()
        };
        sources.advance(source, upto, seen);
        let note = sources.note_if_due(number);
        Ok((ingested, number, note))
    }

    async fn save_note(&self, note: Sources) {
        let journal = Arc::clone(&self.journal);
        let saved = tokio::task::spawn_blocking(move || note.save(&journal)).await;
        if let Err(error) = saved.map_err(io::Error::other).flatten() {
            tracing::warn!(%error, "how far each audit spool is here could not be noted");
        }
    }
}

fn check(shipment: &Shipment<'_>) -> io::Result<()> {
    let refuse = |why: &str| Err(io::Error::new(ErrorKind::InvalidInput, why.to_owned()));
    for name in [shipment.host, shipment.source] {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if name.is_empty() || name.len() > MAX_NAME_BYTES || !plain {
            return refuse("the shipment of audit records has no valid source");
        }
    }
    if shipment.first == 0 {
        return refuse("the shipment of audit records has no number");
    }
    if shipment.lines.len() > MAX_BATCH_BYTES {
        return refuse("the shipment of audit records is too large");
    }
    if shipment.lines.last() != Some(&b'\n') {
        return refuse("the shipment of audit records does not end with a whole line");
    }
    Ok(())
}

/// Appends the line with its number and gives the event's time; nothing when it is no event.
fn numbered<'l>(
    line: &'l [u8],
    source: &str,
    number: u64,
    into: &mut Vec<u8>,
) -> Option<Cow<'l, str>> {
    if line.len() > MAX_EVENT_BYTES {
        return None;
    }
    let head: Head<'l> = serde_json::from_str(str::from_utf8(line).ok()?).ok()?;
    // A line that came with such fields would say twice where it is from.
    if head.spool.is_some() || head.spool_seq.is_some() {
        return None;
    }
    let object = line.trim_ascii_end().strip_suffix(b"}")?;
    into.extend_from_slice(object);
    // The source's characters were checked: they mean themselves in JSON.
    into.extend_from_slice(format!(r#","spool":"{source}","spool_seq":{number}}}"#).as_bytes());
    into.push(b'\n');
    Some(head.time)
}
