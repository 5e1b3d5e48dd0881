//! Results: passed as they are, but for lists and for what says who may keep them.

use std::borrow::Cow;
use std::ops::Range;

use crate::Era;
use crate::id::plain_integer;
use crate::json::{self, Kind, Raw, Scanner, Text};
use crate::keys::confusable;
use crate::list::{ListKind, Listed};
use crate::method::Asked;
use crate::refused::Reason;
use crate::subject::{self, Sort};

/// The longest that a client may keep an answer that depends on roles, in milliseconds: a change of roles
/// acts within a second.
pub const TTL_MS: i64 = 1_000;

/// The members of a result that are read. In an answer that depends on who asked, none of them may be
/// repeated, and no key may be confusable with one of them.
pub const KEYS: [&str; 11] = [
    "tools",
    "prompts",
    "resources",
    "resourceTemplates",
    "tasks",
    "task",
    "taskId",
    "nextCursor",
    "cacheScope",
    "ttlMs",
    "resultType",
];

/// The `result` of a response.
#[derive(Debug, Clone)]
pub struct Answer<'a> {
    raw: Raw<'a>,
    /// Where the members start, and whether there are any; nothing when the result is no object.
    inside: Option<Inside>,
    lists: Vec<Listed<'a>>,
    cache_scope: Option<Range<usize>>,
    ttl_ms: Option<Range<usize>>,
    next_cursor: Option<Raw<'a>>,
    result_type: Option<Raw<'a>>,
    task: Option<Raw<'a>>,
    task_id: Option<Raw<'a>>,
    /// Whether a key that is read was repeated or had a confusable neighbour.
    unclear: bool,
}

#[derive(Debug, Clone, Copy)]
struct Inside {
    start: usize,
    empty: bool,
}

/// An answer that may be passed on.
#[derive(Debug)]
pub struct Filtered<'a> {
    bytes: Cow<'a, [u8]>,
    /// How many entries of lists are left.
    pub kept: usize,
    /// How many the identity may not use.
    pub removed: usize,
    /// How many were removed because it cannot be told what they are.
    pub unreadable: usize,
}

/// A place in the message, and what to write there instead.
#[derive(Debug)]
pub(crate) struct Edit {
    pub(crate) place: Range<usize>,
    pub(crate) with: Cow<'static, str>,
}

// === impl Answer ===

impl<'a> Answer<'a> {
    /// Reads the value at the scanner.
    pub(crate) fn scan(scanner: &mut Scanner<'a>) -> Result<Self, Reason> {
        let start = scanner.position();
        let mut answer = Self {
            raw: Raw::checked(""),
            inside: None,
            lists: Vec::new(),
            cache_scope: None,
            ttl_ms: None,
            next_cursor: None,
            result_type: None,
            task: None,
            task_id: None,
            unclear: false,
        };
        if scanner.peek() == Some(b'{') {
            let mut empty = true;
            scanner.object(|scanner, key| {
                empty = false;
                answer.member(scanner, key)
            })?;
            answer.inside = Some(Inside { start: start + 1, empty });
        } else {
            scanner.skip()?;
        }
        answer.raw = Raw::checked(scanner.since(start)?);
        Ok(answer)
    }

    fn member(&mut self, scanner: &mut Scanner<'a>, key: Text<'a>) -> Result<(), Reason> {
        let start = scanner.position();
        let plain = key.plain();
        if let Some(kind) = plain.and_then(ListKind::of_member) {
            self.unclear |= self.lists.iter().any(|listed| listed.kind == kind);
            self.lists.push(Listed::scan(scanner, kind)?);
            return Ok(());
        }
        let value = scanner.value()?;
        let place = start..scanner.position();
        let repeated = match plain {
            Some("cacheScope") => self.cache_scope.replace(place).is_some(),
            Some("ttlMs") => self.ttl_ms.replace(place).is_some(),
            Some("nextCursor") => self.next_cursor.replace(value).is_some(),
            Some("resultType") => self.result_type.replace(value).is_some(),
            Some("task") => self.task.replace(value).is_some(),
            Some("taskId") => self.task_id.replace(value).is_some(),
            _ => confusable(key, &KEYS).is_some(),
        };
        self.unclear |= repeated;
        Ok(())
    }

    /// The whole result, as it was sent. To read, not to pass on: see [`crate::Response::release`].
    pub const fn raw(&self) -> Raw<'a> {
        self.raw
    }

    /// `resultType`, in the modern era.
    pub const fn result_type(&self) -> Option<Raw<'a>> {
        self.result_type
    }

    /// Where a list goes on.
    pub const fn next_cursor(&self) -> Option<Raw<'a>> {
        self.next_cursor
    }

    /// The task that was made of a request, instead of carrying it out at once: in the legacy era `task`, in
    /// the modern one the result itself, which then says that it is one.
    pub fn created_task(&self) -> Option<Cow<'a, str>> {
        let id = if self.result_type.and_then(Raw::string).as_deref() == Some("task") {
            self.task_id
        } else {
            let task = self.task.filter(|task| task.kind() == Kind::Object)?;
            json::members(task, &["taskId"]).ok()?[0]
        };
        subject::read(id, "taskId", Sort::Name).ok()
    }

    pub(crate) fn release(
        &self,
        text: &'a str,
        asked: Asked,
        era: Era,
        keep: &mut dyn FnMut(ListKind, &str) -> bool,
    ) -> Result<Filtered<'a>, Reason> {
        let personal = matches!(asked, Asked::List(_) | Asked::Read | Asked::Discover);
        if personal && self.unclear {
            return Err(Reason::UnclearAnswer);
        }
        if let Asked::List(kind) = asked
            && !self.lists.iter().any(|listed| listed.kind == kind && listed.is_list())
        {
            return Err(Reason::NoList { kind });
        }
        let mut filtered = Filtered::unchanged(text);
        let mut edits = Vec::new();
        let lists = || self.lists.iter().filter(|listed| listed.may_be_meant(asked));
        for listed in lists() {
            listed.filter(keep, &mut filtered, &mut edits)?;
        }
        if personal || lists().next().is_some() {
            self.restrict_caching(text, personal && era == Era::Modern, &mut edits);
        }
        if !edits.is_empty() {
            edits.sort_by_key(|edit| edit.place.start);
            filtered.bytes = Cow::Owned(apply(text, &edits)?);
        }
        Ok(filtered)
    }

    /// Says that the answer is for one identity and not for long. `required` when silence would mean that
    /// anybody may have it.
    fn restrict_caching(&self, text: &str, required: bool, edits: &mut Vec<Edit>) {
        match (&self.cache_scope, self.inside) {
            (Some(place), _) if text.get(place.clone()) != Some("\"private\"") => {
                edits.push(Edit { place: place.clone(), with: "\"private\"".into() });
            }
            (None, Some(inside)) if required && self.is_complete() => {
                let member = "\"cacheScope\":\"private\"";
                let with = if inside.empty { member.into() } else { format!("{member},").into() };
                edits.push(Edit { place: inside.start..inside.start, with });
            }
            _ => {}
        }
        if let Some(place) = &self.ttl_ms {
            let sent = text.get(place.clone()).and_then(plain_integer);
            let bound = sent.unwrap_or(0).clamp(0, TTL_MS);
            if sent != Some(bound) {
                edits.push(Edit { place: place.clone(), with: bound.to_string().into() });
            }
        }
    }

    /// Whether the result is final; one that asks for input is never kept by anybody.
    fn is_complete(&self) -> bool {
        self.result_type.is_none_or(|sort| sort.string().as_deref() == Some("complete"))
    }
}

// === impl Filtered ===

impl<'a> Filtered<'a> {
    pub(crate) const fn unchanged(text: &'a str) -> Self {
        Self { bytes: Cow::Borrowed(text.as_bytes()), kept: 0, removed: 0, unreadable: 0 }
    }

    /// The message to pass on.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The message to pass on.
    pub fn into_bytes(self) -> Cow<'a, [u8]> {
        self.bytes
    }

    /// Whether the message is passed on just as it came.
    pub const fn is_unchanged(&self) -> bool {
        matches!(self.bytes, Cow::Borrowed(_))
    }
}

/// Writes the text with the edits, which are in order and do not overlap.
fn apply(text: &str, edits: &[Edit]) -> Result<Vec<u8>, Reason> {
    let mut out = Vec::with_capacity(text.len() + 32);
    let mut from = 0;
    for edit in edits {
        let untouched = text.get(from..edit.place.start).ok_or(Reason::UnclearAnswer)?;
        out.extend_from_slice(untouched.as_bytes());
        out.extend_from_slice(edit.with.as_bytes());
        from = edit.place.end;
    }
    out.extend_from_slice(text.get(from..).ok_or(Reason::UnclearAnswer)?.as_bytes());
    Ok(out)
}

#[cfg(test)]
mod tests;
