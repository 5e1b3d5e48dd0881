//! What a process is told by its configuration file, as types that can be acted upon.

mod file;
mod limits;
mod services;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use api::FirstContact;
pub(crate) use cli::address::{AUTH_PORT, PROXY_PORT, with_port};
use resource::token::JoinMethodName;

pub(crate) use file::{host_name, load, parse};
pub(crate) use services::{AppSection, AuthSection, ProxySection};

/// Where state is kept unless the file says otherwise.
pub(crate) const DATA_DIR: &str = "/var/lib/tessera";

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Config {
    /// What this machine calls itself.
    pub(crate) node_name: String,
    /// Where state is kept.
    pub(crate) data_dir: PathBuf,
    /// How much is logged.
    pub(crate) log_level: String,
    /// In which form.
    pub(crate) log_format: runtime::telemetry::Format,
    /// How a process without an auth service becomes part of the cluster.
    pub(crate) join: Option<Join>,
    /// Where it is told how the process is, if anywhere.
    pub(crate) diag_addr: Option<SocketAddr>,
    /// When audit records are forced to disk.
    pub(crate) durability: audit::Durability,
    /// The auth service, if this process runs it.
    pub(crate) auth: Option<AuthSection>,
    /// The proxy, if this process runs one.
    pub(crate) proxy: Option<ProxySection>,
    /// The app service, if this process runs one.
    pub(crate) app: Option<AppSection>,
}

/// How to reach and join the cluster.
#[derive(Debug)]
pub(crate) struct Join {
    /// Where the cluster is, and whom to believe there before there is an identity.
    pub(crate) contact: FirstContact,
    /// How joining is proven.
    pub(crate) method: JoinMethodName,
    /// The join token; needed only until there is an identity.
    pub(crate) token: Option<TokenSource>,
}

/// Where a join token is found.
#[derive(Debug)]
pub(crate) enum TokenSource {
    /// In the configuration.
    Literal(resource::Secret<String>),
    /// In a file.
    File(PathBuf),
}

// === impl TokenSource ===

impl TokenSource {
    /// The token.
    pub(crate) fn read(&self) -> anyhow::Result<resource::Secret<String>> {
        match self {
            Self::Literal(token) => Ok(resource::Secret::new(token.expose().clone())),
            Self::File(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    anyhow::anyhow!("cannot read the join token from {}: {error}", path.display())
                })?;
                Ok(resource::Secret::new(text.trim().to_owned()))
            }
        }
    }
}

/// Reads where it is told how a process is. A port alone is one of this machine's own address.
pub(crate) fn diag_addr(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix(':').unwrap_or(text).parse::<u16>();
    let address = port.map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    address.or_else(|_not_a_port| text.parse()).map_err(|_not_an_address| {
        format!("{text:?} is not an IP address and port such as 127.0.0.1:3000")
    })
}

#[cfg(test)]
mod tests;
