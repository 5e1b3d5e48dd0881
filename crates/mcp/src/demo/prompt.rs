//! The demo server's prompt.

use serde_json::{Value, json};

use super::DemoContext;
use super::failure::Failure;
use crate::error::code;
use crate::request::PromptGet;

/// The prompt that asks for an explanation of what the user may do.
pub const BRIEFING: &str = "tessera_access_briefing";

pub(super) fn get(prompt: &PromptGet<'_>, context: &DemoContext<'_>) -> Result<Value, Failure> {
    if prompt.name != BRIEFING {
        let words = format!("unknown prompt: {}", prompt.name);
        return Err(Failure::new(code::INVALID_PARAMS, words));
    }
    let arguments: Value = prompt
        .arguments
        .and_then(|raw| serde_json::from_str(raw.as_str()).ok())
        .unwrap_or(Value::Null);
    let audience = arguments.get("audience").and_then(Value::as_str).unwrap_or("its user");
    let text = format!(
        "Explain to {audience}, in a few sentences, what {} may do in the app {:?} of the cluster {:?}. \
         Their roles are: {}. The tools, prompts and resources that you can list are those that these roles \
         allow; others may exist and are not shown.",
        context.user,
        context.app_name,
        context.cluster,
        context.roles.join(", ")
    );
    Ok(json!({
        "description": "What the user may do here",
        "messages": [{"role": "user", "content": {"type": "text", "text": text}}],
    }))
}
