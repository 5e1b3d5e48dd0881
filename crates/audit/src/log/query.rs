//! Looking into the log, newest first.

use std::io;
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Log;
use super::ingest::Head;
use crate::journal::{Journal, lines};

/// The most events in one page.
pub const MAX_PAGE_EVENTS: usize = 1000;

/// The most bytes in one page, beyond which no further event is added.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What to look for. What is empty or `None` selects nothing away.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Events of any of these users.
    pub users: Vec<String>,
    /// Events about any of these apps.
    pub apps: Vec<String>,
    /// Events of any of these names; `mcp.session.*` stands for all that begin like that.
    pub events: Vec<String>,
    /// Not before this.
    pub from: Option<OffsetDateTime>,
    /// Before this.
    pub to: Option<OffsetDateTime>,
    /// Continue a former page: [`Page::next`].
    pub before: Option<u64>,
    /// At most so many; 0 and what is above [`MAX_PAGE_EVENTS`] mean that.
    pub limit: usize,
}

/// What was found, newest first, in the order in which the log received it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events.
    pub events: Vec<Entry>,
    /// Where the next page begins, if there may be more.
    pub next: Option<u64>,
}

/// An event in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the log.
    pub number: u64,
    /// The event, one JSON object.
    pub json: String,
}

impl Log {
    /// Finds events.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn query(&self, query: Query) -> io::Result<Page> {
        let permit = self.queries.acquire().await.map_err(io::Error::other)?;
        let journal = Arc::clone(&self.journal);
        let found = tokio::task::spawn_blocking(move || find(&journal, &query)).await;
        drop(permit);
        found.map_err(io::Error::other)?
    }
}

fn find(journal: &Journal, query: &Query) -> io::Result<Page> {
    let before = query.before.unwrap_or(u64::MAX);
    let limit = if query.limit == 0 { MAX_PAGE_EVENTS } else { query.limit.min(MAX_PAGE_EVENTS) };
    let filter = Filter::new(query);
    let mut page = Page::default();
    let mut bytes = 0_usize;
    let segments = journal.segments();
    for segment in segments.iter().rev().filter(|segment| segment.first < before) {
        let content = segment.read()?;
        let candidates: Vec<(u64, &[u8])> = lines(segment.first, &content)
            .filter(|(number, line)| *number < before && filter.may_match(line))
            .collect();
        for (number, line) in candidates.into_iter().rev().filter(|(_, l)| filter.matches(l)) {
            if page.events.len() == limit || bytes > MAX_PAGE_BYTES {
                page.next = page.events.last().map(|entry| entry.number);
                return Ok(page);
            }
            bytes = bytes.saturating_add(line.len());
            let json = String::from_utf8_lossy(line).into_owned();
            page.events.push(Entry { number, json });
        }
    }
    Ok(page)
}

/// A query made ready: a quick look that never misses, and an exact one.
struct Filter<'q> {
    query: &'q Query,
    /// For each condition that can be looked for like this: texts of which a matching line has at
    /// least one.
    needles: Vec<Vec<Vec<u8>>>,
}

// === impl Filter ===

impl<'q> Filter<'q> {
    fn new(query: &'q Query) -> Self {
        let conditions = [&query.users, &query.apps, &query.events].into_iter();
        let needles = conditions.filter(|values| !values.is_empty());
        let needles = needles.filter_map(|values| values.iter().map(|v| needle(v)).collect());
        Self { query, needles: needles.collect() }
    }

    fn may_match(&self, line: &[u8]) -> bool {
        let has = |needle: &[u8]| memchr::memmem::find(line, needle).is_some();
        // A service may write any character as an escape.
        self.needles.iter().all(|any| any.iter().any(|n| has(n))) || has(br"\u")
    }

    fn matches(&self, line: &[u8]) -> bool {
        let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else { return false };
        let Query { users, apps, events, from, to, before: _, limit: _ } = self.query;
        let one_of = |wanted: &[String], value: Option<&str>| {
            wanted.is_empty() || value.is_some_and(|value| wanted.iter().any(|w| w == value))
        };
        let event = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => head.event.starts_with(beginning),
            None => head.event == *wanted,
        };
        one_of(users, head.user.as_deref())
            && one_of(apps, head.app_name.as_deref())
            && (events.is_empty() || events.iter().any(event))
            && ((from.is_none() && to.is_none()) || within(&head.time, *from, *to))
    }
}

/// A text that a line with this value has. `None` when it could be written in several ways.
fn needle(value: &str) -> Option<Vec<u8>> {
    let plain = value.strip_suffix('*').unwrap_or(value);
    let escaped = |c: char| c.is_control() || c == '"' || c == '\\' || c == '/' || !c.is_ascii();
    (!plain.contains(escaped)).then(|| plain.as_bytes().to_vec())
}

fn within(time: &str, from: Option<OffsetDateTime>, to: Option<OffsetDateTime>) -> bool {
    OffsetDateTime::parse(time, &Rfc3339)
        .is_ok_and(|time| from.is_none_or(|from| time >= from) && to.is_none_or(|to| time < to))
}
