//! `app_server`: an agent's live record that it serves an app, or why it does not.

use std::collections::BTreeMap;

use serde_json::Value;
use time::OffsetDateTime;

use crate::app::{App, CommandLabel, Health, ServerStatus, ToldLabel};
use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};

/// An agent's live record that it serves an app. It expires unless the agent renews it.
#[derive(Debug, Clone, PartialEq)]
pub struct AppServer {
    /// Named `<host_id>/<app>`.
    pub metadata: Metadata,
    /// What the agent says.
    pub spec: AppServerSpec,
}

/// What an agent says of an app that it serves.
#[derive(Debug, Clone, PartialEq)]
pub struct AppServerSpec {
    /// The agent.
    pub host_id: String,
    /// The name of its host.
    pub hostname: String,
    /// The version of Tessera that it runs.
    pub version: String,
    /// The app as the agent serves it; its revision may not be the newest.
    pub app: Box<App>,
    /// Whether it serves the app.
    pub state: ServerState,
    /// Since when.
    pub since: Option<OffsetDateTime>,
    /// How many connections are open.
    pub connections: u64,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// How the server is, if the app says that it is to be looked after.
    pub health: Option<Health>,
    /// The proxies that the agent has a tunnel to.
    pub proxy_ids: Vec<String>,
}

/// Whether an agent serves an app.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum ServerState {
    /// Not yet known.
    #[default]
    Starting,
    /// As it is registered.
    Serving,
    /// As it was registered before; the newest registration cannot be served.
    Outdated,
    /// Not at all.
    Failed,
}

impl ServerState {
    const SPELLINGS: [(&'static str, Self); 4] = [
        ("starting", Self::Starting),
        ("serving", Self::Serving),
        ("outdated", Self::Outdated),
        ("failed", Self::Failed),
    ];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Serving => "serving",
            Self::Outdated => "outdated",
            Self::Failed => "failed",
        }
    }
}

impl FromNode for ServerState {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("state", &Self::SPELLINGS)
    }
}

/// What went wrong, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastError {
    /// What went wrong.
    pub message: String,
    /// When.
    pub time: Option<OffsetDateTime>,
}

impl LastError {
    pub(crate) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object.put("message", self.message.as_str()).put_time("time", self.time);
        object
    }
}

impl FromNode for LastError {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            Some(Self { message: table.require("message")?, time: table.get("time").flatten() })
        })
    }
}

impl AppServer {
    /// A record of an agent that has just heard of an app.
    #[must_use]
    pub fn new(host_id: &str, hostname: &str, version: &str, app: App) -> Self {
        let metadata = Metadata {
            description: app.metadata.description.clone(),
            labels: app.all_labels(),
            ..Metadata::named(format!("{host_id}/{}", app.name()))
        };
        let spec = AppServerSpec {
            host_id: host_id.to_owned(),
            hostname: hostname.to_owned(),
            version: version.to_owned(),
            app: Box::new(App { status: None, ..app }),
            state: ServerState::Starting,
            since: None,
            connections: 0,
            last_error: None,
            health: None,
            proxy_ids: Vec::new(),
        };
        Self { metadata, spec }
    }

    /// The name of the app.
    #[must_use]
    pub fn app_name(&self) -> &str {
        self.spec.app.name()
    }

    /// What the app's own `status` says of this agent.
    #[must_use]
    pub fn status(&self) -> ServerStatus {
        ServerStatus {
            host_id: self.spec.host_id.clone(),
            hostname: self.spec.hostname.clone(),
            state: self.spec.state,
            since: self.spec.since,
            connections: self.spec.connections,
            last_error: self.spec.last_error.clone(),
            revision: self.spec.app.metadata.revision.clone(),
            dynamic_labels: self.told_labels(),
            health: self.spec.health.clone(),
        }
    }

    fn told_labels(&self) -> BTreeMap<String, ToldLabel> {
        let told = |label: &CommandLabel| ToldLabel {
            result: label.result.clone(),
            error: label.error.clone(),
        };
        let labels = self.spec.app.spec.dynamic_labels.iter();
        labels.map(|(key, label)| (key.clone(), told(label))).collect()
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::AppServer);
        let metadata = metadata(document, NameRule::Kind);
        let spec = document.required("spec").map(|reader| (reader, reader.table(spec)));
        let (reader, spec) = spec?;
        let (metadata, spec) = (metadata?, spec?);
        let expected = format!("{}/{}", spec.host_id, spec.app.name());
        if metadata.name != expected {
            let help = format!("this record's name is {expected:?}");
            return reader.refuse_with_help("the record is not named after its host and app", help);
        }
        Some(Self { metadata, spec })
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let AppServerSpec { host_id, hostname, version, app, .. } = &self.spec;
        let mut spec = Object::default();
        spec.put("host_id", host_id.as_str())
            .put_text("hostname", hostname)
            .put_text("version", version)
            .put("app", app.to_json())
            .put("state", self.spec.state.as_str())
            .put_time("since", self.spec.since)
            .put("connections", self.spec.connections)
            .put_some("last_error", self.spec.last_error.as_ref().map(LastError::to_object))
            .put_some("health", self.spec.health.as_ref().map(Health::to_object))
            .put_list("proxy_ids", &self.spec.proxy_ids);
        let version = Kind::AppServer.version();
        document(Kind::AppServer, "", version, &self.metadata, spec, Object::default())
    }
}

fn spec(table: &mut Table<'_>) -> Option<AppServerSpec> {
    let host_id = table.require("host_id");
    let app = table.required("app").and_then(|reader| reader.table(read_app));
    let spec = AppServerSpec {
        host_id: String::new(),
        hostname: table.get_or_default("hostname"),
        version: table.get_or_default("version"),
        state: table.get_or_default("state"),
        since: table.get("since").flatten(),
        connections: table.get_or_default("connections"),
        last_error: table.get("last_error"),
        health: table.get("health"),
        proxy_ids: table.get_or_default("proxy_ids"),
        app: Box::new(app?),
    };
    Some(AppServerSpec { host_id: host_id?, ..spec })
}

fn read_app(document: &mut Table<'_>) -> Option<App> {
    document.ignore("kind");
    document.ignore("sub_kind");
    document.ignore("status");
    App::read(document)
}
