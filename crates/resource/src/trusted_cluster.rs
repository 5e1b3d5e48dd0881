//! `trusted_cluster`: a cluster whose users may come here, as a map of roles says.

use std::fmt;

use serde_json::Value;

use crate::connector::{filled, shown};
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};
use crate::secret::{MASK, Secret, Secrets};

/// A cluster whose users may come here. Trust in it lasts as long as this is there and enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCluster {
    /// The name is the other cluster's.
    pub metadata: Metadata,
    /// What is agreed upon.
    pub spec: TrustedClusterSpec,
    /// What is known of it.
    pub status: TrustedClusterStatus,
}

/// How another cluster is reached, and what its users may be here.
#[derive(Clone, PartialEq, Eq)]
pub struct TrustedClusterSpec {
    /// Whether it is trusted at the moment.
    pub enabled: bool,
    /// By what this cluster joined it. Empty in what is kept without secrets.
    pub token: Secret<String>,
    /// Where its proxies take tunnels: `host:port`. The web address if it is empty.
    pub tunnel_addr: String,
    /// Where its proxies are reached by everybody: `host:port`.
    pub web_proxy_addr: String,
    /// Which roles its users have here.
    pub role_map: Vec<RoleMapping>,
    /// By which keys it is known the first time. With none, this machine's roots vouch for its proxy.
    pub ca_pins: Vec<String>,
}

/// What is known of a trusted cluster. The auth service writes it, nobody else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedClusterStatus {
    /// Where its proxies take tunnels, as it told last.
    pub proxies: Vec<String>,
}

/// One entry of a role map as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleMapping {
    /// Which remote roles it is about: text, glob or `^…$`.
    pub remote: String,
    /// What they become; `$1` and `${name}` stand for groups of the match, and every `*` is a group.
    pub local: Vec<String>,
}

impl TrustedCluster {
    /// A cluster that is trusted.
    pub fn new(name: impl Into<String>, spec: TrustedClusterSpec) -> Self {
        let status = TrustedClusterStatus::default();
        Self { metadata: Metadata::named(name), spec, status }
    }

    /// The other cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether the token is only a mask: a resource that was read where secrets are not shown.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.spec.token.expose() == MASK
    }

    /// Where its proxies take tunnels: what they told of themselves, then what is configured.
    #[must_use]
    pub fn tunnel_addresses(&self) -> Vec<String> {
        let spec = &self.spec;
        let configured =
            [&spec.tunnel_addr, &spec.web_proxy_addr].into_iter().find(|addr| !addr.is_empty());
        let mut all = self.status.proxies.clone();
        if all.is_empty() {
            all.extend(configured.cloned());
        }
        all
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::TrustedCluster);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| reader.table(spec));
        let status = document.field("status").map_or_else(|| Some(Default::default()), status);
        Some(Self { metadata: metadata?, spec: spec?, status: status? })
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self, secrets: Secrets) -> Value {
        let from = &self.spec;
        let role_map: Vec<Value> = from.role_map.iter().map(RoleMapping::to_value).collect();
        let mut spec = Object::default();
        spec.put("enabled", from.enabled)
            .put_text("token", token(&from.token, secrets))
            .put_text("tunnel_addr", &from.tunnel_addr)
            .put_text("web_proxy_addr", &from.web_proxy_addr)
            .put("role_map", role_map)
            .put_list("ca_pins", &from.ca_pins);
        let mut status = Object::default();
        status.put_list("proxies", &self.status.proxies);
        let version = Kind::TrustedCluster.version();
        document(Kind::TrustedCluster, "", version, &self.metadata, spec, status)
    }
}

impl RoleMapping {
    fn to_value(&self) -> Value {
        let mut object = Object::default();
        object.put("remote", self.remote.as_str()).put("local", self.local.clone());
        object.into()
    }
}

impl FromNode for RoleMapping {
    /// What is wrong with patterns, and with what is missing, is told where the whole map is checked.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                remote: table.get_or_default("remote"),
                local: table.get_or_default("local"),
            })
        })
    }
}

fn spec(table: &mut Table<'_>) -> Option<TrustedClusterSpec> {
    let enabled = table.field("enabled").map_or(Some(true), Reader::read);
    let token = table.field("token").map_or_else(|| Some(Secret::new(String::new())), Reader::read);
    let tunnel_addr = address(table, "tunnel_addr");
    let web_proxy_addr = address(table, "web_proxy_addr");
    let role_map = table.field("role_map").map_or_else(|| Some(Vec::new()), Reader::read);
    let ca_pins = table.field("ca_pins").map_or_else(|| Some(Vec::new()), Reader::read);
    // A field of documents in use that says something else than a map: silently ignored, nobody would come in.
    if let Some(reader) = table.field("roles") {
        reader.refuse_with_help::<()>("roles is not supported", "write a role_map");
    }
    let (tunnel_addr, web_proxy_addr) = (tunnel_addr?, web_proxy_addr?);
    if tunnel_addr.is_empty() && web_proxy_addr.is_empty() {
        return table.missing(
            "web_proxy_addr",
            "missing: the host:port of a proxy of the cluster that is to be trusted",
        );
    }
    Some(TrustedClusterSpec {
        enabled: enabled?,
        token: token?,
        tunnel_addr,
        web_proxy_addr,
        role_map: role_map?,
        ca_pins: ca_pins?,
    })
}

/// An address to dial, if there is one: a host and a port.
fn address(table: &mut Table<'_>, name: &'static str) -> Option<String> {
    let Some(reader) = table.field(name) else { return Some(String::new()) };
    let text = filled(reader)?;
    let dialled = text.rsplit_once(':').filter(|(host, _port)| !host.is_empty());
    match dialled.map(|(_host, port)| port.parse::<u16>()) {
        Some(Ok(port)) if port != 0 => Some(text),
        _ => reader.refuse_with_help(
            format!("{text:?} is not an address to dial"),
            "write the host and the port, as in root.example.com:443",
        ),
    }
}

fn status(reader: Reader<'_>) -> Option<TrustedClusterStatus> {
    reader.table(|table| Some(TrustedClusterStatus { proxies: table.get_or_default("proxies") }))
}

fn token(token: &Secret<String>, secrets: Secrets) -> &str {
    if token.expose().is_empty() { "" } else { shown(token, secrets) }
}

impl fmt::Debug for TrustedClusterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustedClusterSpec")
            .field("enabled", &self.enabled)
            .field("web_proxy_addr", &self.web_proxy_addr)
            .field("role_map", &self.role_map)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
