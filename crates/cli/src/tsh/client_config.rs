//! Editing an AI client's configuration file: one entry is put in, and every other byte stays as
//! its owner wrote it.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// How an AI client is told to launch a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Launch {
    /// The program, as an absolute path.
    pub(crate) command: String,
    /// Its arguments.
    pub(crate) args: Vec<String>,
    /// Environment variables on top of the client's own.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub(crate) env: serde_json::Map<String, serde_json::Value>,
}

/// Which client's file it is: they differ in one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    /// Claude Desktop, Claude Code, Cursor, and whoever followed them.
    Claude,
    /// Visual Studio Code.
    VsCode,
}

/// How the file is laid out after the edit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As it was.
    Keep,
    /// Indented by two spaces throughout.
    Pretty,
    /// On one line.
    Compact,
}

/// A file that cannot be edited, and is left alone.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotEditable {
    /// It is empty.
    #[error("the file is empty; remove it or write {{}} into it")]
    Empty,
    /// It is not JSON.
    #[error("line {line}, column {column}: not JSON ({reason})")]
    NotJson {
        /// From one.
        line: usize,
        /// From one.
        column: usize,
        /// What the reader says.
        reason: String,
    },
    /// The key that holds servers holds something else.
    #[error("{0:?} is not an object")]
    NotAnObject(&'static str),
    /// A key is there twice; which of them the client reads is unknown.
    #[error("the key {0:?} is there more than once")]
    Duplicate(String),
}

/// An object's members in order, with values as they were written.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

// === impl Client ===

impl Client {
    fn servers_key(self) -> &'static str {
        match self {
            Self::Claude => "mcpServers",
            Self::VsCode => "servers",
        }
    }
}

/// A new file with these servers.
pub(crate) fn fresh(client: Client, servers: &[(String, Launch)], layout: Layout) -> String {
    let mut map = serde_json::Map::new();
    for (name, launch) in servers {
        map.insert(name.clone(), serde_json::json!(launch));
    }
    let value = serde_json::json!({ client.servers_key(): map });
    match layout {
        Layout::Compact => value.to_string(),
        Layout::Keep | Layout::Pretty => format!("{value:#}\n"),
    }
}

/// The file with one server put in, in the place of one of that name.
///
/// # Errors
/// The file is not what it should be.
pub(crate) fn put(
    text: &str,
    client: Client,
    name: &str,
    launch: &Launch,
    layout: Layout,
) -> Result<String, NotEditable> {
    let edited = splice(text, client.servers_key(), name, launch)?;
    match layout {
        Layout::Keep => Ok(edited),
        Layout::Pretty => reprint(&edited).map(|value| format!("{value:#}\n")),
        Layout::Compact => reprint(&edited).map(|value| value.to_string()),
    }
}

fn reprint(text: &str) -> Result<serde_json::Value, NotEditable> {
    serde_json::from_str(text).map_err(|error| not_json(&error))
}

fn splice(
    text: &str,
    key: &'static str,
    name: &str,
    launch: &Launch,
) -> Result<String, NotEditable> {
    if text.trim().is_empty() {
        return Err(NotEditable::Empty);
    }
    let whole: &RawValue = serde_json::from_str(text).map_err(|error| not_json(&error))?;
    let top = Members::read(whole.get(), "the file")?;
    let value = serde_json::json!(launch);
    let Some(servers) = top.find(key)? else {
        let value = serde_json::json!({ name: value });
        return Ok(insert(text, whole, &top, key, &value));
    };
    let members = Members::read(servers.get(), key)?;
    match members.find(name)? {
        Some(old) => {
            let indent = line_indent(text, offset(text, old.get()));
            Ok(replace(text, old.get(), &laid_out(&value, indent, is_compact(text))))
        }
        None => Ok(insert(text, servers, &members, name, &value)),
    }
}

/// Adds a member at the end of the object that `raw` is.
fn insert(
    text: &str,
    raw: &RawValue,
    members: &Members<'_>,
    key: &str,
    value: &serde_json::Value,
) -> String {
    let compact = is_compact(text);
    let key = serde_json::Value::from(key).to_string();
    match members.0.last() {
        Some((_, last)) => {
            let end = offset(text, last.get()) + last.get().len();
            let indent = line_indent(text, offset(text, last.get()));
            let value = laid_out(value, indent, compact);
            let added = if compact {
                format!(",{key}:{value}")
            } else {
                format!(",\n{indent}{key}: {value}")
            };
            splice_at(text, end, end, &added)
        }
        None => {
            let outer = line_indent(text, offset(text, raw.get()));
            let inner = format!("{outer}  ");
            let value = laid_out(value, &inner, compact);
            let object = if compact {
                format!("{{{key}:{value}}}")
            } else {
                format!("{{\n{inner}{key}: {value}\n{outer}}}")
            };
            replace(text, raw.get(), &object)
        }
    }
}

/// A value as it looks after a key that is indented by `indent`.
fn laid_out(value: &serde_json::Value, indent: &str, compact: bool) -> String {
    if compact {
        value.to_string()
    } else {
        format!("{value:#}").replace('\n', &format!("\n{indent}"))
    }
}

/// A file on one line stays so; one without members has no layout to keep.
fn is_compact(text: &str) -> bool {
    let body = text.trim();
    !body.contains('\n') && body.chars().any(|c| c == '"')
}

/// The blanks at the beginning of the line on which a byte stands.
fn line_indent(text: &str, at: usize) -> &str {
    let before = text.get(..at).unwrap_or_default();
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text.get(start..).unwrap_or_default();
    let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..blanks).unwrap_or_default()
}

/// Where in `text` its part `part` begins.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

fn replace(text: &str, part: &str, with: &str) -> String {
    let start = offset(text, part);
    splice_at(text, start, start + part.len(), with)
}

fn splice_at(text: &str, start: usize, end: usize, with: &str) -> String {
    let before = text.get(..start).unwrap_or_default();
    let after = text.get(end..).unwrap_or_default();
    format!("{before}{with}{after}")
}

fn not_json(error: &serde_json::Error) -> NotEditable {
    NotEditable::NotJson { line: error.line(), column: error.column(), reason: error.to_string() }
}

// === impl Members ===

impl<'a> Members<'a> {
    fn read(text: &'a str, what: &'static str) -> Result<Self, NotEditable> {
        serde_json::from_str(text).map_err(|_error| NotEditable::NotAnObject(what))
    }

    fn find(&self, key: &str) -> Result<Option<&'a RawValue>, NotEditable> {
        let mut found = self.0.iter().filter(|(name, _)| name == key).map(|(_, value)| *value);
        let first = found.next();
        if found.next().is_some() {
            return Err(NotEditable::Duplicate(key.to_owned()));
        }
        Ok(first)
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    members.push((Cow::Owned(key), map.next_value::<&'de RawValue>()?));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests;
