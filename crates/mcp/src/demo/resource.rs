//! The demo server's resources.

use serde_json::{Value, json};

use super::failure::Failure;
use super::{ABOUT_TEXT, DemoContext, tool};
use crate::error::code;
use crate::request::{ResourceUse, ResourceVerb};
use crate::{Era, Request};

/// The resource that says what this is.
pub const ABOUT: &str = "tessera://demo/about";
/// The resource that shows who reads it, and through what.
pub const SESSION: &str = "tessera://demo/session";
/// The template of resources that say whether the reader has a role.
pub const ROLE: &str = "tessera://demo/roles/{role}";

const ROLE_PREFIX: &str = "tessera://demo/roles/";

/// The most that is suggested (2025-11-25, Completion, "Completion Results").
const SUGGESTIONS: usize = 100;

pub(super) fn read(
    used: &ResourceUse<'_>,
    era: Era,
    context: &DemoContext<'_>,
) -> Result<Value, Failure> {
    if used.verb != ResourceVerb::Read {
        // Nothing here ever changes, and it is not offered to follow it.
        return Err(Failure::new(code::METHOD_NOT_FOUND, "method not found".to_owned()));
    }
    let json = "application/json";
    let (mime, text) = match (used.uri.as_ref(), used.uri.strip_prefix(ROLE_PREFIX)) {
        (ABOUT, _) => ("text/plain", ABOUT_TEXT.to_owned()),
        (SESSION, _) => {
            let shown = json!({"user": tool::user(context), "session": tool::session(context)});
            (json, shown.to_string())
        }
        (_, Some(role)) if !role.is_empty() && !role.contains('/') => {
            let has = context.roles.iter().any(|one| one == role);
            (json, json!({"role": role, "user": context.user, "has": has}).to_string())
        }
        (uri, _) => {
            let code = match era {
                Era::Modern => code::INVALID_PARAMS,
                Era::Legacy => code::LEGACY_RESOURCE_NOT_FOUND,
            };
            return Err(
                Failure::new(code, "resource not found".to_owned()).with_data(json!({"uri": uri}))
            );
        }
    };
    Ok(json!({"contents": [{"uri": used.uri, "mimeType": mime, "text": text}]}))
}

/// The roles that begin with what was typed of [`ROLE`].
pub(super) fn complete(request: &Request<'_>, context: &DemoContext<'_>) -> Value {
    let argument: Value = request
        .params
        .argument()
        .and_then(|raw| serde_json::from_str(raw.as_str()).ok())
        .unwrap_or(Value::Null);
    let typed = argument.get("value").and_then(Value::as_str).unwrap_or_default();
    let fits: Vec<&String> = context.roles.iter().filter(|role| role.starts_with(typed)).collect();
    let values: Vec<&String> = fits.iter().copied().take(SUGGESTIONS).collect();
    json!({"completion": {"values": values, "total": fits.len(), "hasMore": fits.len() > SUGGESTIONS}})
}
