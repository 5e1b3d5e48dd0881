//! Objects of which some members are changed, and all others stay as they were written.

use std::borrow::Cow;

use crate::json::{Kind, Raw, Scanner, Text};
use crate::refused::Reason;

/// What becomes of a member. Values are JSON.
#[derive(Debug, Clone)]
pub(super) enum Change<'c> {
    /// It is left out.
    Drop(&'c str),
    /// It has this value.
    Set(&'c str, Cow<'c, str>),
    /// It has this value when there is none.
    Add(&'c str, Cow<'c, str>),
}

// === impl Change ===

impl<'c> Change<'c> {
    /// Gives the member this value, or leaves it out when there is none.
    pub(super) fn to(key: &'c str, value: Option<impl Into<Cow<'c, str>>>) -> Self {
        value.map_or(Self::Drop(key), |value| Self::Set(key, value.into()))
    }

    const fn key(&self) -> &'c str {
        match self {
            Self::Drop(key) | Self::Set(key, _) | Self::Add(key, _) => key,
        }
    }
}

/// The object with the changes; an absent one, or `null`, counts as empty. A changed member that was written
/// twice is written once.
pub(super) fn edit(object: Option<Raw<'_>>, changes: &[Change<'_>]) -> Result<String, Reason> {
    let object = object.filter(|raw| !raw.is_null());
    let mut out = String::with_capacity(object.map_or(0, |raw| raw.as_str().len()) + 256);
    out.push('{');
    let mut written = vec![false; changes.len()];
    if let Some(object) = object {
        if object.kind() != Kind::Object {
            return Err(Reason::Shape);
        }
        Scanner::again(object).object(|scanner, key| {
            let value = scanner.value()?;
            let at = changes.iter().position(|change| is(key, change.key()));
            let done = at.and_then(|at| written.get_mut(at));
            let value = match (at.and_then(|at| changes.get(at)), done) {
                (Some(Change::Set(_, value)), Some(done @ false)) => {
                    *done = true;
                    value.as_ref()
                }
                (Some(Change::Add(..)), Some(done @ false)) => {
                    *done = true;
                    value.as_str()
                }
                (Some(_), _) => return Ok(()),
                (None, _) => value.as_str(),
            };
            member(&mut out, key.raw(), value);
            Ok(())
        })?;
    }
    for (change, written) in changes.iter().zip(&written) {
        if let (Change::Set(key, value) | Change::Add(key, value), false) = (change, written) {
            member(&mut out, key, value);
        }
    }
    out.push('}');
    Ok(out)
}

fn member(out: &mut String, key: &str, value: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    out.push('"');
    out.push_str(key);
    out.push_str("\":");
    out.push_str(value);
}

/// The member of this name; the first one. Nothing when the value is no object or the member is `null`.
pub(super) fn get<'a>(object: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    let mut found = None;
    each(object, |key, value| {
        if found.is_none() && is(key, name) {
            found = Some(value);
        }
        Ok(())
    })
    .ok()?;
    found.filter(|value| !value.is_null())
}

/// The object under this name.
pub(super) fn object<'a>(object: Raw<'a>, name: &str) -> Option<Raw<'a>> {
    get(object, name).filter(|value| value.kind() == Kind::Object)
}

/// Whether the member of this name is `true`.
pub(super) fn is_true(object: Raw<'_>, name: &str) -> bool {
    get(object, name).is_some_and(|value| value.as_str() == "true")
}

/// Hands out the members of an object; of anything else, none.
pub(super) fn each<'a>(
    object: Raw<'a>,
    mut member: impl FnMut(Text<'a>, Raw<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    if object.kind() != Kind::Object {
        return Ok(());
    }
    Scanner::again(object).object(|scanner, key| {
        let value = scanner.value()?;
        member(key, value)
    })
}

/// Hands out the elements of an array; of anything else, none.
pub(super) fn elements<'a>(
    array: Raw<'a>,
    mut element: impl FnMut(Raw<'a>) -> Result<(), Reason>,
) -> Result<(), Reason> {
    if array.kind() != Kind::Array {
        return Ok(());
    }
    Scanner::again(array).array(|scanner| {
        scanner.space();
        element(scanner.value()?)
    })
}

fn is(key: Text<'_>, name: &str) -> bool {
    key.plain().map_or_else(|| key.decode_lossy() == name, |plain| plain == name)
}

#[cfg(test)]
mod tests;
