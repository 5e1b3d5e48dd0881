//! `proxy`: a proxy's live record of where it is reached.

use serde_json::Value;

use crate::decode::Table;
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};

/// A proxy's live record. It expires unless the proxy renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Named after the host id.
    pub metadata: Metadata,
    /// Where it is reached.
    pub spec: ProxySpec,
}

/// Where a proxy is reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxySpec {
    /// The service.
    pub host_id: String,
    /// The name of its host.
    pub hostname: String,
    /// Where people and programs reach it.
    pub public_addr: String,
    /// Where agents' tunnels end.
    pub tunnel_addr: String,
    /// The version of Tessera that it runs.
    pub version: String,
}

impl Proxy {
    /// A record of a proxy.
    #[must_use]
    pub fn new(spec: ProxySpec) -> Self {
        Self { metadata: Metadata::named(spec.host_id.clone()), spec }
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Proxy);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| {
            reader.table(|table| {
                Some(ProxySpec {
                    host_id: table.require("host_id")?,
                    hostname: table.get_or_default("hostname"),
                    public_addr: table.get_or_default("public_addr"),
                    tunnel_addr: table.get_or_default("tunnel_addr"),
                    version: table.get_or_default("version"),
                })
            })
        });
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut spec = Object::default();
        spec.put("host_id", self.spec.host_id.as_str())
            .put_text("hostname", &self.spec.hostname)
            .put_text("public_addr", &self.spec.public_addr)
            .put_text("tunnel_addr", &self.spec.tunnel_addr)
            .put_text("version", &self.spec.version);
        let version = Kind::Proxy.version();
        document(Kind::Proxy, "", version, &self.metadata, spec, Object::default())
    }
}
