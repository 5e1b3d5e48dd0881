//! What servers offer.

use serde::Serialize;

use super::Record;
use crate::redact::Text;
use crate::{Code, code};

/// The definitions of tools are not those any more that were seen before.
#[derive(Clone, Debug, Serialize)]
pub struct McpToolsChange<'a> {
    /// The app.
    pub app_name: &'a str,
    /// The tools.
    pub tools: Vec<ToolChanged<'a>>,
    /// Whether clients were shown more tools than are kept, so that changes may have gone unseen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// The agent that saw it.
    pub server_id: &'a str,
    /// The name of the agent's machine.
    pub server_hostname: Text<'a>,
}

/// One tool.
#[derive(Clone, Debug, Serialize)]
pub struct ToolChanged<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// The digest of the definition before,
    pub from: &'a str,
    /// and now.
    pub to: &'a str,
    /// How many changes of the tool before this one were not told, because it changes all the time.
    #[serde(skip_serializing_if = "is_zero")]
    pub untold: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

// === impl Record ===

impl Record for McpToolsChange<'_> {
    fn code(&self) -> &'static Code {
        &code::MCP_TOOLS_CHANGE
    }
}
