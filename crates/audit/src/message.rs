//! A client's JSON-RPC message as an event keeps it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::redact::{Omitted, Text};

/// The longest parameters that are kept as they were sent. Of longer ones the small members stay,
/// a tool's name for example; the others are replaced by their size and digest.
pub const MAX_PARAMS_BYTES: usize = 32 * 1024;

/// The longest member that stays when the parameters are too long.
const MAX_KEPT_MEMBER_BYTES: usize = 1024;

/// The most members that stay when the parameters are too long: 16 of at most 1 KiB with their
/// names are far below the limit for the whole.
const MAX_KEPT_MEMBERS: usize = 16;

/// The longest identifier of a request that is kept as it was sent.
const MAX_ID_BYTES: usize = 1024;

/// A request or a notification. The parameters are those that were sent, to the byte, except that
/// a line break between two tokens becomes a space.
#[derive(Clone, Debug, Serialize)]
pub struct Message<'a> {
    jsonrpc: &'static str,
    method: Text<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Part<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<Part<'a>>,
}

#[derive(Clone, Debug)]
enum Part<'a> {
    Whole(Cow<'a, RawValue>),
    /// An object of which the large members are omitted.
    Members(BTreeMap<Cow<'a, str>, Part<'a>>),
    Omitted(Omitted),
}

// === impl Message ===

impl<'a> Message<'a> {
    /// The message with this method, and with the identifier and the parameters that it had.
    #[must_use]
    pub fn new(method: &'a str, id: Option<&'a RawValue>, params: Option<&'a RawValue>) -> Self {
        Self {
            jsonrpc: "2.0",
            method: Text::new(method),
            id: id.map(|id| Part::bounded(id, MAX_ID_BYTES)),
            params: params.map(Part::params),
        }
    }

    /// What was sent and is no message that can be read in one way: its size and digest stand for
    /// it. It has no method that could be told.
    #[must_use]
    pub fn unreadable(sent: &[u8], id: Option<&'a RawValue>) -> Self {
        Self {
            jsonrpc: "2.0",
            method: Text::new(""),
            id: id.map(|id| Part::bounded(id, MAX_ID_BYTES)),
            params: Some(Part::Omitted(Omitted::new(sent))),
        }
    }
}

// === impl Part ===

impl<'a> Part<'a> {
    fn params(params: &'a RawValue) -> Self {
        if params.get().len() <= MAX_PARAMS_BYTES {
            return Self::Whole(one_line(params));
        }
        match serde_json::from_str::<Members<'a>>(params.get()) {
            Ok(Members(members)) if members.len() <= MAX_KEPT_MEMBERS => {
                let part = |value| Self::bounded(value, MAX_KEPT_MEMBER_BYTES);
                Self::Members(members.into_iter().map(|(k, v)| (k, part(v))).collect())
            }
            _ => Self::Omitted(Omitted::new(params.get().as_bytes())),
        }
    }

    fn bounded(value: &'a RawValue, limit: usize) -> Self {
        if value.get().len() <= limit {
            Self::Whole(one_line(value))
        } else {
            Self::Omitted(Omitted::new(value.get().as_bytes()))
        }
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(raw) => raw.serialize(serializer),
            Self::Members(members) => serializer.collect_map(members),
            Self::Omitted(omitted) => omitted.serialize_as_member(serializer),
        }
    }
}

/// The members of an object, whose names are short enough to stay and different from each other.
struct Members<'a>(BTreeMap<Cow<'a, str>, &'a RawValue>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = BTreeMap<Cow<'de, str>, &'de RawValue>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of a few members")
            }

            fn visit_map<M: serde::de::MapAccess<'de>>(
                self,
                mut map: M,
            ) -> Result<Self::Value, M::Error> {
                let mut members = BTreeMap::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    let large = name.len() > MAX_KEPT_MEMBER_BYTES;
                    if large || members.insert(name, value).is_some() {
                        return Err(serde::de::Error::custom("not members that can stay"));
                    }
                    if members.len() > MAX_KEPT_MEMBERS {
                        return Err(serde::de::Error::custom("too many members"));
                    }
                }
                Ok(members)
            }
        }
        deserializer.deserialize_map(Visitor).map(Members)
    }
}

#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value without line breaks. Inside of a JSON string there are none, so those that are there
/// separate tokens.
fn one_line(value: &RawValue) -> Cow<'_, RawValue> {
    let text = value.get();
    if memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
        return Cow::Borrowed(value);
    }
    match RawValue::from_string(text.replace(['\n', '\r'], " ")) {
        Ok(value) => Cow::Owned(value),
        // Cannot be: a separator took the place of a separator. The event is refused if it is.
        Err(_) => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests;
