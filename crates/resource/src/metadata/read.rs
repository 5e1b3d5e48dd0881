//! Reads `metadata`, and the other fields that every document has.

use super::{Metadata, Revision, check_name};
use crate::decode::{Reader, Table};
use crate::kind::Kind;
use crate::label::{Labels, canonical_label_key};

/// How the name of a resource is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameRule {
    /// By [`check_name`].
    Plain,
    /// By [`check_name`], without repeating it: it is a secret.
    Secret,
    /// The reader of the kind does.
    Kind,
    /// There is only one resource of the kind.
    Fixed(&'static str),
}

/// Reads `metadata` of a document.
pub(crate) fn metadata(document: &mut Table<'_>, rule: NameRule) -> Option<Metadata> {
    let Some(reader) = document.field("metadata") else {
        return match rule {
            NameRule::Fixed(name) => Some(Metadata::named(name)),
            _ => document.missing("metadata", "missing parameter Name"),
        };
    };
    reader.table(|table| {
        let name = name(table, rule);
        let description = table.get_or_default("description");
        let labels = table.field("labels").map_or_else(|| Some(Labels::new()), labels);
        let expires = table.get("expires").flatten();
        let revision = table.get::<String>("revision").filter(|text| !text.is_empty());
        namespace(table);
        // A number that older documents carry.
        table.ignore("id");
        Some(Metadata {
            name: name?,
            description,
            labels: labels?,
            expires,
            revision: revision.map(Revision::new),
        })
    })
}

fn name(table: &mut Table<'_>, rule: NameRule) -> Option<String> {
    if let NameRule::Fixed(name) = rule {
        table.ignore("name");
        return Some(name.to_owned());
    }
    let Some(reader) = table.field("name") else {
        return table.missing("name", "missing parameter Name");
    };
    let text = reader.text()?;
    match check_name(text) {
        Ok(()) => Some(text.to_owned()),
        Err(_) if rule == NameRule::Kind && !text.is_empty() => Some(text.to_owned()),
        Err(error) if rule == NameRule::Secret => reader.refuse_secret(error.to_string()),
        Err(error) => reader.refuse(error.to_string()),
    }
}

/// There is one namespace; documents may name it.
fn namespace(table: &mut Table<'_>) {
    if let Some(reader) = table.field("namespace")
        && reader.text().is_some_and(|text| !matches!(text, "" | "default"))
    {
        reader.refuse_with_help::<()>("unknown namespace", "every resource is in \"default\"");
    }
}

/// Reads labels. Their keys become canonical.
pub(crate) fn labels(reader: Reader<'_>) -> Option<Labels> {
    let mut labels = Labels::new();
    let mut complete = true;
    for (key, value) in reader.entries()? {
        let Some(text) = value.text() else {
            complete = false;
            continue;
        };
        if let Err(message) = check_label(key, text) {
            complete = false;
            value.refuse::<()>(message);
        } else if labels.insert(canonical_label_key(key).into_owned(), text.to_owned()).is_some() {
            complete = false;
            value.refuse::<()>(duplicate_label(key));
        }
    }
    complete.then_some(labels)
}

/// What to say of a label that is written in both of its spellings.
pub(crate) fn duplicate_label(key: &str) -> String {
    format!("the label {:?} is written twice, in two spellings", canonical_label_key(key))
}

fn check_label(key: &str, value: &str) -> Result<(), &'static str> {
    if key.trim().is_empty() {
        return Err("a label needs a key");
    }
    if key.chars().chain(value.chars()).any(char::is_control) {
        return Err("a label cannot contain control characters");
    }
    Ok(())
}

/// Reads `version` of a document whose kind has only one; whatever was written, the kind's own is printed.
pub(crate) fn any_version(document: &mut Table<'_>, kind: Kind) {
    let Some(reader) = document.field("version") else { return };
    let Some(text) = reader.text() else { return };
    let digits = text.strip_prefix('v').unwrap_or_default();
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit()) {
        let help = format!("{} is {}", kind.as_str(), kind.version());
        reader.refuse_with_help::<()>("a version is a \"v\" and a number", help);
    }
}
