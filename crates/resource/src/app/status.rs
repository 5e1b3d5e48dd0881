//! What is observed of an app.

use std::collections::BTreeMap;

use super::{Health, SeenTool};
use crate::app_server::{LastError, ServerState};
use crate::decode::{FromNode, Reader};
use crate::metadata::Revision;
use crate::object::Object;
use time::OffsetDateTime;

/// What is observed of an app: who serves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppStatus {
    /// One entry for each agent that serves the app or tries to.
    pub servers: Vec<ServerStatus>,
    /// Why there is none.
    pub reason: Option<String>,
    /// The tools that the server was last seen to offer, for who may change the app.
    pub tools: Vec<SeenTool>,
    /// What an administrator should look at.
    pub notice: Option<String>,
}

/// What one agent says of an app.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerStatus {
    /// The agent.
    pub host_id: String,
    /// The name of its host.
    pub hostname: String,
    /// Whether it serves the app.
    pub state: ServerState,
    /// Since when.
    pub since: Option<OffsetDateTime>,
    /// How many connections are open.
    pub connections: u64,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// The revision of the app that it serves; nothing of an app of its configuration file.
    pub revision: Option<Revision>,
    /// What commands on its host told of labels.
    pub dynamic_labels: BTreeMap<String, ToldLabel>,
    /// How the server is, if the app says that it is to be looked after.
    pub health: Option<Health>,
}

/// What a command told of a label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToldLabel {
    /// The last value; nothing before the first.
    pub result: Option<String>,
    /// Why there was none the last time.
    pub error: Option<LastError>,
}

impl AppStatus {
    /// What is observed, as it is printed in an app.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.to_object().into()
    }

    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put("servers", self.servers.iter().map(ServerStatus::to_json).collect::<Vec<_>>())
            .put_some("reason", self.reason.as_deref())
            .put_some("notice", self.notice.as_deref());
        let tools: Vec<serde_json::Value> =
            self.tools.iter().map(|tool| tool.to_object().into()).collect();
        object.put_list("tools", &tools);
        object
    }
}

impl ServerStatus {
    /// What one agent says, as it is printed in an app.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut object = Object::default();
        object
            .put("host_id", self.host_id.as_str())
            .put_text("hostname", &self.hostname)
            .put("state", self.state.as_str())
            .put_time("since", self.since)
            .put("connections", self.connections)
            .put_some("revision", self.revision.as_ref().map(Revision::as_str))
            .put_some("last_error", self.last_error.as_ref().map(LastError::to_object))
            .put_map("dynamic_labels", self.dynamic_labels.iter().map(ToldLabel::entry))
            .put_some("health", self.health.as_ref().map(Health::to_object));
        object.into()
    }
}

impl FromNode for AppStatus {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                servers: table.get_or_default("servers"),
                reason: table.get("reason"),
                tools: table.get_or_default("tools"),
                notice: table.get("notice"),
            })
        })
    }
}

impl FromNode for ServerStatus {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self {
                host_id: table.require("host_id")?,
                hostname: table.get_or_default("hostname"),
                state: table.get_or_default("state"),
                since: table.get("since").flatten(),
                connections: table.get_or_default("connections"),
                last_error: table.get("last_error"),
                revision: table.get::<String>("revision").map(Revision::new),
                dynamic_labels: told_labels(table.field("dynamic_labels"))?,
                health: table.get("health"),
            })
        })
    }
}

fn told_labels(reader: Option<Reader<'_>>) -> Option<BTreeMap<String, ToldLabel>> {
    let Some(reader) = reader else { return Some(BTreeMap::new()) };
    reader.entries()?.map(|(key, label)| Some((key.to_owned(), label.read()?))).collect()
}

impl ToldLabel {
    fn entry<'a>((key, label): (&'a String, &Self)) -> (&'a String, Object) {
        let mut object = Object::default();
        object
            .put_some("result", label.result.as_deref())
            .put_some("error", label.error.as_ref().map(LastError::to_object));
        (key, object)
    }
}

impl FromNode for ToldLabel {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| Some(Self { result: table.get("result"), error: table.get("error") }))
    }
}
