//! The tools that an app's server was last seen to offer.

use time::OffsetDateTime;

use crate::decode::{FromNode, Reader};
use crate::object::Object;

/// A tool as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenTool {
    /// Its name.
    pub name: String,
    /// The SHA-256 of its definition in a canonical form, in hexadecimal digits.
    pub digest: String,
    /// When it was first seen.
    pub first_seen: Option<OffsetDateTime>,
    /// That its definition became another one since.
    pub changed: Option<ToolChange>,
    /// Since when the server's whole list is without it.
    pub gone: Option<OffsetDateTime>,
}

/// That a tool's definition became another one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolChange {
    /// When that was seen last.
    pub time: Option<OffsetDateTime>,
    /// The digest of the definition before.
    pub from: String,
    /// How often it became one that was not seen before.
    pub times: u64,
}

impl SeenTool {
    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put("name", self.name.as_str())
            .put("digest", self.digest.as_str())
            .put_time("first_seen", self.first_seen)
            .put_some("changed", self.changed.as_ref().map(ToolChange::to_object))
            .put_time("gone", self.gone);
        object
    }
}

impl FromNode for SeenTool {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                name: table.require("name")?,
                digest: table.get_or_default("digest"),
                first_seen: table.get("first_seen").flatten(),
                changed: table.get("changed"),
                gone: table.get("gone").flatten(),
            })
        })
    }
}

impl ToolChange {
    fn to_object(&self) -> Object {
        let mut object = Object::default();
        object.put_time("time", self.time).put("from", self.from.as_str()).put("times", self.times);
        object
    }
}

impl FromNode for ToolChange {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let time = table.get("time").flatten();
            let times = table.get_or_default("times");
            Some(Self { time, from: table.get_or_default("from"), times })
        })
    }
}
