//! What is kept of an app's tools, and how news changes it.
//!
//! Servers are believed nothing: one that wants a change of a tool to go unseen must neither be able to have
//! the tool forgotten before in silence, nor to hide the change among others.

use std::collections::{BTreeMap, BTreeSet};

use api::wire::{SeenApp, SeenDefinition};
use resource::app::{SeenTool, ToolChange};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

/// So many tools of one app are kept; those that are gone give way.
pub(super) const MOST_TOOLS: usize = 1_000;
/// So many definitions of one tool are remembered: what comes back was seen before.
pub(super) const DEFINITIONS: usize = 6;
/// The longest name, as it is written in JSON.
pub(super) const NAME_BYTES: usize = 256;
/// A definition that is another one all the time is told of so often, and so is that something does not fit.
pub(super) const OFTEN: Duration = Duration::hours(1);

/// The tools of an app by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    tools: BTreeMap<String, Tool>,
    /// When it was last told that clients were shown more than is kept, or that a tool was forgotten.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    missed: Option<OffsetDateTime>,
}

/// What is to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    /// Definitions that were not seen before.
    pub(super) changed: Vec<Changed>,
    /// That changes of other tools may not have been seen.
    pub(super) missed: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Tool {
    /// Of the definition that was seen last.
    digest: String,
    /// Of the others that were seen, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    others: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    first_seen: OffsetDateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<Change>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    gone: Option<OffsetDateTime>,
}

/// The last change to a definition that was not seen before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Change {
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    from: String,
    /// How many there were,
    times: u32,
    /// when one was last told,
    #[serde(with = "time::serde::rfc3339")]
    told: OffsetDateTime,
    /// and how many were not since.
    untold: u32,
}

/// A definition that is none that was seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) to: String,
    /// How many changes of the same tool before this one were not told.
    pub(super) untold: u32,
}

// === impl Kept ===

impl Kept {
    /// Takes note of what was seen; gives what is to be told.
    pub(super) fn merge(&mut self, seen: &SeenApp, now: OffsetDateTime) -> News {
        // What is kept has a bound in bytes.
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let mut news = News { missed: seen.missed, ..News::default() };
        for definition in &seen.tools {
            if !has_form(definition) {
                news.missed = true;
            } else if let Some(tool) = self.tools.get_mut(&definition.name) {
                news.changed.extend(tool.note(definition, now));
            } else {
                news.missed |= self.is_full();
                self.forget_one();
                let tool = self.add(definition, now);
                // Whatever is not remembered of it here: the agent saw it change.
                news.changed.extend(tool.and_then(|tool| tool.note(definition, now)));
            }
        }
        if let Some(whole) = &seen.whole {
            let whole: BTreeSet<&String> = whole.iter().collect();
            for (name, tool) in &mut self.tools {
                if whole.contains(name) {
                    tool.gone = None;
                } else {
                    tool.gone.get_or_insert(now);
                }
            }
        }
        news.missed &= self.missed.is_none_or(|told| now >= told + OFTEN);
        if news.missed {
            self.missed = Some(now);
        }
        news
    }

    fn is_full(&self) -> bool {
        self.tools.len() >= MOST_TOOLS
    }

    /// Makes room, if there is none and a tool is gone. If that one comes back, nobody knows whether it is as
    /// it was: that there was no room is told.
    fn forget_one(&mut self) {
        if self.is_full() {
            let gone = self.tools.iter().filter_map(|(name, tool)| Some((tool.gone?, name)));
            if let Some(name) = gone.min().map(|(_, name)| name.clone()) {
                self.tools.remove(&name);
            }
        }
    }

    fn add(&mut self, seen: &SeenDefinition, now: OffsetDateTime) -> Option<&mut Tool> {
        if self.is_full() {
            return None;
        }
        let tool = Tool {
            digest: seen.from.as_ref().unwrap_or(&seen.digest).clone(),
            others: Vec::new(),
            first_seen: now,
            changed: None,
            gone: None,
        };
        Some(self.tools.entry(seen.name.clone()).or_insert(tool))
    }

    /// As an app's status shows it.
    pub(super) fn show(&self) -> Vec<SeenTool> {
        let show = |(name, tool): (&String, &Tool)| SeenTool {
            name: name.clone(),
            digest: tool.digest.clone(),
            first_seen: Some(tool.first_seen),
            changed: tool.changed.as_ref().map(|change| ToolChange {
                time: Some(change.at),
                from: change.from.clone(),
                times: change.times.into(),
            }),
            gone: tool.gone,
        };
        self.tools.iter().map(show).collect()
    }

    /// The names of all of them, also of those that a health check does not find any more: it asks as nobody, and
    /// a server may show its users more.
    pub(super) fn known(&self) -> Vec<String> {
        self.tools.keys().cloned().collect()
    }

    /// What an administrator should look at.
    pub(super) fn notice(&self) -> Option<String> {
        let changed =
            self.tools.iter().filter_map(|(name, tool)| Some((name, tool.changed.as_ref()?)));
        let changed: Vec<_> = changed.collect();
        let mut notices = Vec::new();
        if let Some((last, _)) = changed.iter().max_by_key(|(_, change)| change.at) {
            notices.push(match changed.len() {
                1 => format!("the definition of the tool {last:?} changed after it was first seen"),
                many => format!(
                    "the definitions of {many} tools changed after they were first seen, that of {last:?} last"
                ),
            });
        }
        if let Some((name, _)) = changed.iter().find(|(_, change)| change.untold > 0) {
            notices.push(format!(
                "that of {name:?} is another one all the time, so not each change is in the audit log"
            ));
        }
        if self.missed.is_some() {
            notices.push(
                "clients were shown more tools than are kept, or longer names: other changes may have gone \
                 unseen"
                    .to_owned(),
            );
        }
        (!notices.is_empty()).then(|| notices.join("; "))
    }
}

// === impl Tool ===

impl Tool {
    fn note(&mut self, seen: &SeenDefinition, now: OffsetDateTime) -> Option<Changed> {
        self.gone = None;
        if self.digest == seen.digest {
            return None;
        }
        let known = self.others.iter().position(|other| *other == seen.digest);
        if let Some(place) = known {
            self.others.remove(place);
        }
        let from = std::mem::replace(&mut self.digest, seen.digest.clone());
        self.others.push(from.clone());
        let is_full = self.others.len() >= DEFINITIONS;
        if is_full {
            self.others.remove(0);
        }
        if known.is_some() {
            return None;
        }
        let before = self.changed.take();
        let lately = before.as_ref().filter(|_| is_full).filter(|before| now < before.told + OFTEN);
        let untold = before.as_ref().map_or(0, |before| before.untold);
        let change = Change {
            at: now,
            from: from.clone(),
            times: before.as_ref().map_or(0, |before| before.times).saturating_add(1),
            told: lately.map_or(now, |before| before.told),
            untold: lately.map_or(0, |_| untold.saturating_add(1)),
        };
        let is_told = lately.is_none();
        self.changed = Some(change);
        let (name, to) = (seen.name.clone(), seen.digest.clone());
        is_told.then_some(Changed { name, from, to, untold })
    }
}

/// Whether a definition is as agents tell them.
fn has_form(seen: &SeenDefinition) -> bool {
    let name = serde_json::to_string(&seen.name).map_or(usize::MAX, |name| name.len() - 2);
    let is_digest = |digest: &String| {
        digest.len() == 64 && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    name <= NAME_BYTES && is_digest(&seen.digest) && seen.from.as_ref().is_none_or(is_digest)
}

#[cfg(test)]
mod tests;
