//! Reads what a test expects.

use std::collections::BTreeSet;

use policy::Kind;
use resource::node::NodeValue;
use resource::{Labels, Reader, Table, canonical_label_key, suggest};

use crate::tctl::policy::test::suite::{Check, Expect};

/// The verbs that rules know.
const VERBS: [&str; 6] = ["list", "create", "read", "readnosecrets", "update", "delete"];

/// What is expected of an app. Whether anything is.
pub(super) fn of_app(table: &mut Table<'_>, path: &str, checks: &mut Vec<Check>) -> bool {
    let mut any = false;
    if let Some(reader) = table.field("connect") {
        any = true;
        if let Some(allowed) = reader.read() {
            let expect = Expect::Connect { allowed };
            checks.push(check(format!("{path}.connect"), reader, expect));
        }
    }
    for kind in Kind::ALL {
        let Some(reader) = table.field(kind.field()) else { continue };
        any = true;
        let path = format!("{path}.{}", kind.field());
        reader.table(|table| {
            let allowed = names(table, "allowed");
            let denied = names(table, "denied");
            for (name, reader, at) in &denied {
                if allowed.iter().any(|(known, ..)| known == name) {
                    reader.refuse::<()>(format!("{name:?} is expected to be allowed, too"));
                }
                checks.push(named(kind, name, false, format!("{path}.denied[{at}]"), *reader));
            }
            for (name, reader, at) in &allowed {
                checks.push(named(kind, name, true, format!("{path}.allowed[{at}]"), *reader));
            }
            if let Some(reader) = table.field("list") {
                list(reader, kind, &path, checks);
            }
            Some(())
        });
    }
    any
}

/// What is expected of rules.
pub(super) fn rules(table: &mut Table<'_>, path: &str, checks: &mut Vec<Check>) {
    let Some(items) = table.field("rules").and_then(Reader::items) else { return };
    for (index, item) in items.enumerate() {
        let path = format!("{path}.rules[{index}]");
        item.table(|table| {
            let kind = table.required("kind").and_then(kind).unwrap_or_default();
            let name = table.field("name").and_then(non_empty).map(str::to_owned);
            let labels: Labels = table.get_or_default("labels");
            let labels: Labels = labels
                .into_iter()
                .map(|(key, value)| (canonical_label_key(&key).into_owned(), value))
                .collect();
            if name.is_none() && !labels.is_empty() {
                table.missing::<()>("name", "missing: labels are those of one resource");
            }
            let before = checks.len();
            for (field, allowed) in [("allowed", true), ("denied", false)] {
                let items = table.field(field).and_then(Reader::items).into_iter().flatten();
                for (at, item) in items.enumerate() {
                    let Some(verb) = verb(item) else { continue };
                    let (kind, name, labels) = (kind.clone(), name.clone(), labels.clone());
                    let expect = Expect::Verb { kind, verb, name, labels, allowed };
                    checks.push(check(format!("{path}.{field}[{at}]"), item, expect));
                }
            }
            if checks.len() == before {
                table.reader().refuse_with_help::<()>(
                    "nothing is expected",
                    "list verbs under allowed, denied or both",
                );
            }
            Some(())
        });
    }
}

/// Text with something in it.
pub(super) fn non_empty(reader: Reader<'_>) -> Option<&str> {
    let text = reader.text()?;
    if text.is_empty() { reader.refuse("is empty") } else { Some(text) }
}

fn list(reader: Reader<'_>, kind: Kind, path: &str, checks: &mut Vec<Check>) {
    reader.table(|table| {
        let of = table.required("of").map(unique)?;
        let shows = table.required("shows").map(unique)?;
        for (name, reader) in &shows {
            if of.iter().any(|(known, _)| known == name) {
                continue;
            }
            let message = format!("a client never sees {name:?}: the server does not list it");
            let near = suggest::nearest(name, of.iter().map(|(known, _)| known.as_str()));
            let help = match near {
                Some(near) => format!("did you mean {near:?}?"),
                None => "add it to `of`".to_owned(),
            };
            reader.refuse_with_help::<()>(message, help);
        }
        let texts = |list: Vec<(String, Reader<'_>)>| -> Vec<String> {
            list.into_iter().map(|(name, _)| name).collect()
        };
        let at = table.field("shows").unwrap_or(reader);
        let expect = Expect::List { kind, of: texts(of), shows: texts(shows) };
        checks.push(check(format!("{path}.list.shows"), at, expect));
        Some(())
    });
}

/// Names, none of them twice.
fn unique(reader: Reader<'_>) -> Vec<(String, Reader<'_>)> {
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for item in reader.items().into_iter().flatten() {
        let Some(name) = item.text() else { continue };
        if seen.insert(name) {
            found.push((name.to_owned(), item));
        } else {
            item.refuse::<()>(format!("{name:?} is listed twice"));
        }
    }
    found
}

/// The names under a key, with their places. They are names and no patterns: an expectation of a pattern
/// would say nothing of what it matches.
fn names<'n>(table: &mut Table<'n>, field: &'static str) -> Vec<(String, Reader<'n>, usize)> {
    let items = table.field(field).and_then(Reader::items).into_iter().flatten();
    items
        .enumerate()
        .filter_map(|(at, item)| {
            let name = non_empty(item)?;
            let is_regex = name.starts_with('^') && name.ends_with('$');
            if name.contains('*') && !name.contains('{') || is_regex {
                let help = "name what the pattern should, or should not, match";
                return item.refuse_with_help(format!("{name:?} is a pattern, no name"), help);
            }
            Some((name.to_owned(), item, at))
        })
        .collect()
}

fn named(kind: Kind, name: &str, allowed: bool, path: String, reader: Reader<'_>) -> Check {
    check(path, reader, Expect::Use { kind, name: name.to_owned(), allowed })
}

fn check(path: String, reader: Reader<'_>, expect: Expect) -> Check {
    let mut span = reader.node().span;
    // Of a list on several lines the first is marked.
    if let NodeValue::Sequence(items) = &reader.node().value
        && let (Some(first), Some(last)) = (items.first(), items.last())
    {
        (span.start, span.end) = (first.span.start, last.span.end);
    }
    Check { path, span, expect }
}

/// A kind of resource. Roles may speak of kinds that have no documents, such as `event`.
fn kind(reader: Reader<'_>) -> Option<String> {
    let kind = non_empty(reader)?;
    let mut known: BTreeSet<String> =
        policy::preset_roles().iter().chain([&policy::implicit_role()]).flat_map(kinds).collect();
    known.extend(crate::tctl::policy::RESOURCE_KINDS.map(|kind| kind.as_str().to_owned()));
    near_miss(reader, "kind", kind, known.iter().map(String::as_str))
}

fn kinds(role: &resource::Role) -> Vec<String> {
    role.spec.allow.rules.iter().flat_map(|rule| rule.resources.clone()).collect()
}

fn verb(reader: Reader<'_>) -> Option<String> {
    near_miss(reader, "verb", non_empty(reader)?, VERBS)
}

/// Accepts a word that is known, or that is like none that is.
fn near_miss<'a>(
    reader: Reader<'_>,
    what: &str,
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
) -> Option<String> {
    if known.clone().into_iter().any(|known| known == word) {
        return Some(word.to_owned());
    }
    match suggest::nearest(word, known) {
        Some(near) => reader.refuse_with_help(
            format!("unknown {what} {word:?}"),
            format!("did you mean {near:?}?"),
        ),
        None => Some(word.to_owned()),
    }
}
