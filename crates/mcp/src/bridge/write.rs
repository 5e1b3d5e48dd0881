//! Messages with parts that were read elsewhere and stay as they were written.

use std::fmt::Write as _;

use serde_json::Value;

use crate::Id;
use crate::error;
use crate::json::Raw;
use crate::keys::excerpt;

use super::splice;

/// A request; `params` is JSON.
pub(super) fn request(id: u64, method: &str, params: Option<&str>) -> Vec<u8> {
    let mut out = String::with_capacity(params.map_or(0, str::len) + method.len() + 64);
    // Writing to a string cannot fail.
    _ = write!(out, "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{}", text(method));
    close(out, "params", params)
}

/// A notification; `params` is JSON.
pub(super) fn notification(method: &str, params: Option<&str>) -> Vec<u8> {
    let mut out = String::with_capacity(params.map_or(0, str::len) + method.len() + 64);
    _ = write!(out, "{{\"jsonrpc\":\"2.0\",\"method\":{}", text(method));
    close(out, "params", params)
}

/// A result, which is JSON.
pub(super) fn result(id: &Id<'_>, result: &str) -> Vec<u8> {
    answer(id, "result", result)
}

/// An error as another one wrote it.
pub(super) fn error(id: &Id<'_>, error: &str) -> Vec<u8> {
    answer(id, "error", error)
}

/// An error of ours.
pub(super) fn refusal(id: &Id<'_>, code: i64, message: &str) -> Vec<u8> {
    error::response(Some(id), code, message, None)
}

/// Takes back a request.
pub(super) fn cancelled(id: u64, reason: &str) -> Vec<u8> {
    let params = format!("{{\"requestId\":{id},\"reason\":{}}}", text(reason));
    notification(crate::method::name::CANCELLED, Some(&params))
}

/// A string as JSON.
pub(super) fn text(text: &str) -> String {
    Value::from(text).to_string()
}

/// What an error says, shortened.
pub(super) fn words(error: Raw<'_>) -> String {
    const CHARS: usize = 300;
    let message = splice::get(error, "message").and_then(Raw::string).unwrap_or_default();
    let shown: String = message.chars().filter(|c| !c.is_control()).take(CHARS).collect();
    if shown.is_empty() { "no reason given".to_owned() } else { shown }
}

/// A name for a message about it.
pub(super) fn shown(name: &str) -> String {
    format!("{:?}", excerpt(name))
}

fn answer(id: &Id<'_>, key: &str, value: &str) -> Vec<u8> {
    let mut out = String::with_capacity(value.len() + 64);
    _ = write!(out, "{{\"jsonrpc\":\"2.0\",\"id\":{id}");
    close(out, key, Some(value))
}

fn close(mut out: String, key: &str, value: Option<&str>) -> Vec<u8> {
    if let Some(value) = value {
        _ = write!(out, ",\"{key}\":{value}");
    }
    out.push('}');
    out.into_bytes()
}
