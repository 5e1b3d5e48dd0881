//! Lists of tools, prompts, resources and resource templates, filtered on their bytes.
//!
//! What remains is as it was sent, entry for entry and byte for byte, with everything around it. An empty
//! list is `[]`, never `null`.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use crate::Era;
use crate::answer::{Edit, Filtered};
use crate::json::Scanner;
use crate::keys::confusable;
use crate::limits::Limits;
use crate::message::{Body, Message};
use crate::method::Asked;
use crate::refused::{Reason, Refused};
use crate::subject::{self, Sort};

/// The most entries in one list. An entry costs 40 bytes beside its text, so a list costs 4 MB at most.
pub const ENTRIES: usize = 100_000;

/// Which list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListKind {
    /// `tools`, told apart by `name`.
    Tools,
    /// `prompts`, told apart by `name`.
    Prompts,
    /// `resources`, told apart by `uri`.
    Resources,
    /// `resourceTemplates`, told apart by `uriTemplate`.
    ResourceTemplates,
    /// `tasks`, told apart by `taskId`; a list only where one was asked for.
    Tasks,
}

/// A list found in a result.
#[derive(Debug, Clone)]
pub(crate) struct Listed<'a> {
    pub(crate) kind: ListKind,
    place: Range<usize>,
    content: Content<'a>,
}

#[derive(Debug, Clone)]
enum Content<'a> {
    Entries(Vec<Entry<'a>>),
    TooMany,
    Null,
    Other,
}

/// An entry, with the white space around it up to the brackets or commas.
#[derive(Debug, Clone)]
struct Entry<'a> {
    place: Range<usize>,
    /// What it is; nothing when readers could disagree about that, or when it could not be used anyway.
    subject: Option<Cow<'a, str>>,
}

/// Reads an answer to a list request and keeps the entries for which `keep` says so.
pub fn filter<'a>(
    kind: ListKind,
    era: Era,
    bytes: &'a [u8],
    keep: &mut dyn FnMut(&str) -> bool,
) -> Result<Filtered<'a>, Refused> {
    match Message::parse(bytes, &Limits::SERVER)?.body {
        Body::Response(response) => {
            let asked = Asked::List(kind);
            response.release(asked, era, &mut |found, subject| found == kind && keep(subject))
        }
        Body::Request(_) | Body::Notification(_) => Err(Reason::Shape.into()),
    }
}

// === impl ListKind ===

impl ListKind {
    /// The member of the result that holds the list.
    pub const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resourceTemplates",
            Self::Tasks => "tasks",
        }
    }

    /// The list that a member of a result holds.
    pub fn of_member(name: &str) -> Option<Self> {
        Some(match name {
            "tools" => Self::Tools,
            "prompts" => Self::Prompts,
            "resources" => Self::Resources,
            "resourceTemplates" => Self::ResourceTemplates,
            "tasks" => Self::Tasks,
            _ => return None,
        })
    }

    /// The member of an entry that says what it is.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts => "name",
            Self::Resources => "uri",
            Self::ResourceTemplates => "uriTemplate",
            Self::Tasks => "taskId",
        }
    }

    const fn sort(self) -> Sort {
        match self {
            Self::Tools | Self::Prompts | Self::Tasks => Sort::Name,
            Self::Resources | Self::ResourceTemplates => Sort::Uri,
        }
    }
}

impl fmt::Display for ListKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::ResourceTemplates => "resource templates",
            Self::Tasks => "tasks",
        })
    }
}

// === impl Listed ===

impl<'a> Listed<'a> {
    /// Reads the value at the scanner.
    pub(crate) fn scan(scanner: &mut Scanner<'a>, kind: ListKind) -> Result<Self, Reason> {
        let start = scanner.position();
        let content = match scanner.peek() {
            Some(b'[') => entries(scanner, kind)?,
            Some(b'n') => {
                scanner.skip()?;
                Content::Null
            }
            _ => {
                scanner.skip()?;
                Content::Other
            }
        };
        Ok(Self { kind, place: start..scanner.position(), content })
    }

    /// Whether it is taken for what its member is called. A list of something else that is called `tasks` is
    /// not ours; the names of tasks open nothing by themselves.
    pub(crate) fn may_be_meant(&self, asked: Asked) -> bool {
        self.kind != ListKind::Tasks || asked == Asked::List(ListKind::Tasks)
    }

    /// Whether it is a list; some servers write an empty one as `null`.
    pub(crate) const fn is_list(&self) -> bool {
        !matches!(self.content, Content::Other)
    }

    /// Says what to cut from the message so that only what `keep` keeps is left.
    pub(crate) fn filter(
        &self,
        keep: &mut dyn FnMut(ListKind, &str) -> bool,
        count: &mut Filtered<'_>,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Reason> {
        let entries = match &self.content {
            Content::Entries(entries) => entries,
            Content::TooMany => return Err(Reason::LongList { limit: ENTRIES }),
            Content::Null => {
                edits.push(Edit { place: self.place.clone(), with: "[]".into() });
                return Ok(());
            }
            Content::Other => return Ok(()),
        };
        let (first_edit, kept_before) = (edits.len(), count.kept);
        for entry in entries {
            match &entry.subject {
                Some(subject) if keep(self.kind, subject) => {
                    count.kept += 1;
                    continue;
                }
                Some(_) => count.removed += 1,
                None => count.unreadable += 1,
            }
            // An entry goes with the comma before it; those before the first that stays, with the one after.
            let Range { start, end } = entry.place;
            let place = if count.kept > kept_before { start - 1..end } else { start..end + 1 };
            match edits.get_mut(first_edit..).and_then(<[Edit]>::last_mut) {
                Some(last) if last.place.end == place.start => last.place.end = place.end,
                _ => edits.push(Edit { place, with: "".into() }),
            }
        }
        if count.kept == kept_before && !entries.is_empty() {
            edits.truncate(first_edit);
            edits.push(Edit { place: self.place.clone(), with: "[]".into() });
        }
        Ok(())
    }
}

fn entries<'a>(scanner: &mut Scanner<'a>, kind: ListKind) -> Result<Content<'a>, Reason> {
    let mut entries = Vec::new();
    let mut too_many = false;
    scanner.array(|scanner| {
        let start = scanner.position();
        scanner.space();
        let subject = entry_subject(scanner, kind)?;
        scanner.space();
        if entries.len() < ENTRIES {
            entries.push(Entry { place: start..scanner.position(), subject });
        } else {
            too_many = true;
        }
        Ok(())
    })?;
    Ok(if too_many { Content::TooMany } else { Content::Entries(entries) })
}

/// What the entry at the scanner is.
fn entry_subject<'a>(
    scanner: &mut Scanner<'a>,
    kind: ListKind,
) -> Result<Option<Cow<'a, str>>, Reason> {
    if scanner.peek() != Some(b'{') {
        scanner.skip()?;
        return Ok(None);
    }
    let known = [kind.key()];
    let (mut found, mut unclear) = (None, false);
    scanner.object(|scanner, key| {
        if key.plain() == Some(kind.key()) {
            unclear |= found.replace(scanner.value()?).is_some();
        } else {
            unclear |= confusable(key, &known).is_some();
            scanner.skip()?;
        }
        Ok(())
    })?;
    if unclear {
        return Ok(None);
    }
    Ok(subject::read(found, kind.key(), kind.sort()).ok())
}

#[cfg(test)]
mod tests;
