//! Apps and their live records, which may be many, in memory: for lists, for who asks what is observed of
//! an app, and for what an app that is written is compared with.
//!
//! It follows the store; an answer to a write waits until its result is here, so that who wrote reads
//! it back.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use api::{Error, Replica, Snapshot};
use parking_lot::Mutex;
use resource::app::{AppStatus, HealthStatus};
use resource::{Agent, App, AppServer, Kind, Metadata, Resource, Revision, Secrets, ServerState};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;

use crate::app::Reasons;
use crate::confidence;
use crate::cx::{OpCx, Target};
use crate::selection::Selection;
use crate::verb::Verb;

/// What is kept here.
pub(crate) const KINDS: [Kind; 3] = [Kind::App, Kind::AppServer, Kind::Agent];

/// Texts of apps that are not there any more are thrown away when there are so many more than apps.
const SPARE_TEXTS: usize = 1024;

/// Apps and live records in memory.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) replica: Replica,
    /// What was written out last. Held for a look-up or a change.
    texts: Mutex<HashMap<(Written, String), Texts>>,
}

/// What is written out once for all lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Written {
    /// An app, without what is observed of it.
    App,
    /// A live record, where one of each app was asked for.
    Server,
    /// What a live record says in the app's status.
    Status,
}

/// One of them, written out.
#[derive(Clone, Debug)]
struct Texts {
    revision: Revision,
    /// For who is not told what the server is told in confidence.
    masked: Arc<RawValue>,
    /// For who is.
    whole: Arc<RawValue>,
}

// === impl Catalog ===

impl Catalog {
    pub(crate) fn new(replica: Replica) -> Self {
        Self { replica, texts: Mutex::default() }
    }

    /// What is there now.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        self.replica.snapshot()
    }

    /// The apps that the caller may see, as the answer to a list.
    pub(crate) fn apps(
        &self,
        cx: &OpCx,
        secrets: Secrets,
        selection: &Selection,
    ) -> Result<Vec<u8>, Error> {
        let (snapshot, now) = (self.snapshot(), cx.core().clock.now());
        let verb = Verb::reading(secrets);
        let with_status = cx.caller().service().is_none();
        let reasons = Reasons::new(cx);
        let mut list = List::new();
        for app in snapshot.apps.values() {
            if has_ended(&app.metadata, now) || !selection.selects(app) || !cx.sees_app(verb, app) {
                continue;
            }
            let text = self.text(app, cx.is_confidant(Target::App(app), secrets))?;
            if with_status {
                list.push_with(
                    text.get(),
                    "status",
                    &self.status_text(cx, &reasons, &snapshot, app)?,
                );
            } else {
                list.push(text.get().as_bytes());
            }
        }
        list.end(&snapshot.cursor)
    }

    /// The live records that the caller may see, as the answer to a list; on demand one of each app.
    pub(crate) fn servers(
        &self,
        cx: &OpCx,
        secrets: Secrets,
        one_per_app: bool,
    ) -> Result<Vec<u8>, Error> {
        let (snapshot, now) = (self.snapshot(), cx.core().clock.now());
        let verb = Verb::reading(secrets);
        let sees = |server: &&Arc<AppServer>| {
            !has_ended(&server.metadata, now) && cx.sees_server(verb, server)
        };
        let mut list = List::new();
        if one_per_app {
            for servers in snapshot.served() {
                // What commands tell of labels differs from agent to agent.
                let differ = servers.iter().any(|one| !one.spec.app.spec.dynamic_labels.is_empty());
                let most = if differ { servers.len() } else { 1 };
                let mut seen: Vec<_> = servers.iter().filter(sees).collect();
                // What is well somewhere can be used: connections go there when they fail elsewhere.
                seen.sort_by_key(|server| std::cmp::Reverse(well(server)));
                for server in seen.into_iter().take(most) {
                    let confidant = cx.is_confidant(Target::Server(server), secrets);
                    list.push(self.server_text(server, confidant)?.get().as_bytes());
                }
            }
            return list.end(&snapshot.cursor);
        }
        for server in snapshot.app_servers.values().filter(sees) {
            let mut shown = Resource::AppServer((**server).clone());
            confidence::conceal(cx, &mut shown, secrets);
            list.push(&serde_json::to_vec(&shown.to_json(secrets)).map_err(Error::internal)?);
        }
        list.end(&snapshot.cursor)
    }

    /// An app without its status as JSON, written out once for each of its revisions.
    pub(crate) fn text(&self, app: &App, confidant: bool) -> Result<Arc<RawValue>, Error> {
        self.written(Written::App, &app.metadata, confidant, || {
            let mut shown = App { status: None, ..app.clone() };
            let whole = raw(&shown.to_json())?;
            let masked = confidence::mask(&mut shown);
            let masked = if masked { raw(&shown.to_json())? } else { whole.clone() };
            Ok((whole, masked))
        })
    }

    /// The same of a live record.
    fn server_text(&self, server: &AppServer, confidant: bool) -> Result<Arc<RawValue>, Error> {
        self.written(Written::Server, &server.metadata, confidant, || {
            let mut shown = server.clone();
            let whole = raw(&shown.to_json())?;
            let masked = confidence::mask(&mut shown.spec.app);
            let masked = if masked { raw(&shown.to_json())? } else { whole.clone() };
            Ok((whole, masked))
        })
    }

    /// What [`observed`] says of an app, as JSON: with thousands of apps, most of it was written out before.
    fn status_text(
        &self,
        cx: &OpCx,
        reasons: &Reasons,
        snapshot: &Snapshot,
        app: &App,
    ) -> Result<Vec<u8>, Error> {
        let (live, reason) = serving(cx, reasons, snapshot, app);
        let mut list = List::opened(br#"{"servers":["#);
        for server in live {
            let text = self.written(Written::Status, &server.metadata, true, || {
                let text = raw(&server.status().to_json())?;
                Ok((text.clone(), text))
            })?;
            list.push(text.get().as_bytes());
        }
        let mut text = list.body;
        text.push(b']');
        if let Some(reason) = reason {
            text.extend_from_slice(br#","reason":"#);
            serde_json::to_writer(&mut text, &reason).map_err(Error::internal)?;
        }
        text.push(b'}');
        Ok(text)
    }

    /// What is known to be written out, or is now by `write`: for who is told everything, and for who is
    /// not.
    fn written(
        &self,
        what: Written,
        metadata: &Metadata,
        confidant: bool,
        write: impl FnOnce() -> Result<(Arc<RawValue>, Arc<RawValue>), Error>,
    ) -> Result<Arc<RawValue>, Error> {
        let Some(revision) = &metadata.revision else {
            let (whole, masked) = write()?;
            return Ok(if confidant { whole } else { masked });
        };
        let key = (what, metadata.name.clone());
        let known = self.texts.lock().get(&key).cloned();
        let texts = match known.filter(|texts| texts.revision == *revision) {
            Some(texts) => texts,
            None => {
                let (whole, masked) = write()?;
                let texts = Texts { revision: revision.clone(), masked, whole };
                let there = self.snapshot();
                let most = 3 * there.apps.len() + 2 * there.app_servers.len() + SPARE_TEXTS;
                let mut all = self.texts.lock();
                if all.len() >= most {
                    all.clear();
                }
                all.insert(key, texts.clone());
                texts
            }
        };
        Ok(if confidant { texts.whole } else { texts.masked })
    }

    /// The apps that there are records of which a host wrote.
    pub(crate) fn apps_of(&self, host_id: &str) -> Vec<String> {
        let snapshot = self.snapshot();
        let servers = snapshot.app_servers.values();
        let own = servers.filter(|server| server.spec.host_id == host_id);
        own.map(|server| server.app_name().to_owned()).collect()
    }

    /// What agents say of an app: who serves it, since when, what went wrong last; and if nobody does,
    /// why.
    pub(crate) fn observed(&self, cx: &OpCx, app: &App) -> AppStatus {
        observed(cx, &Reasons::new(cx), &self.snapshot(), app)
    }

    /// An app as each agent sees it that says anything of its labels; as nobody does, if none does.
    pub(crate) fn views(&self, app: &App, now: OffsetDateTime) -> Vec<App> {
        let snapshot = self.snapshot();
        let servers = snapshot.servers_of(app.name()).iter();
        let views: Vec<App> = servers
            .filter(|server| !has_ended(&server.metadata, now))
            .map(|server| &server.spec.app.spec.dynamic_labels)
            .filter(|told| !told.is_empty())
            .map(|told| app.with_results(told))
            .collect();
        if views.is_empty() { vec![app.with_results(&BTreeMap::new())] } else { views }
    }

    /// The agent that has an app of this name in its configuration file.
    pub(crate) fn holder(&self, app: &str) -> Option<Arc<Agent>> {
        let snapshot = self.snapshot();
        let has = |agent: &&Arc<Agent>| agent.spec.apps.iter().any(|fixed| fixed.name == app);
        snapshot.agents.values().find(has).cloned()
    }

    /// Another app that is offered under this host name.
    pub(crate) fn offered(&self, host: &str, except: &str) -> Option<String> {
        let snapshot = self.snapshot();
        let mut registered = snapshot.apps.values();
        let claims = |app: &&Arc<App>| {
            app.name() != except && app.public_host().is_some_and(|known| known == host)
        };
        let found = registered.find(claims).map(|app| app.name().to_owned());
        found.or_else(|| {
            let mut fixed = snapshot.agents.values().flat_map(|agent| &agent.spec.apps);
            let claims = |address: &str| address.eq_ignore_ascii_case(host);
            let found = fixed.find(|app| app.name != except && claims(&app.public_addr));
            found.map(|app| app.name.clone())
        })
    }
}

fn observed(cx: &OpCx, reasons: &Reasons, snapshot: &Snapshot, app: &App) -> AppStatus {
    let (servers, reason) = serving(cx, reasons, snapshot, app);
    let servers = servers.into_iter().map(|server| server.status()).collect();
    AppStatus { servers, reason, ..AppStatus::default() }
}

/// Who serves an app, or tries to, as far as the caller is told; and if nobody does, why.
fn serving<'a>(
    cx: &OpCx,
    reasons: &Reasons,
    snapshot: &'a Snapshot,
    app: &App,
) -> (Vec<&'a AppServer>, Option<String>) {
    let now = cx.core().clock.now();
    let servers = snapshot.servers_of(app.name()).iter();
    let live: Vec<_> = servers.filter(|server| !has_ended(&server.metadata, now)).collect();
    let reason = live.is_empty().then(|| reasons.of(app));
    // Agents may tell different labels: of those whose app is out of sight nothing is said.
    let seen = live.into_iter().filter(|server| cx.reaches_server(server));
    let mut servers: Vec<_> = seen.map(|server| &**server).collect();
    servers.sort_by(|one, other| one.spec.host_id.cmp(&other.spec.host_id));
    (servers, reason)
}

/// How an agent finds the server of an app, for comparing.
fn well(server: &AppServer) -> (bool, HealthStatus) {
    let status = server.spec.health.as_ref().map_or(HealthStatus::Unknown, |health| health.status);
    (server.spec.state != ServerState::Failed, status)
}

/// Whether a resource's end has come. The store tells of it a moment later.
fn has_ended(metadata: &Metadata, now: OffsetDateTime) -> bool {
    metadata.expires.is_some_and(|end| end <= now)
}

fn raw(value: &Value) -> Result<Arc<RawValue>, Error> {
    to_raw_value(value).map(Arc::from).map_err(Error::internal)
}

/// The answer to a list while it is written: see [`api::wire::ListBody`].
struct List {
    body: Vec<u8>,
    is_first: bool,
}

// === impl List ===

impl List {
    fn new() -> Self {
        Self::opened(br#"{"items":["#)
    }

    fn opened(beginning: &[u8]) -> Self {
        Self { body: beginning.to_vec(), is_first: true }
    }

    fn push(&mut self, item: &[u8]) {
        if !std::mem::take(&mut self.is_first) {
            self.body.push(b',');
        }
        self.body.extend_from_slice(item);
    }

    /// One more member in an object that is written already and has some.
    fn push_with(&mut self, item: &str, member: &str, value: &[u8]) {
        self.push(item.strip_suffix('}').unwrap_or(item).as_bytes());
        self.body.extend_from_slice(format!(",\"{member}\":").as_bytes());
        self.body.extend_from_slice(value);
        self.body.push(b'}');
    }

    fn end(mut self, cursor: &str) -> Result<Vec<u8>, Error> {
        self.body.extend_from_slice(br#"],"cursor":"#);
        serde_json::to_writer(&mut self.body, cursor).map_err(Error::internal)?;
        self.body.push(b'}');
        Ok(self.body)
    }
}
