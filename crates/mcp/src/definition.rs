//! The tools that a server lists, so that two looks at them can be compared.
//!
//! A definition is compared in a canonical form: no white space, strings with the escapes that JSON demands
//! and no other, members ordered by key (those with one key in the order in which they came), numbers as they
//! were written. Everything counts that a client's model may be shown.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::json::{self, Kind, Raw, Scanner, Text};
use crate::refused::Reason;
use crate::subject::{self, Sort};

/// The longest name that is read, in bytes as it is written in JSON.
pub const NAME_BYTES: usize = 256;

/// A tool, by its name and the SHA-256 of its definition's canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Definition {
    /// Its name.
    pub name: Box<str>,
    /// The digest of its definition.
    pub digest: [u8; 32],
}

/// What a list shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The tools, in the order of the list.
    pub tools: Vec<Definition>,
    /// Whether clients are shown more: tools after the first so many, or names that are longer than is read.
    pub more: bool,
}

/// The definitions in the result of `tools/list`, at most so many. What clients are not shown because readers
/// could disagree about it is left out.
pub fn tools(result: Raw<'_>, most: usize) -> Shown {
    let mut shown = Shown::default();
    if result.kind() != Kind::Object {
        return shown;
    }
    let Ok([Some(tools)]) = json::members(result, &["tools"]) else { return shown };
    if tools.kind() == Kind::Array {
        // What cannot be read is not shown to the client either.
        _ = Scanner::again(tools).array(|scanner| {
            scanner.space();
            let tool = scanner.value()?;
            if let Some(name) = name_of(tool) {
                if shown.tools.len() < most && written(&name) <= NAME_BYTES {
                    shown.tools.push(Definition { name: (*name).into(), digest: digest(tool)? });
                } else {
                    shown.more = true;
                }
            }
            Ok(())
        });
    }
    shown
}

/// The name of a tool that clients may be shown.
fn name_of(tool: Raw<'_>) -> Option<Cow<'_, str>> {
    if tool.kind() != Kind::Object {
        return None;
    }
    let [name] = json::members(tool, &["name"]).ok()?;
    subject::read(name, "name", Sort::Name).ok()
}

/// How long a name is that has no control characters, as it is written in JSON.
fn written(name: &str) -> usize {
    name.len() + name.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count()
}

fn digest(tool: Raw<'_>) -> Result<[u8; 32], Reason> {
    let mut canonical = Vec::with_capacity(tool.as_bytes().len());
    write(&mut Scanner::again(tool), &mut canonical)?;
    Ok(Sha256::digest(&canonical).into())
}

/// Writes the value at the scanner in its canonical form. As deep as a message may be, which was checked.
fn write(scanner: &mut Scanner<'_>, out: &mut Vec<u8>) -> Result<(), Reason> {
    scanner.space();
    match scanner.peek() {
        Some(b'{') => {
            let mut members = Vec::new();
            scanner.object(|scanner, key| {
                let mut member = Vec::new();
                string(key, &mut member);
                let key = member.clone();
                member.push(b':');
                write(scanner, &mut member)?;
                members.push((key, member));
                Ok(())
            })?;
            // Stable: which of two members with one key counts depends on the reader.
            members.sort_by(|one, other| one.0.cmp(&other.0));
            out.push(b'{');
            join(out, members.into_iter().map(|(_, member)| member));
            out.push(b'}');
        }
        Some(b'[') => {
            let mut elements = Vec::new();
            scanner.array(|scanner| {
                let mut element = Vec::new();
                write(scanner, &mut element)?;
                elements.push(element);
                Ok(())
            })?;
            out.push(b'[');
            join(out, elements.into_iter());
            out.push(b']');
        }
        _ => {
            let value = scanner.value()?;
            match value.text() {
                Some(text) => string(text, out),
                None => out.extend_from_slice(value.as_bytes()),
            }
        }
    }
    Ok(())
}

fn join(out: &mut Vec<u8>, parts: impl Iterator<Item = Vec<u8>>) {
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&part);
    }
}

/// One spelling for each string; as it was sent where readers disagree about what it is.
fn string(text: Text<'_>, out: &mut Vec<u8>) {
    match text.decode() {
        Some(text) => out.extend_from_slice(serde_json::Value::from(&*text).to_string().as_bytes()),
        None => {
            out.push(b'"');
            out.extend_from_slice(text.raw().as_bytes());
            out.push(b'"');
        }
    }
}

#[cfg(test)]
mod tests;
