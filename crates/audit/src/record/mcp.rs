//! The use of MCP servers.

use std::sync::Arc;

use serde::Serialize;

use super::{Outcome, Record, UserMetadata};
use crate::event::append_fields;
use crate::redact::{Body, Headers, Omitted, Query, Text, Uri};
use crate::{Code, Message, code};

/// The longest common fields of a session. Roles and traits come from identity providers, and a
/// certificate holds no more than some tens of kilobytes of them.
const MAX_SESSION_BYTES: usize = 24 * 1024;

/// What all events of one session share, written once. Clones are cheap.
#[derive(Clone, Debug)]
pub struct McpSession {
    fields: Arc<str>,
}

/// What an [`McpSession`] is made of.
#[derive(Clone, Debug, Serialize)]
pub struct McpSessionFields<'a> {
    /// The session's identifier, ours.
    #[serde(rename = "sid")]
    pub session_id: &'a str,
    /// Who uses the server.
    #[serde(flatten)]
    pub user: &'a UserMetadata,
    /// The device with which the user proved a second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with_mfa: Option<&'a str>,
    /// How the user's private key is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_key_policy: Option<&'a str>,
    /// The MCP server.
    pub app_name: &'a str,
    /// Where it is.
    pub app_uri: Uri,
    /// The agent that serves it: its identifier,
    pub server_id: &'a str,
    /// its host,
    pub server_hostname: &'a str,
    /// and its version.
    pub server_version: &'a str,
    /// The identifier that the MCP server gave the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcp_session_id: Option<Text<'a>>,
}

/// A client began to use a server.
#[derive(Clone, Debug, Serialize)]
pub struct McpSessionStart<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// Where the client is, as the proxy saw it.
    #[serde(rename = "addr.remote", skip_serializing_if = "Option::is_none")]
    pub remote_addr: Option<&'a str>,
    /// How the agent speaks with the server: `stdio`, `sse`, `streamable-http`.
    pub transport: &'a str,
    /// The client as `name/version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_info: Option<Text<'a>>,
    /// The server as `name/version`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_info: Option<Text<'a>>,
    /// The revision of MCP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<Text<'a>>,
    /// By what the server knows the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_auth_type: Option<EgressAuth>,
}

/// By what an MCP server knows the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EgressAuth {
    /// An identity token of the cluster.
    AppIdToken,
    /// An assertion signed by the cluster.
    AppJwt,
    /// Credentials in the app's definition.
    AppDefined,
    /// Credentials that the client sent.
    UserDefined,
    /// None that is known.
    Unknown,
}

/// A client stopped using a server.
#[derive(Clone, Debug, Serialize)]
pub struct McpSessionEnd<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// The headers of the request that ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<&'a Headers>,
}

/// A client asked something of a server.
#[derive(Clone, Debug, Serialize)]
pub struct McpRequest<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// What was asked.
    pub message: Message<'a>,
    /// Whether it was allowed and sent.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// The headers of the HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<&'a Headers>,
}

/// A client told a server something.
#[derive(Clone, Debug, Serialize)]
pub struct McpNotification<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// What was told.
    pub message: Message<'a>,
    /// Whether it was allowed and sent.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// The headers of the HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<&'a Headers>,
}

/// A client opened a stream to listen to a server.
#[derive(Clone, Debug, Serialize)]
pub struct McpListen<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// Whether it was opened.
    #[serde(flatten)]
    pub outcome: Outcome<'a>,
    /// The headers of the HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub headers: Option<&'a Headers>,
}

/// An HTTP request that MCP does not know.
#[derive(Clone, Debug, Serialize)]
pub struct McpInvalidHttpRequest<'a> {
    /// The session.
    #[serde(skip)]
    pub session: &'a McpSession,
    /// The path.
    pub path: Text<'a>,
    /// The HTTP method.
    pub method: Text<'a>,
    /// The query string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_query: Option<Query>,
    /// The body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Body<'a>>,
    /// The headers.
    pub headers: &'a Headers,
    /// What is wrong with it.
    pub error: Text<'a>,
}

// === impl McpSession ===

impl McpSession {
    /// Writes the common fields down.
    ///
    /// # Errors
    /// When they cannot be written as JSON.
    pub fn new(fields: &McpSessionFields<'_>) -> std::io::Result<Self> {
        let text = render(fields)?;
        if text.len() <= MAX_SESSION_BYTES {
            return Ok(Self { fields: text.into() });
        }
        // What is long can only be what the identity carries; its digest tells two apart.
        let user =
            UserMetadata { roles: Vec::new(), traits: Default::default(), ..fields.user.clone() };
        let all = serde_json::to_vec(fields.user)?;
        let short = Shortened {
            fields: McpSessionFields { user: &user, ..fields.clone() },
            user_omitted: Omitted::new(&all),
        };
        Ok(Self { fields: render(&short)?.into() })
    }

    /// The fields of an object, without its braces.
    pub(crate) fn fields(&self) -> &str {
        &self.fields
    }
}

#[derive(Serialize)]
struct Shortened<'a> {
    #[serde(flatten)]
    fields: McpSessionFields<'a>,
    user_omitted: Omitted,
}

fn render(fields: &impl Serialize) -> std::io::Result<String> {
    let mut line = Vec::new();
    append_fields(&mut line, fields)?;
    let text = String::from_utf8(line).map_err(std::io::Error::other)?;
    Ok(text.strip_prefix(',').unwrap_or_default().to_owned())
}

// === impl Record ===

impl Record for McpSessionStart<'_> {
    fn code(&self) -> &'static Code {
        &code::MCP_SESSION_START
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}

impl Record for McpSessionEnd<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::MCP_SESSION_END, &code::MCP_SESSION_END_FAILURE)
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}

impl Record for McpRequest<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::MCP_SESSION_REQUEST, &code::MCP_SESSION_REQUEST_FAILURE)
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}

impl Record for McpNotification<'_> {
    fn code(&self) -> &'static Code {
        self.outcome.code(&code::MCP_SESSION_NOTIFICATION, &code::MCP_SESSION_NOTIFICATION_FAILURE)
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}

impl Record for McpListen<'_> {
    fn code(&self) -> &'static Code {
        let failure = &code::MCP_SESSION_LISTEN_SSE_STREAM_FAILURE;
        self.outcome.code(&code::MCP_SESSION_LISTEN_SSE_STREAM, failure)
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}

impl Record for McpInvalidHttpRequest<'_> {
    fn code(&self) -> &'static Code {
        &code::MCP_SESSION_INVALID_HTTP_REQUEST
    }

    fn session(&self) -> Option<&McpSession> {
        Some(self.session)
    }
}
