//! What the demo server lists.

use serde_json::{Value, json};

use super::prompt::BRIEFING;
use super::resource::{ABOUT, ROLE, SESSION};
use super::tool::{COUNT, DEMO_INFO, GREET, SESSION_INFO, USER_INFO};
use crate::ListKind;

pub(super) fn capabilities() -> Value {
    json!({"tools": {}, "prompts": {}, "resources": {}, "completions": {}})
}

pub(super) fn list(kind: ListKind) -> Value {
    match kind {
        ListKind::Tools => tools(),
        ListKind::Prompts => prompts(),
        ListKind::Resources => resources(),
        ListKind::ResourceTemplates => templates(),
        ListKind::Tasks => json!([]),
    }
}

fn tools() -> Value {
    let tool = |name: &str, title: &str, description: &str, properties: Value| {
        json!({
            "name": name,
            "title": title,
            "description": description,
            "inputSchema": {"type": "object", "properties": properties},
            "annotations": {"readOnlyHint": true, "openWorldHint": false},
        })
    };
    let to = json!({
        "to": {"type": "integer", "minimum": 1, "maximum": 10, "default": 3, "description": "How far to count"},
    });
    json!([
        tool(COUNT, "Count", "Counts, and reports its progress to who asks for that.", to),
        tool(
            DEMO_INFO,
            "About this server",
            "Says what the Tessera demo server is and how calls reach it.",
            json!({})
        ),
        tool(GREET, "Greet", "Asks the person at the client for a name, and greets it.", json!({})),
        tool(
            SESSION_INFO,
            "Session",
            "Shows the cluster, the app, the transport and the session that this call came through, and what \
             was decided about it.",
            json!({})
        ),
        tool(
            USER_INFO,
            "User",
            "Shows the name, the kind and the roles of the user who makes this call.",
            json!({})
        ),
    ])
}

fn prompts() -> Value {
    json!([{
        "name": BRIEFING,
        "title": "Access briefing",
        "description": "Asks a model to explain what its user may do here.",
        "arguments": [{"name": "audience", "description": "For whom it is explained", "required": false}],
    }])
}

fn resources() -> Value {
    json!([
        {
            "uri": ABOUT,
            "name": "about",
            "title": "About this server",
            "description": "What the Tessera demo server is and how requests reach it.",
            "mimeType": "text/plain",
        },
        {
            "uri": SESSION,
            "name": "session",
            "title": "Session",
            "description": "Who reads this, and through what.",
            "mimeType": "application/json",
        },
    ])
}

fn templates() -> Value {
    json!([{
        "uriTemplate": ROLE,
        "name": "role",
        "title": "Role",
        "description": "Whether the reader has a role.",
        "mimeType": "application/json",
    }])
}
