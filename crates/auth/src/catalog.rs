//! Apps and their live records, which may be many, in memory: for lists, and for who asks what is
//! observed of an app.
//!
//! It follows the store; an answer to a write waits until its result is here, so that who wrote reads
//! it back.

use std::collections::HashMap;
use std::sync::Arc;

use api::{Error, Replica, Snapshot};
use parking_lot::Mutex;
use resource::app::AppStatus;
use resource::{App, Kind, Metadata, Resource, Revision, Secrets};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;

use crate::confidence;
use crate::cx::{OpCx, Target};
use crate::selection::Selection;
use crate::verb::Verb;

/// What is kept here.
pub(crate) const KINDS: [Kind; 2] = [Kind::App, Kind::AppServer];

/// Texts of apps that are not there any more are thrown away when there are so many more than apps.
const SPARE_TEXTS: usize = 1024;

/// Apps and live records in memory.
#[derive(Debug)]
pub(crate) struct Catalog {
    pub(crate) replica: Replica,
    /// Apps as they were written out last. Held for a look-up or a change.
    texts: Mutex<HashMap<String, Texts>>,
}

/// One app, written out.
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
        let mut list = List::new();
        for app in snapshot.apps.values() {
            if has_ended(&app.metadata, now) || !selection.selects(app) || !cx.sees_app(verb, app) {
                continue;
            }
            let text = self.text(app, cx.is_confidant(Target::App(app), secrets))?;
            if with_status {
                let status = serde_json::to_vec(&observed(&snapshot, app.name(), now).to_json());
                list.push_with(text.get(), "status", &status.map_err(Error::internal)?);
            } else {
                list.push(text.get().as_bytes());
            }
        }
        list.end(&snapshot.cursor)
    }

    /// The live records that the caller may see, as the answer to a list.
    pub(crate) fn servers(&self, cx: &OpCx, secrets: Secrets) -> Result<Vec<u8>, Error> {
        let (snapshot, now) = (self.snapshot(), cx.core().clock.now());
        let verb = Verb::reading(secrets);
        let mut list = List::new();
        for server in snapshot.app_servers.values() {
            if has_ended(&server.metadata, now) || !cx.sees_server(verb, server) {
                continue;
            }
            let mut shown = Resource::AppServer((**server).clone());
            confidence::conceal(cx, &mut shown, secrets);
            list.push(&serde_json::to_vec(&shown.to_json(secrets)).map_err(Error::internal)?);
        }
        list.end(&snapshot.cursor)
    }

    /// An app without its status as JSON, written out once for each of its revisions.
    pub(crate) fn text(&self, app: &App, confidant: bool) -> Result<Arc<RawValue>, Error> {
        let pick =
            |texts: &Texts| if confidant { texts.whole.clone() } else { texts.masked.clone() };
        let revision = app.metadata.revision.as_ref();
        let known = self.texts.lock().get(app.name()).cloned();
        if let Some(texts) = known.filter(|texts| Some(&texts.revision) == revision) {
            return Ok(pick(&texts));
        }
        let texts = write_out(app)?;
        let picked = pick(&texts);
        if revision.is_some() {
            let most = 2 * self.snapshot().apps.len() + SPARE_TEXTS;
            let mut all = self.texts.lock();
            if all.len() >= most {
                all.clear();
            }
            all.insert(app.name().to_owned(), texts);
        }
        Ok(picked)
    }

    /// The apps that there are records of which a host wrote.
    pub(crate) fn apps_of(&self, host_id: &str) -> Vec<String> {
        let snapshot = self.snapshot();
        let servers = snapshot.app_servers.values();
        let own = servers.filter(|server| server.spec.host_id == host_id);
        own.map(|server| server.app_name().to_owned()).collect()
    }

    /// What agents say of an app: who serves it, since when, what went wrong last.
    pub(crate) fn observed(&self, app: &str, now: OffsetDateTime) -> AppStatus {
        observed(&self.snapshot(), app, now)
    }
}

fn observed(snapshot: &Snapshot, app: &str, now: OffsetDateTime) -> AppStatus {
    let servers = snapshot.servers_of(app).iter();
    let mut servers: Vec<_> = servers
        .filter(|server| !has_ended(&server.metadata, now))
        .map(|server| server.status())
        .collect();
    servers.sort_by(|one, other| one.host_id.cmp(&other.host_id));
    AppStatus { servers }
}

/// Whether a resource's end has come. The store tells of it a moment later.
fn has_ended(metadata: &Metadata, now: OffsetDateTime) -> bool {
    metadata.expires.is_some_and(|end| end <= now)
}

fn write_out(app: &App) -> Result<Texts, Error> {
    let raw = |app: Value| to_raw_value(&app).map(Arc::from).map_err(Error::internal);
    let mut shown = App { status: None, ..app.clone() };
    let whole: Arc<RawValue> = raw(shown.to_json())?;
    let masked = if confidence::mask(&mut shown) { raw(shown.to_json())? } else { whole.clone() };
    let revision = app.metadata.revision.clone().unwrap_or_else(|| Revision::new(""));
    Ok(Texts { revision, masked, whole })
}

/// The answer to a list while it is written: see [`api::wire::ListBody`].
struct List {
    body: Vec<u8>,
    is_first: bool,
}

// === impl List ===

impl List {
    fn new() -> Self {
        Self { body: br#"{"items":["#.to_vec(), is_first: true }
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
