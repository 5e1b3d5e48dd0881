//! What was last used of apps, as the audit log tells, and the tools that they were last seen to offer.
//!
//! What a server offers is told to nobody who may not use it, but for those who may change the app, or roles.
//! What was used is in the log, for those who may read that.

use std::collections::{BTreeMap, BTreeSet};

use api::wire::{AuditQuery, SeenQuery};
use api::{Client, ErrorKind};
use policy::Kind;
use serde_json::Value;

/// How many requests are looked at, the newest first.
const REQUESTS: usize = 2000;

/// The names that were used, by app.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeMap<String, BTreeSet<(&'static str, String)>>);

// === impl Seen ===

impl Seen {
    /// Reads the log; nothing where the caller may not.
    pub(super) async fn lately(client: &Client) -> anyhow::Result<Option<Self>> {
        let query = AuditQuery {
            event: Some("mcp.session.request".to_owned()),
            limit: Some(REQUESTS),
            ..AuditQuery::default()
        };
        let page = match client.search_audit(&query).await {
            Ok(page) => page,
            Err(error) if error.kind() == ErrorKind::Denied => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut seen = Self::default();
        for event in &page.events {
            seen.note(&serde_json::from_str(event.get())?);
        }
        Ok(Some(seen))
    }

    /// Adds the tools that servers were last seen to offer. Says whether the caller may know them.
    pub(super) async fn add_offered(&mut self, client: &Client) -> anyhow::Result<bool> {
        let offered = match client.seen_tools(&SeenQuery::default()).await {
            Ok(offered) => offered,
            Err(error) if error.kind() == ErrorKind::Denied => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        for (app, tools) in offered.apps {
            let names = self.0.entry(app).or_default();
            names.extend(tools.into_iter().map(|tool| (Kind::Tool.field(), tool)));
        }
        Ok(true)
    }

    /// Takes a request in that reached its server.
    pub(super) fn note(&mut self, event: &Value) {
        let at = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        let named = match at("/message/method") {
            Some("tools/call") => at("/message/params/name").map(|name| (Kind::Tool, name)),
            Some("prompts/get") => at("/message/params/name").map(|name| (Kind::Prompt, name)),
            Some("resources/read" | "resources/subscribe") => {
                at("/message/params/uri").map(|uri| (Kind::Resource, uri))
            }
            _ => None,
        };
        let reached = event.get("success") == Some(&Value::Bool(true));
        if let (Some(app), Some((kind, name)), true) = (at("/app_name"), named, reached) {
            let names = self.0.entry(app.to_owned()).or_default();
            names.insert((kind.field(), name.to_owned()));
        }
    }

    /// What was used of one kind of one app.
    pub(super) fn of(&self, app: &str, kind: Kind) -> impl Iterator<Item = &String> {
        let names = self.0.get(app).into_iter().flatten();
        names.filter(move |(field, _)| *field == kind.field()).map(|(_, name)| name)
    }
}
