//! Which addresses apps may have.

use url::Url;

use super::Transport;
use crate::report::quoted;
use crate::suggest::nearest;

/// Schemes of MCP servers.
const MCP_SCHEMES: [&str; 5] =
    ["mcp+stdio", "mcp+http", "mcp+https", "mcp+sse+http", "mcp+sse+https"];

/// Schemes of apps that are accepted without being MCP servers.
const OTHER_SCHEMES: [&str; 4] = ["http", "https", "tcp", "cloud"];

/// First labels of host names that mean something to proxies.
const RESERVED_PREFIXES: [&str; 2] = ["kube-teleport-proxy-alpn.", "kube-tessera-proxy-alpn."];

/// Why an address is refused, and what may help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// The transport that a URI asks for; [`None`] for apps that are no MCP servers.
pub(super) fn transport(uri: &str) -> Result<Option<Transport>, Refusal> {
    let Some((scheme, rest)) = uri.split_once("://") else {
        let help = "it begins with a scheme, as in mcp+https://host/path or mcp+stdio://";
        return Err(Refusal::new(format!("{} is not a URI", quoted(uri))).help(help));
    };
    let lower = scheme.to_ascii_lowercase();
    match lower.as_str() {
        "mcp+stdio" => Ok(Some(Transport::Stdio)),
        "mcp+http" | "mcp+https" => {
            let scheme = lower.trim_start_matches("mcp+");
            Ok(Some(Transport::StreamableHttp { url: upstream(uri, scheme, rest)? }))
        }
        "mcp+sse+http" | "mcp+sse+https" => {
            let scheme = lower.trim_start_matches("mcp+sse+");
            Ok(Some(Transport::Sse { url: upstream(uri, scheme, rest)? }))
        }
        other if OTHER_SCHEMES.contains(&other) => Ok(None),
        other => {
            let refusal = Refusal::new(format!("unknown scheme {}", quoted(scheme)));
            Err(match nearest(other, MCP_SCHEMES.into_iter().chain(OTHER_SCHEMES)) {
                Some(name) => refusal.help(format!("did you mean \"{name}://\"?")),
                None => refusal.help(format!("expected one of {}", MCP_SCHEMES.join(", "))),
            })
        }
    }
}

fn upstream(uri: &str, scheme: &str, rest: &str) -> Result<Url, Refusal> {
    // The parser of URLs forgives what another reader may not.
    if rest.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\') {
        let message = format!("{} has blanks, control characters or backslashes", quoted(uri));
        return Err(Refusal::new(message));
    }
    if rest.is_empty() || rest.starts_with(['/', '?', '#']) {
        return Err(Refusal::new(format!("{} names no host", quoted(uri))));
    }
    let url = Url::parse(&format!("{scheme}://{rest}"))
        .map_err(|error| Refusal::new(format!("{} is not a URI: {error}", quoted(uri))))?;
    if !url.username().is_empty() || url.password().is_some() {
        let refusal = Refusal::new("a URI with a user name or password would show them to all");
        return Err(refusal.help("set the header Authorization in rewrite.headers"));
    }
    if url.fragment().is_some() {
        return Err(Refusal::new("a URI with a fragment (\"#…\") cannot be requested"));
    }
    Ok(url)
}

/// Checks the DNS name under which an app is offered. A scheme and a port are tolerated.
pub(super) fn public_addr(address: &str) -> Result<(), Refusal> {
    let host = host_of(address);
    if let Some(prefix) = RESERVED_PREFIXES.iter().find(|prefix| host.starts_with(**prefix)) {
        let message = format!("a public address cannot begin with the reserved {}", quoted(prefix));
        return Err(Refusal::new(message));
    }
    let port = address.rsplit_once(':').map(|(_, port)| port);
    let well_formed = !host.is_empty()
        && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
        && port.is_none_or(|port| port.starts_with("//") || port.parse::<u16>().is_ok());
    if well_formed {
        return Ok(());
    }
    let refusal = Refusal::new(format!("{} is not a host name", quoted(address)));
    Err(refusal.help("for example everything.example.com"))
}

/// Checks the address of an app that a configuration file describes.
pub(super) fn static_public_addr(address: &str) -> Result<(), Refusal> {
    public_addr(address)?;
    let host = host_of(address);
    if host != address {
        return Err(Refusal::new("a public address in a configuration file is a host name alone"));
    }
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Err(Refusal::new("a public address cannot be an IP address"));
    }
    Ok(())
}

/// Checks the name of an app that a configuration file describes: it becomes part of a host name.
pub(super) fn static_name(name: &str) -> Result<(), Refusal> {
    let is_label = name.len() <= 63
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        && !name.starts_with('-')
        && !name.ends_with('-');
    if is_label {
        return Ok(());
    }
    let message = format!("{} cannot be part of a host name", quoted(name));
    Err(Refusal::new(message).help("use lower-case letters, digits and \"-\", at most 63"))
}

pub(super) fn host_of(address: &str) -> &str {
    let host = address.split_once("://").map_or(address, |(_, rest)| rest);
    host.split_once(':').map_or(host, |(host, _)| host)
}

/// True for keys that a dynamic label may have.
pub(super) fn is_label_key(key: &str) -> bool {
    !key.is_empty()
        && key
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '*' | '-' | ':'))
}
