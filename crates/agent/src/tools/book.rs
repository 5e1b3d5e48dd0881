//! What was seen of one app's tools, and what of that is still to be told.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use api::wire::{SeenApp, SeenDefinition};
use mcp::Raw;
use mcp::definition::{self, Definition, Shown};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// So many different answers are remembered: lists have pages, and servers that know their users answer each
/// differently.
const ANSWERS: usize = 16;
/// So many tools are known, and so many definitions wait to be told.
const MOST: usize = 4_096;
/// So many definitions are told at a time.
const TOLD: usize = 1_024;

/// The tools of one app.
#[derive(Debug)]
pub(crate) struct Book {
    /// Keyed at random: no server can find two answers that are taken for the same.
    hasher: RandomState,
    /// Guards what was seen; held for a look or a change.
    seen: Mutex<Seen>,
    /// Wakes whoever tells what is new.
    news: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Seen {
    answers: VecDeque<u64>,
    last: HashMap<Box<str>, [u8; 32]>,
    untold: VecDeque<Untold>,
    /// The names of the whole list, when it was last seen.
    whole: Option<BTreeSet<Box<str>>>,
    is_whole_told: bool,
    /// Clients were shown something that there is no room for here, and that was not told yet.
    missed: bool,
}

/// A definition that is to be told.
#[derive(Debug)]
struct Untold {
    definition: Definition,
    /// What was seen before: a change is one whatever the cluster remembers.
    from: Option<[u8; 32]>,
}

// === impl Book ===

impl Book {
    pub(crate) fn new(news: Arc<Notify>) -> Self {
        Self { hasher: RandomState::new(), seen: Mutex::default(), news }
    }

    /// The result of an answer to `tools/list`, before anything is left out of it.
    pub(crate) fn saw(&self, result: Raw<'_>) {
        let hash = self.hasher.hash_one(result.as_bytes());
        if self.seen.lock().answers.contains(&hash) {
            return;
        }
        let shown = definition::tools(result, MOST);
        let mut seen = self.seen.lock();
        if seen.answers.len() == ANSWERS {
            seen.answers.pop_front();
        }
        seen.answers.push_back(hash);
        if seen.note_all(shown) {
            self.news.notify_one();
        }
    }

    /// Everything that the server offers, page by page.
    pub(crate) fn saw_all(&self, all: Shown) {
        let whole: BTreeSet<Box<str>> = all.tools.iter().map(|tool| tool.name.clone()).collect();
        let mut seen = self.seen.lock();
        if seen.last.len() >= MOST {
            // Those that are gone make room; they are told again if they come back.
            seen.last.retain(|name, _| whole.contains(name));
        }
        let mut news = seen.note_all(all);
        if seen.whole.as_ref() != Some(&whole) {
            seen.whole = Some(whole);
            seen.is_whole_told = false;
            news = true;
        }
        if news {
            self.news.notify_one();
        }
    }

    /// What is seen from here on is told even if it was told before; what is to be told still is.
    pub(crate) fn begin_anew(&self) {
        let mut seen = self.seen.lock();
        seen.answers.clear();
        seen.last.clear();
        if std::mem::take(&mut seen.is_whole_told) {
            seen.whole = None;
        }
    }

    /// What is to be told of the app, if anything.
    pub(crate) fn news(&self, app: &str) -> Option<SeenApp> {
        let seen = self.seen.lock();
        let whole = seen.whole.as_ref().filter(|_| !seen.is_whole_told);
        if seen.untold.is_empty() && whole.is_none() && !seen.missed {
            return None;
        }
        Some(SeenApp {
            app: app.to_owned(),
            tools: seen.untold.iter().take(TOLD).map(Untold::tell).collect(),
            whole: whole.map(|names| names.iter().map(ToString::to_string).collect()),
            missed: seen.missed,
        })
    }

    /// That was told.
    pub(crate) fn told(&self, app: &SeenApp) {
        let mut seen = self.seen.lock();
        let count = app.tools.len().min(seen.untold.len());
        seen.untold.drain(..count);
        seen.missed &= !app.missed;
        if let Some(told) = &app.whole {
            let is_same = |whole: &BTreeSet<Box<str>>| {
                whole.len() == told.len() && told.iter().all(|name| whole.contains(name.as_str()))
            };
            seen.is_whole_told = seen.whole.as_ref().is_some_and(is_same);
        }
    }
}

// === impl Seen ===

impl Seen {
    /// Notes each of them; says whether any is news.
    fn note_all(&mut self, shown: Shown) -> bool {
        let mut news = false;
        if shown.more {
            self.missed = true;
            news = true;
        }
        for tool in shown.tools {
            news |= self.note(tool);
        }
        news
    }

    fn note(&mut self, tool: Definition) -> bool {
        let known = self.last.get(&tool.name);
        if known == Some(&tool.digest) {
            return false;
        }
        let is_full = self.untold.len() >= MOST;
        if is_full || (known.is_none() && self.last.len() >= MOST) {
            self.missed = true;
            if is_full {
                // It is looked at again when it comes again.
                self.answers.clear();
            }
            return true;
        }
        let from = self.last.insert(tool.name.clone(), tool.digest);
        self.untold.push_back(Untold { definition: tool, from });
        true
    }
}

// === impl Untold ===

impl Untold {
    fn tell(&self) -> SeenDefinition {
        SeenDefinition {
            name: self.definition.name.to_string(),
            digest: hex(&self.definition.digest),
            from: self.from.as_ref().map(|digest| hex(digest)),
        }
    }
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
