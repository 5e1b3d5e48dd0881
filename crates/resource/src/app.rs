//! `app`: one MCP server.
//!
//! Apps that are no MCP servers (web pages, TCP services) are accepted, because documents in use have them, and have no
//! [`Transport`]: nothing serves them.

mod check;
mod dynamic;
mod fixed;
mod given;
mod health;
mod protocol;
mod read;
mod seen;
mod status;
mod tls;
mod write;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

pub use dynamic::{CommandLabel, KnownLabels, MAX_COMMAND_LABELS};
pub use fixed::{DEMO_APP_NAME, DEMO_APP_URI, StaticApp};
pub use given::Given;
pub use health::{Health, HealthCheck, HealthStatus};
pub use protocol::Protocol;
pub use seen::{SeenTool, ToolChange};
pub use status::{AppStatus, ServerStatus, ToldLabel};
pub use tls::UpstreamTls;

use crate::label::{
    APP_SUB_KIND_LABEL, ORIGIN_LABEL, RESOURCE_TYPE_DEMO, RESOURCE_TYPE_LABEL, SUB_KIND_MCP,
};
use crate::metadata::Metadata;

/// The URI of a stdio server whose document gives a command and no URI.
pub const STDIO_URI: &str = "mcp+stdio://";

/// One MCP server.
#[derive(Debug, Clone, PartialEq)]
pub struct App {
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// What was written.
    pub spec: AppSpec,
    /// What was observed. Printed; ignored when a document is written.
    pub status: Option<AppStatus>,
}

/// What an administrator says of an app.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AppSpec {
    /// Where it is reached; the scheme chooses the transport.
    pub uri: String,
    /// The DNS name under which it is offered; empty when the cluster is to choose one.
    pub public_addr: String,
    /// Whether the server's certificate goes unchecked.
    pub insecure_skip_verify: bool,
    /// By what the server's certificate is checked, and what it is shown.
    pub tls: Option<UpstreamTls>,
    /// How to start it, when it is to be started, and what it speaks.
    pub mcp: Option<McpSpec>,
    /// What is changed in requests.
    pub rewrite: Option<Rewrite>,
    /// Labels whose values commands on the agent's host tell.
    pub dynamic_labels: BTreeMap<String, CommandLabel>,
    /// Known fields about other sorts of apps, kept and printed back. They mean nothing here.
    pub other: Map<String, Value>,
}

/// How to start a stdio server, and what a server speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpSpec {
    /// The program.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The user of the agent's host that it runs as.
    pub run_as_host_user: String,
    /// Environment variables that it gets besides the few that everything gets.
    pub env: BTreeMap<String, Given>,
    /// The directory that it works in; empty for its user's home.
    pub cwd: String,
    /// How long it may take to answer for the first time.
    pub start_timeout: Option<Duration>,
    /// What the server speaks; of servers of every transport.
    pub protocol: Option<Protocol>,
    /// How agents look whether the server is well; not at all without it. Of servers of every transport.
    pub health_check: Option<HealthCheck>,
}

/// What is changed in requests on their way to the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Headers that are set.
    pub headers: Vec<Header>,
    /// What the identity token for the server tells.
    pub jwt_claims: JwtClaims,
    /// Hosts that are rewritten in redirections. Means nothing for MCP servers.
    pub redirect: Vec<String>,
}

/// A header that is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value. Text in the document may be a template; text from elsewhere is taken as it is.
    pub value: Given,
}

impl Header {
    /// Headers that are the gateway's business: the connection's, the protocol's, and those by which
    /// servers learn who is there.
    const RESERVED: [&'static str; 21] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "forwarded",
        "keep-alive",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "tessera-jwt-assertion",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    const RESERVED_PREFIXES: [&'static str; 4] =
        ["mcp-param-", "x-forwarded-", "x-teleport-", "x-tessera-"];

    /// Whether the header is the gateway's business, so that apps cannot set it.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        Self::is_reserved_name(&self.name)
    }

    /// The same of a header of this name.
    #[must_use]
    pub fn is_reserved_name(name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        Self::RESERVED.contains(&name.as_str())
            || Self::RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
    }
}

/// What the identity token for a server tells about the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum JwtClaims {
    /// Roles and traits.
    #[default]
    RolesAndTraits,
    /// Roles only.
    Roles,
    /// Traits only.
    Traits,
    /// Neither.
    None,
}

impl JwtClaims {
    /// Every value with its spelling in documents.
    pub(crate) const SPELLINGS: [(&'static str, Self); 4] = [
        ("roles-and-traits", Self::RolesAndTraits),
        ("roles", Self::Roles),
        ("traits", Self::Traits),
        ("none", Self::None),
    ];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        let spelling = Self::SPELLINGS.into_iter().find(|(_, value)| *value == self);
        spelling.map_or("roles-and-traits", |(name, _)| name)
    }
}

/// How the server is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// The agent starts a process.
    Stdio,
    /// Streamable HTTP.
    StreamableHttp {
        /// Where it listens, as `http` or `https`.
        url: Url,
    },
    /// HTTP with server-sent events, as in the first revision of the protocol.
    Sse {
        /// Where it listens, as `http` or `https`.
        url: Url,
    },
}

impl Transport {
    /// The name in tables and records.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::StreamableHttp { .. } => "Streamable HTTP",
            Self::Sse { .. } => "SSE",
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl App {
    /// The app's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// How the server is spoken to; [`None`] when the app is no MCP server.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        check::transport(&self.spec.uri).ok().flatten()
    }

    /// True for MCP servers.
    #[must_use]
    pub fn is_mcp(&self) -> bool {
        self.metadata.labels.get(APP_SUB_KIND_LABEL).is_some_and(|kind| kind == SUB_KIND_MCP)
    }

    /// `mcp`, or nothing.
    #[must_use]
    pub fn sub_kind(&self) -> &'static str {
        if self.is_mcp() { SUB_KIND_MCP } else { "" }
    }

    /// True for the built-in demo server, which the agent answers for without starting anything.
    #[must_use]
    pub fn is_demo(&self) -> bool {
        self.metadata.labels.get(RESOURCE_TYPE_LABEL).is_some_and(|kind| kind == RESOURCE_TYPE_DEMO)
            && self.spec.uri == DEMO_APP_URI
            && self.spec.mcp.as_ref().is_none_or(|mcp| mcp.command.is_empty())
    }

    /// The host name under which the app says that it is offered, in lower case.
    #[must_use]
    pub fn public_host(&self) -> Option<String> {
        let host = check::host_of(&self.spec.public_addr);
        (!host.is_empty()).then(|| host.to_ascii_lowercase())
    }

    /// The host name under which an app is offered that says none itself: its name below a proxy's.
    /// Nothing where that is no host name.
    #[must_use]
    pub fn host_below(&self, proxy: &str) -> Option<String> {
        check::static_name(self.name()).ok()?;
        Some(format!("{}.{}", self.name(), proxy.to_ascii_lowercase()))
    }

    /// Where the app comes from; see [`ORIGIN_LABEL`].
    #[must_use]
    pub fn origin(&self) -> &str {
        self.metadata.labels.get(ORIGIN_LABEL).map_or("", String::as_str)
    }

    /// Says where the app comes from. Whoever accepts an app knows; its document may be wrong.
    pub fn set_origin(&mut self, origin: &str) {
        self.metadata.labels.insert(ORIGIN_LABEL.to_owned(), origin.to_owned());
    }

    /// True when two apps differ in nothing that somebody wrote: revision and status apart.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        let mut metadata = self.metadata.clone();
        metadata.revision.clone_from(&other.metadata.revision);
        metadata == other.metadata && self.spec == other.spec
    }

    /// Sets the label that marks MCP servers, or takes it away.
    fn derive_labels(&mut self) {
        if self.transport().is_some() {
            self.metadata.labels.insert(APP_SUB_KIND_LABEL.to_owned(), SUB_KIND_MCP.to_owned());
        } else {
            self.metadata.labels.remove(APP_SUB_KIND_LABEL);
        }
    }
}

#[cfg(test)]
mod tests;
