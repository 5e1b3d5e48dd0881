//! Headers that repeat arguments of a tool: `Mcp-Param-…` (2026-07-28, Transports, "Custom Headers from Tool
//! Parameters").
//!
//! A tool's `inputSchema` marks arguments with `x-mcp-header`. Who reads such a header believes it, so it must
//! say what the arguments say; one that no schema marks is somebody else's and passes.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{PARAM_PREFIX, decode, encode};
use crate::json::{Kind, Raw, Scanner};
use crate::refused::Reason;

/// The mark in a schema.
const MARK: &str = "x-mcp-header";

/// The most arguments of one tool that may be marked.
pub const MIRRORS: usize = 64;

/// The longest name that a mark may give, the prefix not counted.
pub const MIRROR_BYTES: usize = 128;

/// What schemas hold other schemas under: one, several in a list, several by name.
const ONE: [&str; 12] = [
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "if",
    "then",
    "else",
    "not",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
const SEVERAL: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
const NAMED: [&str; 4] = ["patternProperties", "dependentSchemas", "$defs", "definitions"];

/// The arguments of a tool that headers repeat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mirrors(Vec<Mirror>);

/// An argument that a header repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// What the name of the header ends with.
    header: Box<str>,
    /// The keys that lead to the argument.
    path: Vec<Box<str>>,
}

/// Why a schema's marks mean nothing: a client must not show such a tool.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MirrorFault {
    /// Not JSON, or no object.
    #[error("the schema is not a JSON object")]
    Schema,
    /// Not a name that a header can have.
    #[error("\"x-mcp-header\" must be part of a header's name, not {0:?}")]
    Name(String),
    /// Given twice, in whatever case.
    #[error("two \"x-mcp-header\" are called {0:?}")]
    Twice(String),
    /// Not one of the types whose values can be told in a header.
    #[error("\"x-mcp-header\" {0:?} marks what is not a string, integer or boolean")]
    Type(String),
    /// Not at a property that is always there.
    #[error("\"x-mcp-header\" {0:?} marks what is not a property of properties of the arguments")]
    Place(String),
    /// Above [`MIRRORS`].
    #[error("more than {MIRRORS} arguments are marked with \"x-mcp-header\"")]
    TooMany,
}

// === impl Mirrors ===

impl Mirrors {
    /// Reads what a tool's `inputSchema` marks.
    pub fn of_schema(schema: &[u8]) -> Result<Self, MirrorFault> {
        // Most schemas mark nothing, and need not be read for that.
        let has = |text: &str| memchr::memmem::find(schema, text.as_bytes()).is_some();
        if !has(MARK) && !has("\\u") {
            return Ok(Self::default());
        }
        let schema: Map<String, Value> =
            serde_json::from_slice(schema).map_err(|_not_json| MirrorFault::Schema)?;
        if let Some(mark) = schema.get(MARK) {
            return Err(MirrorFault::Place(mark.as_str().unwrap_or_default().to_owned()));
        }
        let mut mirrors = Self::default();
        mirrors.properties(&schema, &mut Vec::new())?;
        mirrors.elsewhere(&schema)?;
        Ok(mirrors)
    }

    /// Whether no argument is repeated.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The headers that a call with these arguments must have, with their values.
    pub fn of_arguments(
        &self,
        arguments: Option<Raw<'_>>,
    ) -> Result<Vec<(String, String)>, Reason> {
        let mut headers = Vec::new();
        for mirror in &self.0 {
            if let Some(value) = mirror.value(arguments)?.and_then(spelled) {
                headers.push((
                    format!("{PARAM_PREFIX}{}", mirror.header),
                    encode(&value).into_owned(),
                ));
            }
        }
        Ok(headers)
    }

    /// Checks that the headers of a call say what its arguments say. `headers` are all whose name begins with
    /// [`PARAM_PREFIX`]; those that repeat no argument of this tool are not looked at.
    pub fn check(
        &self,
        arguments: Option<Raw<'_>>,
        headers: &[(&str, &[u8])],
    ) -> Result<(), Reason> {
        for mirror in &self.0 {
            let mut given = headers.iter().filter(|(name, _)| mirror.is_named(name));
            let same = match (given.next(), given.next(), mirror.value(arguments)?) {
                (None, None, None) => true,
                (Some((_, header)), None, Some(value)) => {
                    decode(header).is_some_and(|text| says(&text, value))
                }
                // What a header cannot say is for the server to refuse.
                (None, None, Some(value)) => spelled(value).is_none(),
                _ => false,
            };
            if !same {
                return Err(Reason::Header { header: "Mcp-Param" });
            }
        }
        Ok(())
    }

    /// The properties of a schema that every value has as properties of properties.
    fn properties(
        &mut self,
        schema: &Map<String, Value>,
        path: &mut Vec<Box<str>>,
    ) -> Result<(), MirrorFault> {
        let Some(Value::Object(properties)) = schema.get("properties") else { return Ok(()) };
        for (key, property) in properties {
            let Value::Object(property) = property else { continue };
            path.push(key.as_str().into());
            if let Some(mark) = property.get(MARK) {
                self.add(mark, property, path)?;
            }
            self.properties(property, path)?;
            self.elsewhere(property)?;
            path.pop();
        }
        Ok(())
    }

    fn add(
        &mut self,
        mark: &Value,
        property: &Map<String, Value>,
        path: &[Box<str>],
    ) -> Result<(), MirrorFault> {
        let shown = || mark.as_str().map_or_else(|| mark.to_string(), str::to_owned);
        let name = mark
            .as_str()
            .filter(|name| !name.is_empty() && name.len() <= MIRROR_BYTES)
            .filter(|name| name.bytes().all(is_token))
            .ok_or_else(|| MirrorFault::Name(shown()))?;
        if self.0.iter().any(|mirror| mirror.header.eq_ignore_ascii_case(name)) {
            return Err(MirrorFault::Twice(shown()));
        }
        if !is_told_in_a_header(property.get("type")) {
            return Err(MirrorFault::Type(shown()));
        }
        if self.0.len() >= MIRRORS {
            return Err(MirrorFault::TooMany);
        }
        self.0.push(Mirror { header: name.into(), path: path.to_vec() });
        Ok(())
    }

    /// There must be no marks in the schemas that a schema holds otherwise than as properties.
    fn elsewhere(&self, schema: &Map<String, Value>) -> Result<(), MirrorFault> {
        let one = ONE.iter().filter_map(|key| schema.get(*key));
        let several = SEVERAL.iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
        let named =
            NAMED.iter().filter_map(|key| schema.get(*key)?.as_object()).flat_map(Map::values);
        one.chain(several).chain(named).try_for_each(unmarked)
    }
}

/// Checks that neither a schema nor any in it has a mark.
fn unmarked(schema: &Value) -> Result<(), MirrorFault> {
    let Value::Object(schema) = schema else { return Ok(()) };
    if let Some(mark) = schema.get(MARK) {
        return Err(MirrorFault::Place(mark.as_str().unwrap_or_default().to_owned()));
    }
    if let Some(Value::Object(properties)) = schema.get("properties") {
        properties.values().try_for_each(unmarked)?;
    }
    Mirrors::default().elsewhere(schema)
}

// === impl Mirror ===

impl Mirror {
    /// Whether that is the name of its header, the prefix included.
    fn is_named(&self, name: &str) -> bool {
        name.len() == PARAM_PREFIX.len() + self.header.len()
            && name
                .bytes()
                .zip(PARAM_PREFIX.bytes().chain(self.header.bytes()))
                .all(|(a, b)| a.eq_ignore_ascii_case(&b))
    }

    /// The argument; nothing when it is absent or null.
    fn value<'a>(&self, arguments: Option<Raw<'a>>) -> Result<Option<Raw<'a>>, Reason> {
        let mut at = arguments;
        for key in &self.path {
            let Some(object) = at.filter(|value| value.kind() == Kind::Object) else {
                return Ok(None);
            };
            at = member(object, key)?;
        }
        Ok(at.filter(|value| !value.is_null()))
    }
}

/// The member of an object with this key, however it is escaped.
fn member<'a>(object: Raw<'a>, key: &str) -> Result<Option<Raw<'a>>, Reason> {
    let mut found = None;
    Scanner::again(object).object(|scanner, name| {
        let value = scanner.value()?;
        if name.decode_lossy() == key && found.replace(value).is_some() {
            return Err(Reason::RepeatedKey { key: key.to_owned() });
        }
        Ok(())
    })?;
    Ok(found)
}

/// A value as a header says it; nothing when no header can.
fn spelled(value: Raw<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.string(),
        Kind::Bool => Some(Cow::Borrowed(value.as_str())),
        Kind::Number => integer(value.as_str()).map(|number| Cow::Owned(number.to_string())),
        Kind::Object | Kind::Array | Kind::Null => None,
    }
}

/// Whether a header's value says that value. Numbers are compared as numbers.
fn says(header: &str, value: Raw<'_>) -> bool {
    match value.kind() {
        Kind::Number => integer(header).is_some_and(|said| integer(value.as_str()) == Some(said)),
        _ => spelled(value).is_some_and(|spelled| spelled == header),
    }
}

/// The integer that is written so, be it as `42.0`; nothing beyond what every reader keeps as it is.
fn integer(text: &str) -> Option<i64> {
    let whole = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        Some(_) => return None,
        None => text,
    };
    crate::id::plain_integer(whole)
}

/// Whether a schema's `type` is one whose values a header can say, or null.
fn is_told_in_a_header(sort: Option<&Value>) -> bool {
    let told = |sort: &Value| matches!(sort.as_str(), Some("string" | "integer" | "boolean"));
    match sort {
        Some(Value::Array(sorts)) => {
            let (nulls, others): (Vec<_>, Vec<_>) =
                sorts.iter().partition(|sort| sort.as_str() == Some("null"));
            nulls.len() <= 1 && matches!(others.as_slice(), [one] if told(one))
        }
        Some(sort) => told(sort),
        None => false,
    }
}

/// `tchar` (RFC 9110, section 5.6.2).
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

#[cfg(test)]
mod tests;
