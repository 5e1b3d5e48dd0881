//! What is observed of an app.

use crate::app_server::{LastError, ServerState};
use crate::decode::{FromNode, Reader};
use crate::object::Object;
use time::OffsetDateTime;

/// What is observed of an app: who serves it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppStatus {
    /// One entry for each agent that serves the app or tries to.
    pub servers: Vec<ServerStatus>,
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
}

impl AppStatus {
    /// What is observed, as it is printed in an app.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.to_object().into()
    }

    pub(super) fn to_object(&self) -> Object {
        let servers: Vec<Object> = self
            .servers
            .iter()
            .map(|server| {
                let mut object = Object::default();
                object
                    .put("host_id", server.host_id.as_str())
                    .put_text("hostname", &server.hostname)
                    .put("state", server.state.as_str())
                    .put_time("since", server.since)
                    .put("connections", server.connections)
                    .put_some("last_error", server.last_error.as_ref().map(LastError::to_object));
                object
            })
            .collect();
        let mut object = Object::default();
        object.put(
            "servers",
            servers.into_iter().map(Into::into).collect::<Vec<serde_json::Value>>(),
        );
        object
    }
}

impl FromNode for AppStatus {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| Some(Self { servers: table.get_or_default("servers") }))
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
            })
        })
    }
}
