//! What an edit of roles changes, for every user and app.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use policy::{AccessState, AppAccess, AppRef, Kind, MfaDemand, Options, Patterns, RoleSet};
use resource::Role;
use resource::app::KnownLabels;

use crate::tctl::policy::RESOURCE_KINDS;
use crate::tctl::policy::case::{Holder, Roles};
use crate::tctl::policy::seen::Seen;

/// The verbs that rules know.
const VERBS: [&str; 6] = ["list", "create", "read", "readnosecrets", "update", "delete"];

/// Roles as they are, and as they are to be.
#[derive(Debug)]
pub(super) struct Edited<'a> {
    /// The roles that are edited.
    pub(super) names: &'a BTreeSet<String>,
    pub(super) before: &'a Roles,
    pub(super) after: &'a Roles,
}

/// Names to decide about, beside those that roles spell out.
#[derive(Debug)]
pub(super) struct Names<'a> {
    /// Tools of every app.
    pub(super) asked: &'a [String],
    pub(super) seen: &'a Seen,
}

/// Everything that changes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// How many users hold one of the roles.
    pub(super) holders: usize,
    /// What changes, with the users that it changes for.
    pub(super) changes: BTreeMap<Change, Vec<String>>,
}

/// One thing that somebody gains or loses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Change {
    pub(super) direction: Direction,
    /// `None` where it is about the cluster.
    pub(super) app: Option<String>,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Gains,
    Loses,
    /// Sessions are limited otherwise.
    Limits,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Connect,
    /// One thing by its name.
    Named {
        field: &'static str,
        noun: &'static str,
        name: String,
    },
    /// What fits a pattern, save what fits the others.
    Pattern {
        field: &'static str,
        pattern: String,
        except: Vec<String>,
    },
    Verb {
        kind: String,
        verb: &'static str,
    },
    Limit(String),
}

/// One user and app, before and after.
struct Pair<'a> {
    app: &'a str,
    before: AppAccess,
    after: AppAccess,
}

/// Compares for every user and app.
pub(super) fn compare(
    edited: &Edited<'_>,
    users: &BTreeMap<String, Holder>,
    apps: &BTreeMap<String, KnownLabels>,
    more: &Names<'_>,
) -> Difference {
    let mut difference = Difference::default();
    for (user, holder) in users {
        // Nobody else is concerned.
        if !holder.roles.iter().any(|role| edited.names.contains(role)) {
            continue;
        }
        difference.holders += 1;
        let before = holder.role_set(user, edited.before);
        let after = holder.role_set(user, edited.after);
        let mut changes = rights(edited, &before, &after);
        changes.extend(limits(before.options(), after.options()));
        let names = Kind::ALL.map(|kind| names(edited, holder, kind, more.asked));
        // What a role demands of sessions is told by itself.
        let state = AccessState { mfa_verified: true, ..AccessState::default() };
        for (app, labels) in apps {
            let access = |set: &RoleSet| set.access_with(AppRef::known(app, labels), state);
            let pair = Pair { app, before: access(&before), after: access(&after) };
            changes.extend(pair.connect());
            for (kind, names) in Kind::ALL.into_iter().zip(&names) {
                let seen = more.seen.of(app, kind).filter(|name| !names.contains(*name));
                changes.extend(pair.named(kind, names.iter().chain(seen)));
                changes.extend(pair.patterns(kind));
            }
        }
        for change in changes {
            difference.changes.entry(change).or_default().push(user.clone());
        }
    }
    difference
}

// === impl Pair ===

impl Pair<'_> {
    fn change(&self, direction: Direction, what: What) -> Change {
        Change { direction, app: Some(self.app.to_owned()), what }
    }

    fn connect(&self) -> Option<Change> {
        let direction =
            direction(self.before.connect().is_allowed(), self.after.connect().is_allowed())?;
        Some(self.change(direction, What::Connect))
    }

    fn named<'n>(&self, kind: Kind, names: impl Iterator<Item = &'n String>) -> Vec<Change> {
        let found = names.filter_map(|name| {
            let direction =
                direction(self.before.visible(kind, name), self.after.visible(kind, name))?;
            let (field, noun, name) = (kind.field(), kind.noun(), name.clone());
            Some(self.change(direction, What::Named { field, noun, name }))
        });
        found.collect()
    }

    fn patterns(&self, kind: Kind) -> Vec<Change> {
        let (before, after) = (self.reached(&self.before, kind), self.reached(&self.after, kind));
        let mut changes = Vec::new();
        for (direction, from, to) in
            [(Direction::Gains, &before, &after), (Direction::Loses, &after, &before)]
        {
            for pattern in new_in(&from.allowed, &to.allowed) {
                changes.push(self.pattern(direction, kind, pattern, &to.denied));
            }
            // What is denied less is gained, as far as anything allows it.
            if !to.allowed.is_empty() && !from.allowed.is_empty() {
                for pattern in new_in(&to.denied, &from.denied) {
                    changes.push(self.pattern(direction, kind, pattern, &[]));
                }
            }
        }
        changes
    }

    fn pattern(
        &self,
        direction: Direction,
        kind: Kind,
        pattern: &str,
        except: &[String],
    ) -> Change {
        let (pattern, except) = (pattern.to_owned(), except.to_vec());
        self.change(direction, What::Pattern { field: kind.field(), pattern, except })
    }

    /// The patterns of an app that is reached; of another nothing counts.
    fn reached(&self, access: &AppAccess, kind: Kind) -> Patterns {
        if access.connect().is_allowed() { access.patterns(kind) } else { Patterns::default() }
    }
}

/// The patterns of `to` that are not in `from`. Names are decided by the engine instead.
fn new_in<'a>(from: &'a [String], to: &'a [String]) -> impl Iterator<Item = &'a String> {
    to.iter().filter(|pattern| is_pattern(pattern) && !from.contains(pattern))
}

fn is_pattern(text: &str) -> bool {
    text.contains('*') || (text.starts_with('^') && text.ends_with('$'))
}

fn direction(before: bool, after: bool) -> Option<Direction> {
    match (before, after) {
        (false, true) => Some(Direction::Gains),
        (true, false) => Some(Direction::Loses),
        _ => None,
    }
}

/// The names that roles spell out, in either state, those that the user's traits hold, and for tools those
/// that were asked for.
fn names(edited: &Edited<'_>, holder: &Holder, kind: Kind, tools: &[String]) -> BTreeSet<String> {
    let of_roles = [edited.before, edited.after].into_iter().flat_map(|roles| {
        let held = holder.roles.iter().filter_map(|name| roles.get(name));
        held.flat_map(|role| entries(role, kind))
    });
    let of_traits = holder.traits.values().flatten();
    let mut names: BTreeSet<String> = of_roles
        .chain(of_traits.filter(|_| kind == Kind::Tool))
        .filter(|entry| !is_pattern(entry) && !entry.contains("{{"))
        .cloned()
        .collect();
    if kind == Kind::Tool {
        names.extend(tools.iter().cloned());
    }
    names
}

fn entries(role: &Role, kind: Kind) -> impl Iterator<Item = &String> {
    [&role.spec.allow.mcp, &role.spec.deny.mcp]
        .map(|mcp| match kind {
            Kind::Tool => &mcp.tools,
            Kind::Prompt => &mcp.prompts,
            Kind::Resource => &mcp.resources,
        })
        .into_iter()
        .flatten()
        .flatten()
}

/// Rights over the cluster's own resources. A rule with a clause counts where its clause may hold.
fn rights(edited: &Edited<'_>, before: &RoleSet, after: &RoleSet) -> Vec<Change> {
    let mut kinds: BTreeSet<&str> = RESOURCE_KINDS.iter().map(|kind| kind.as_str()).collect();
    for roles in [edited.before, edited.after] {
        for role in edited.names.iter().filter_map(|name| roles.get(name)) {
            let rules = role.spec.allow.rules.iter().chain(&role.spec.deny.rules);
            kinds.extend(rules.flat_map(|rule| &rule.resources).map(String::as_str));
        }
    }
    kinds.remove("*");
    let mut changes = Vec::new();
    for kind in kinds {
        for verb in VERBS {
            let found = direction(before.possibly(kind, verb), after.possibly(kind, verb));
            changes.extend(found.map(|direction| Change {
                direction,
                app: None,
                what: What::Verb { kind: kind.to_owned(), verb },
            }));
        }
    }
    changes
}

/// What sessions are held to.
fn limits(before: &Options, after: &Options) -> Vec<Change> {
    let ttl = |limit: Option<Duration>| {
        limit.map_or_else(|| "none".to_owned(), resource::duration::format)
    };
    let mfa = |demand: MfaDemand| match demand {
        MfaDemand::Never => "never",
        MfaDemand::PerRole => "where the role is used",
        MfaDemand::Always => "always",
    };
    let yes = |flag: bool| if flag { "yes" } else { "no" };
    let lines = [
        ("longest session", ttl(before.max_session_ttl), ttl(after.max_session_ttl)),
        ("longest silence", ttl(before.client_idle_timeout), ttl(after.client_idle_timeout)),
        ("second factor for a session", mfa(before.mfa).to_owned(), mfa(after.mfa).to_owned()),
        (
            "connections end with the certificate",
            yes(before.disconnect_expired_cert).to_owned(),
            yes(after.disconnect_expired_cert).to_owned(),
        ),
        (
            "certificates bound to an address",
            yes(before.pin_source_ip).to_owned(),
            yes(after.pin_source_ip).to_owned(),
        ),
    ];
    lines
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(what, before, after)| Change {
            direction: Direction::Limits,
            app: None,
            what: What::Limit(format!("{what}: {before}, then {after}")),
        })
        .collect()
}
