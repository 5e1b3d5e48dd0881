//! What stands in the published schemas for members whose Rust types say too little.

use std::borrow::Cow;

use resource::Kind;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// A resource of any kind, as JSON.
#[derive(Debug)]
pub struct AnyResource;

/// An audit record.
#[derive(Debug)]
pub(crate) struct AnyEvent;

/// A moment, RFC 3339.
#[derive(Debug)]
pub(crate) struct Instant;

// === impl AnyResource ===

impl JsonSchema for AnyResource {
    fn schema_name() -> Cow<'static, str> {
        "Resource".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        let kinds: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        json_schema!({
            "type": "object",
            "description": "A resource, as `tctl get --format=json` prints it",
            "required": ["kind", "version", "metadata"],
            "properties": {
                "kind": { "type": "string", "enum": kinds },
                "sub_kind": { "type": "string" },
                "version": { "type": "string" },
                "metadata": {
                    "type": "object",
                    "required": ["name"],
                    "properties": {
                        "name": { "type": "string" },
                        "description": { "type": "string" },
                        "labels": {
                            "type": "object",
                            "additionalProperties": { "type": "string" },
                        },
                        "expires": { "type": "string", "format": "date-time" },
                        "revision": { "type": "string" },
                    },
                },
                "spec": { "type": "object" },
                "status": { "type": "object" },
            },
        })
    }
}

// === impl AnyEvent ===

impl JsonSchema for AnyEvent {
    fn schema_name() -> Cow<'static, str> {
        "AuditEvent".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "An audit record, flat: what every one has, and the fields of its event",
            "required": ["event", "code", "uid", "time"],
            "properties": {
                "event": { "type": "string" },
                "code": { "type": "string" },
                "uid": { "type": "string", "format": "uuid" },
                "time": { "type": "string", "format": "date-time" },
            },
        })
    }
}

// === impl Instant ===

impl JsonSchema for Instant {
    fn schema_name() -> Cow<'static, str> {
        "Instant".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}
