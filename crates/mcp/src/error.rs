//! Answers that Tessera writes itself.

use serde_json::{Map, Value};

use crate::Id;

/// Error codes.
pub mod code {
    /// The message is not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// The message is not what it must be.
    pub const INVALID_REQUEST: i64 = -32600;
    /// Nobody knows the method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The params are not what they must be; also: roles do not allow the tool.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The gateway or the server could not do it; also: roles do not allow the app.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// A header does not say what the body says (modern era).
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The client did not declare a capability that is needed (modern era).
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The revision is not spoken here (modern era).
    pub const UNSUPPORTED_VERSION: i64 = -32022;
    /// No such resource, in the legacy era; accepted from servers, never written in the modern era.
    pub const LEGACY_RESOURCE_NOT_FOUND: i64 = -32002;
}

/// An error under an id. Without an id the member is left out: the protocol's schemas have no `null` id.
pub fn response(id: Option<&Id<'_>>, code: i64, message: &str, data: Option<Value>) -> Vec<u8> {
    let mut error = Map::new();
    error.insert("code".to_owned(), code.into());
    error.insert("message".to_owned(), message.into());
    if let Some(data) = data {
        error.insert("data".to_owned(), data);
    }
    envelope(id, "error", error.into())
}

/// A result under an id.
pub fn result(id: &Id<'_>, result: Value) -> Vec<u8> {
    envelope(Some(id), "result", result)
}

/// The `error` member alone, as JSON.
pub(crate) fn object(code: i64, message: &str) -> String {
    serde_json::json!({"code": code, "message": message}).to_string()
}

/// A notification.
pub fn notification(method: &str, params: Value) -> Vec<u8> {
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), "2.0".into());
    message.insert("method".to_owned(), method.into());
    message.insert("params".to_owned(), params);
    Value::Object(message).to_string().into_bytes()
}

fn envelope(id: Option<&Id<'_>>, key: &str, value: Value) -> Vec<u8> {
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), "2.0".into());
    if let Some(id) = id {
        message.insert("id".to_owned(), id.to_json());
    }
    message.insert(key.to_owned(), value);
    Value::Object(message).to_string().into_bytes()
}

#[cfg(test)]
mod tests;
