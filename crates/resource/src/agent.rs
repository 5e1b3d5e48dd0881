//! `agent`: an app service's live record of what it was told to serve.

use serde_json::Value;

use crate::app::App;
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::label::LabelSelector;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};

/// An app service's live record. It expires unless the service renews it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// Named after the host id.
    pub metadata: Metadata,
    /// What it says of itself.
    pub spec: AgentSpec,
}

/// What an app service says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentSpec {
    /// The service.
    pub host_id: String,
    /// The name of its host.
    pub hostname: String,
    /// The version of Tessera that it runs.
    pub version: String,
    /// Which registered apps it serves: those that one of these fits.
    pub resources: Vec<LabelSelector>,
    /// The apps of its configuration file.
    pub apps: Vec<FixedApp>,
}

/// An app of a configuration file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FixedApp {
    /// Its name. No other app has it where this agent is.
    pub name: String,
    /// The DNS name under which it is offered, if the file says one.
    pub public_addr: String,
}

impl Agent {
    /// A record of an app service.
    #[must_use]
    pub fn new(spec: AgentSpec) -> Self {
        Self { metadata: Metadata::named(spec.host_id.clone()), spec }
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::Agent);
        let metadata = metadata(document, NameRule::Plain);
        let spec = document.required("spec").and_then(|reader| {
            reader.table(|table| {
                Some(AgentSpec {
                    host_id: table.require("host_id")?,
                    hostname: table.get_or_default("hostname"),
                    version: table.get_or_default("version"),
                    resources: table
                        .field("resources")
                        .map_or_else(|| Some(Vec::new()), selectors)?,
                    apps: table.get_or_default("apps"),
                })
            })
        });
        Some(Self { metadata: metadata?, spec: spec? })
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let selector = |selector: &LabelSelector| {
            let mut object = Object::default();
            object.put("labels", selector.to_json());
            object.into()
        };
        let resources: Vec<Value> = self.spec.resources.iter().map(selector).collect();
        let apps: Vec<Value> = self.spec.apps.iter().map(FixedApp::to_value).collect();
        let mut spec = Object::default();
        spec.put("host_id", self.spec.host_id.as_str())
            .put_text("hostname", &self.spec.hostname)
            .put_text("version", &self.spec.version)
            .put_list("resources", &resources)
            .put_list("apps", &apps);
        let version = Kind::Agent.version();
        document(Kind::Agent, "", version, &self.metadata, spec, Object::default())
    }
}

/// Reads selectors as configuration files write them.
fn selectors(reader: Reader<'_>) -> Option<Vec<LabelSelector>> {
    reader.items()?.map(|item| item.table(|table| table.require("labels"))).collect()
}

impl FixedApp {
    /// What is told of an app.
    #[must_use]
    pub fn of(app: &App) -> Self {
        Self { name: app.name().to_owned(), public_addr: app.spec.public_addr.clone() }
    }

    fn to_value(&self) -> Value {
        let mut object = Object::default();
        object.put("name", self.name.as_str()).put_text("public_addr", &self.public_addr);
        object.into()
    }
}

impl FromNode for FixedApp {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let name = table.require("name");
            let public_addr = table.get_or_default("public_addr");
            Some(Self { name: name?, public_addr })
        })
    }
}

#[cfg(test)]
mod tests;
