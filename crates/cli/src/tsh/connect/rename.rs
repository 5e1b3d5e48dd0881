//! Requests of a server's under another id: the client may still answer one of that id, of a server that is
//! gone, and the answer to one question must not become the answer to another.

use mcp::{Id, Request};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The members of an answer that travel.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// The request under an id that nobody uses.
pub(super) fn request(request: &Request<'_>) -> (Id<'static>, Vec<u8>) {
    let id = Id::String(format!("tsh-{:032x}", rand::random::<u128>()).into());
    let method = serde_json::Value::from(request.method.as_str());
    let params = request.params.raw().map(|raw| format!(",\"params\":{}", raw.as_str()));
    let line = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":{method}{}}}",
        params.unwrap_or_default()
    );
    (id, line.into_bytes())
}

/// The answer to it under the id that the server knows.
pub(super) fn response(line: &[u8], id: &Id<'_>) -> Option<Vec<u8>> {
    let Answer { result, error } = serde_json::from_slice(line).ok()?;
    let (key, value) = match (result, error) {
        (Some(result), None) => ("result", result),
        (None, Some(error)) => ("error", error),
        _ => return None,
    };
    Some(format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"{key}\":{value}}}").into_bytes())
}
