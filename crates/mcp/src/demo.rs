//! The built-in demo server: three tools that show who calls, through what, and what this is.
//!
//! Protocol only: whoever runs it hands in messages and writes the replies. It speaks every revision, of
//! both eras.

use serde_json::{Map, Value, json};

use crate::error::{self, code};
use crate::limits::Limits;
use crate::message::{Body, Message};
use crate::meta::{self, Meta};
use crate::method::name;
use crate::request::ToolCall;
use crate::{Era, Method, Request, Revision};

/// The tool that shows who calls.
pub const USER_INFO: &str = "tessera_user_info";
/// The tool that shows through what the call came.
pub const SESSION_INFO: &str = "tessera_session_info";
/// The tool that says what this is.
pub const DEMO_INFO: &str = "tessera_demo_info";

/// How the server names itself.
pub const SERVER_NAME: &str = "tessera-demo";

const INSTRUCTIONS: &str = "A demo server built into Tessera. Its tools show the identity and the session \
     that a call arrives with; which of them are visible is decided by roles.";

const DEMO_INFO_TEXT: &str = "This MCP server is built into Tessera and runs inside its app service. \
     Every message to it took the way that messages to any other server take: the caller was identified by \
     a short-lived credential, the caller's roles decided which tools are listed and which may be called, \
     and each call was recorded. Ask an administrator to deny one of the tools in a role and list the tools \
     again: the change acts at once.";

/// How long a modern client may keep the list of tools, in milliseconds.
const TTL_MS: u32 = 60_000;

/// What the tools show.
#[derive(Debug, Clone, Copy)]
pub struct DemoContext<'c> {
    /// The name of the user.
    pub user: &'c str,
    /// Person or bot.
    pub user_kind: &'c str,
    /// The roles of the user.
    pub roles: &'c [String],
    /// The cluster.
    pub cluster: &'c str,
    /// The app under which the server is registered.
    pub app_name: &'c str,
    /// What its registration says it is.
    pub description: &'c str,
    /// How the app is reached.
    pub transport: &'c str,
    /// The session.
    pub session: &'c str,
}

/// One conversation with the demo server.
#[derive(Debug, Default)]
pub struct Demo {
    /// What `initialize` agreed on.
    agreed: Option<Revision>,
}

/// An error to answer with.
struct Failure {
    code: i64,
    message: String,
    data: Option<Value>,
}

// === impl Demo ===

impl Demo {
    /// Starts a conversation.
    pub const fn new() -> Self {
        Self { agreed: None }
    }

    /// Answers one message; nothing when there is nothing to answer.
    pub fn handle(&mut self, message: &[u8], context: &DemoContext<'_>) -> Option<Vec<u8>> {
        let batches = self.agreed.is_some_and(Revision::has_batches);
        let is_batch = message.trim_ascii_start().first() == Some(&b'[');
        if !(batches && is_batch) {
            return match Message::parse(message, &Limits::CLIENT) {
                Ok(message) => self.answer(&message, context),
                Err(refused) => Some(refused.response()),
            };
        }
        let messages = match Message::parse_batch(message, &Limits::CLIENT) {
            Ok(messages) => messages,
            Err(refused) => return Some(refused.response()),
        };
        let replies: Vec<Vec<u8>> =
            messages.iter().filter_map(|message| self.answer(message, context)).collect();
        if replies.is_empty() {
            return None;
        }
        Some([b"[".as_slice(), &replies.join(&b','), b"]"].concat())
    }

    fn answer(&mut self, message: &Message<'_>, context: &DemoContext<'_>) -> Option<Vec<u8>> {
        let Body::Request(request) = &message.body else { return None };
        Some(match self.result(request, context) {
            Ok(result) => error::result(&request.id, result),
            Err(Failure { code, message, data }) => {
                error::response(Some(&request.id), code, &message, data)
            }
        })
    }

    fn result(
        &mut self,
        request: &Request<'_>,
        context: &DemoContext<'_>,
    ) -> Result<Value, Failure> {
        let meta = request.params.meta()?;
        match meta.as_ref().and_then(|meta| meta.protocol_version.as_deref().map(|v| (meta, v))) {
            Some((meta, version)) => modern(request, meta, version, context),
            None => self.legacy(request, context),
        }
    }

    fn legacy(
        &mut self,
        request: &Request<'_>,
        context: &DemoContext<'_>,
    ) -> Result<Value, Failure> {
        match &request.method {
            Method::Initialize => {
                request.params.sound()?;
                let asked = request.params.protocol_version().and_then(|version| version.string());
                let agreed = asked
                    .and_then(|version| Revision::parse(&version))
                    .filter(|revision| revision.era() == Era::Legacy)
                    .unwrap_or(Revision::LATEST_LEGACY);
                self.agreed = Some(agreed);
                Ok(json!({
                    "protocolVersion": agreed.as_str(),
                    "capabilities": {"tools": {}},
                    "serverInfo": server_info(),
                    "instructions": INSTRUCTIONS,
                }))
            }
            Method::Other(method) if method == name::PING => Ok(json!({})),
            Method::ToolsList => Ok(json!({"tools": tools()})),
            Method::ToolsCall => call(request, context),
            other => Err(Failure::unknown_method(other)),
        }
    }
}

fn modern(
    request: &Request<'_>,
    meta: &Meta<'_>,
    version: &str,
    context: &DemoContext<'_>,
) -> Result<Value, Failure> {
    if Revision::parse(version).is_none_or(|revision| revision.era() != Era::Modern) {
        return Err(Failure::unsupported_version(version));
    }
    if meta.client_capabilities.is_none() {
        return Err(Failure::new(
            code::INVALID_PARAMS,
            format!("\"_meta\" must have \"{}\"", meta::CLIENT_CAPABILITIES),
        ));
    }
    let mut result = match &request.method {
        Method::Discover => json!({
            "supportedVersions": versions(),
            "capabilities": {"tools": {}},
            "instructions": INSTRUCTIONS,
            "ttlMs": TTL_MS,
            "cacheScope": "private",
        }),
        Method::ToolsList => json!({"tools": tools(), "ttlMs": TTL_MS, "cacheScope": "private"}),
        Method::ToolsCall => call(request, context)?,
        other => return Err(Failure::unknown_method(other)),
    };
    if let Some(members) = result.as_object_mut() {
        members.insert("resultType".to_owned(), "complete".into());
        let about = Map::from_iter([(meta::SERVER_INFO.to_owned(), server_info())]);
        members.insert("_meta".to_owned(), about.into());
    }
    Ok(result)
}

fn call(request: &Request<'_>, context: &DemoContext<'_>) -> Result<Value, Failure> {
    let call = ToolCall::read(&request.params)?;
    let shown = match call.name.as_ref() {
        USER_INFO => json!({
            "name": context.user,
            "user_kind": context.user_kind,
            "roles": context.roles,
        }),
        SESSION_INFO => json!({
            "cluster": context.cluster,
            "app_name": context.app_name,
            "description": context.description,
            "transport": context.transport,
            "session": context.session,
        }),
        DEMO_INFO => {
            return Ok(
                json!({"content": [{"type": "text", "text": DEMO_INFO_TEXT}], "isError": false}),
            );
        }
        other => return Err(Failure::new(code::INVALID_PARAMS, format!("unknown tool: {other}"))),
    };
    Ok(json!({
        "content": [{"type": "text", "text": shown.to_string()}],
        "structuredContent": shown,
        "isError": false,
    }))
}

fn tools() -> Value {
    let tool = |name: &str, title: &str, description: &str| {
        json!({
            "name": name,
            "title": title,
            "description": description,
            "inputSchema": {"type": "object", "properties": {}},
            "annotations": {"readOnlyHint": true, "openWorldHint": false},
        })
    };
    json!([
        tool(
            DEMO_INFO,
            "About this server",
            "Says what the Tessera demo server is and how calls reach it."
        ),
        tool(
            SESSION_INFO,
            "Session",
            "Shows the cluster, the app, the transport and the session that this call came through."
        ),
        tool(
            USER_INFO,
            "User",
            "Shows the name, the kind and the roles of the user who makes this call."
        ),
    ])
}

fn server_info() -> Value {
    json!({"name": SERVER_NAME, "title": "Tessera demo", "version": env!("CARGO_PKG_VERSION")})
}

/// Newest first.
fn versions() -> Vec<&'static str> {
    Revision::ALL.iter().rev().map(|revision| revision.as_str()).collect()
}

// === impl Failure ===

impl Failure {
    const fn new(code: i64, message: String) -> Self {
        Self { code, message, data: None }
    }

    fn unknown_method(method: &Method<'_>) -> Self {
        Self::new(code::METHOD_NOT_FOUND, format!("method not found: {method}"))
    }

    fn unsupported_version(requested: &str) -> Self {
        Self {
            code: code::UNSUPPORTED_VERSION,
            message: "unsupported protocol version".to_owned(),
            data: Some(json!({"supported": versions(), "requested": requested})),
        }
    }
}

impl From<crate::Reason> for Failure {
    fn from(reason: crate::Reason) -> Self {
        Self::new(reason.code(), reason.to_string())
    }
}

#[cfg(test)]
mod tests;
