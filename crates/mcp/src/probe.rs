//! Which era a server speaks, told from what it answers (2026-07-28, Versioning, "Backward Compatibility with
//! Initialization-Based Versions").
//!
//! Asked with `server/discover`, a modern server says which revisions it speaks. Others answer as they like:
//! that the method is unknown, the params are invalid, nothing is initialized, or nothing at all. Some know
//! the method and name legacy revisions only. So a server is modern when it names a revision of the modern
//! era that is spoken here too, or complains as only the modern era complains; any other is legacy.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::code;
use crate::limits::Limits;
use crate::message::{Body, Message, Outcome};
use crate::{Era, Revision, meta};

/// How Tessera names itself to servers that it asks on its own behalf.
pub const CLIENT_NAME: &str = "tessera";

#[derive(Deserialize)]
struct Discovered {
    #[serde(default, rename = "supportedVersions")]
    supported: Vec<String>,
}

#[derive(Deserialize)]
struct Fault {
    code: i64,
    #[serde(default)]
    data: Value,
}

/// The request that asks.
pub fn discover(id: u64) -> Vec<u8> {
    let meta = json!({
        meta::PROTOCOL_VERSION: Revision::LATEST.as_str(),
        meta::CLIENT_INFO: {"name": CLIENT_NAME, "version": env!("CARGO_PKG_VERSION")},
        meta::CLIENT_CAPABILITIES: {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": "server/discover", "params": {"_meta": meta}})
        .to_string()
        .into_bytes()
}

/// The era of a server that was asked so; nothing when it did not answer in time or not with a message.
pub fn judge_discover(answer: Option<&[u8]>) -> Era {
    let modern = match answer.and_then(outcome) {
        Some(Ok(Discovered { supported })) => speaks(supported.iter().map(String::as_str)),
        Some(Err((fault, _))) => match fault.code {
            code::HEADER_MISMATCH | code::MISSING_CLIENT_CAPABILITY => true,
            code::UNSUPPORTED_VERSION => speaks(supported(&fault.data)),
            _ => false,
        },
        None => false,
    };
    if modern { Era::Modern } else { Era::Legacy }
}

/// Whether an answer to `initialize` says that the server may be modern and should be asked with
/// [`discover`]: it does not know the method, or complains of what modern requests carry. A modern server
/// that refuses is asked to name what it speaks, in whatever error it answers with.
pub fn is_modern_refusal(answer: &[u8]) -> bool {
    let Some(Err((fault, text))) = outcome(answer) else { return false };
    match fault.code {
        code::METHOD_NOT_FOUND
        | code::HEADER_MISMATCH
        | code::MISSING_CLIENT_CAPABILITY
        | code::UNSUPPORTED_VERSION => true,
        code::INVALID_PARAMS | code::INVALID_REQUEST => {
            let names = |word: &str| text.contains(word);
            names("io.modelcontextprotocol/")
                || Revision::ALL
                    .iter()
                    .filter(|r| r.era() == Era::Modern)
                    .any(|r| names(r.as_str()))
        }
        _ => false,
    }
}

/// Whether an answer that came with a refusing HTTP status is an error as only servers of the modern era make it
/// (2026-07-28, Streamable HTTP, "Backward Compatibility").
pub fn is_modern_error(answer: &[u8]) -> bool {
    let Some(Err((fault, _))) = outcome(answer) else { return false };
    matches!(
        fault.code,
        code::METHOD_NOT_FOUND
            | code::HEADER_MISMATCH
            | code::MISSING_CLIENT_CAPABILITY
            | code::UNSUPPORTED_VERSION
    )
}

/// What a message says that is an answer: what was discovered, or the error and its text.
fn outcome(answer: &[u8]) -> Option<Result<Discovered, (Fault, &str)>> {
    let Body::Response(response) = Message::parse(answer, &Limits::SERVER).ok()?.body else {
        return None;
    };
    Some(match response.outcome {
        Outcome::Result(answer) => Ok(serde_json::from_str(answer.raw().as_str()).ok()?),
        Outcome::Error(error) => Err((serde_json::from_str(error.as_str()).ok()?, error.as_str())),
    })
}

fn supported(data: &Value) -> impl Iterator<Item = &str> {
    data.get("supported").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Whether a modern revision that is spoken here is among them.
fn speaks<'v>(mut versions: impl Iterator<Item = &'v str>) -> bool {
    versions.any(|version| Revision::parse(version).is_some_and(|found| found.era() == Era::Modern))
}

#[cfg(test)]
mod tests;
