//! What a legacy server answers, as modern clients must have it.
//!
//! Each result says that it is complete and who made it; those that a client may keep say that it may not,
//! because a legacy server says nothing of that. Error codes with a meaning of their own in the modern era
//! that a legacy server cannot have meant become others.

use crate::Asked;
use crate::bridge::splice::{self, Change};
use crate::error::code;
use crate::json::{Kind, Raw};
use crate::refused::Reason;

use super::opening::Server;

/// URL elicitation is required; revision 2025-11-25 alone has it.
const VISIT: i64 = -32042;

/// What the modern era gives meanings to.
const RESERVED: std::ops::RangeInclusive<i64> = -32099..=-32020;

/// The result for a modern client.
pub(super) fn result(raw: Raw<'_>, asked: Asked, server: &Server) -> Result<String, Reason> {
    let mut changes = vec![Change::Set("resultType", "\"complete\"".into())];
    if matches!(asked, Asked::List(_) | Asked::Read) {
        changes.push(Change::Add("ttlMs", "0".into()));
        changes.push(Change::Add("cacheScope", "\"private\"".into()));
    }
    if raw.kind() != Kind::Object {
        return Err(Reason::Shape);
    }
    let meta = splice::get(raw, "_meta");
    if let Some(meta) = server.meta(meta) {
        changes.push(Change::Set("_meta", meta.into()));
    }
    splice::edit(Some(raw), &changes)
}

/// The error for a modern client.
pub(super) fn error(error: Raw<'_>) -> String {
    let known = match code_of(error) {
        Some(code::LEGACY_RESOURCE_NOT_FOUND) => Some(code::INVALID_PARAMS),
        Some(code) if RESERVED.contains(&code) => Some(code::INTERNAL_ERROR),
        _ => None,
    };
    let changed = known.map(|code| [Change::Set("code", code.to_string().into())]);
    changed
        .and_then(|changes| splice::edit(Some(error), &changes).ok())
        .unwrap_or_else(|| error.as_str().to_owned())
}

/// The addresses that the user is to visit before the call can be done.
pub(super) fn visits(error: Raw<'_>) -> Option<Raw<'_>> {
    let data = splice::object(error, "data").filter(|_| code_of(error) == Some(VISIT))?;
    splice::get(data, "elicitations").filter(|raw| raw.kind() == Kind::Array)
}

fn code_of(error: Raw<'_>) -> Option<i64> {
    splice::get(error, "code")?.as_str().parse().ok()
}
