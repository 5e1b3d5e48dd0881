//! From what a provider says of somebody to names with values: the form in which roles and traits are
//! made of it, and in which certificates carry it.
//!
//! Nothing is lost that is about the person:
//!
//! * text is one value; numbers and truth values are their JSON spelling;
//! * of a list, each item is a value; what is nested in an item counts under the names below;
//! * the members of an object are under `name.member`, as deep as they go;
//! * `null`, and an empty list, say that there is nothing.
//!
//! What only speaks of the token is left out ([`OF_THE_TOKEN`]).

use resource::Traits;
use serde_json::{Map, Value};

/// Claims about the token (OpenID Connect Core 1.0, section 2; RFC 7519, section 4.1).
const OF_THE_TOKEN: [&str; 12] = [
    "iss", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "at_hash", "c_hash", "s_hash", "sid",
];

/// Values inside values.
pub(crate) const MAX_DEPTH: usize = 8;
/// Values of all claims together.
pub(crate) const MAX_VALUES: usize = 2_000;
/// Bytes of all values together. A certificate holds far less.
pub(crate) const MAX_BYTES: usize = 256 << 10;

/// More than could be meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("claims are nested more than {MAX_DEPTH} deep")]
    Depth,
    #[error("the claims have more than {MAX_VALUES} values")]
    Values,
    #[error("the claims have more than {MAX_BYTES} bytes")]
    Bytes,
}

struct Flat {
    traits: Traits,
    values: usize,
    bytes: usize,
}

/// The claims of a token as names with values.
pub(crate) fn flatten(claims: &Map<String, Value>) -> Result<Traits, TooMuch> {
    of_each(claims.iter().filter(|(name, _)| !OF_THE_TOKEN.contains(&name.as_str())))
}

/// The same where nothing speaks of the token.
pub(crate) fn flatten_all(claims: &Map<String, Value>) -> Result<Traits, TooMuch> {
    of_each(claims.iter())
}

fn of_each<'a>(claims: impl Iterator<Item = (&'a String, &'a Value)>) -> Result<Traits, TooMuch> {
    let mut flat = Flat { traits: Traits::new(), values: 0, bytes: 0 };
    for (name, value) in claims {
        flat.add(name, value, 1)?;
    }
    Ok(flat.traits)
}

// === impl Flat ===

impl Flat {
    fn add(&mut self, name: &str, value: &Value, depth: usize) -> Result<(), TooMuch> {
        if depth > MAX_DEPTH {
            return Err(TooMuch::Depth);
        }
        match value {
            Value::Null => Ok(()),
            Value::String(text) => self.put(name, text.clone()),
            Value::Bool(_) | Value::Number(_) => self.put(name, value.to_string()),
            Value::Array(items) => {
                items.iter().try_for_each(|item| self.add(name, item, depth + 1))
            }
            Value::Object(members) => members.iter().try_for_each(|(member, value)| {
                self.add(&format!("{name}.{member}"), value, depth + 1)
            }),
        }
    }

    fn put(&mut self, name: &str, value: String) -> Result<(), TooMuch> {
        self.values += 1;
        self.bytes += name.len() + value.len();
        if self.values > MAX_VALUES {
            return Err(TooMuch::Values);
        }
        if self.bytes > MAX_BYTES {
            return Err(TooMuch::Bytes);
        }
        self.traits.entry(name.to_owned()).or_default().push(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
