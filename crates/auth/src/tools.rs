//! The tools that servers were last seen to offer, as agents tell. What changes after it was first seen is told.
//!
//! Everybody may read apps and their live records, and nobody is told of tools that he may not use: so this is
//! kept apart from both, and shown to who may change the app, or roles.

mod kept;

use std::collections::BTreeSet;
use std::sync::Arc;

use api::wire::{SeenApp, SeenQuery, SeenReport, SeenTools};
use api::{Error, ErrorKind};
use audit::Text;
use audit::record::{McpToolsChange, ToolChanged};
use bytes::Bytes;
use pki::ServiceIdentity;
use resource::app::AppStatus;
use resource::{App, Kind};
use store::Item;

use self::kept::{Changed, Kept, News};
use crate::core::Core;
use crate::cx::{OpCx, Target};
use crate::verb::Verb;
use crate::{fault, gate, keys};

/// The most apps and the most definitions that are told at a time.
const MAX_APPS: usize = 64;
const MAX_DEFINITIONS: usize = 16_384;
/// So many tools are named in one record.
const NAMED: usize = 32;
/// How often it is tried again when another auth service takes note of something.
const MAX_RETRIES: usize = 8;

/// Takes note of what an agent saw.
pub(crate) async fn report(cx: &OpCx, report: SeenReport) -> Result<(), Error> {
    let Some(host) = cx.caller().service() else { return Err(gate::unauthenticated()) };
    if report.apps.len() > MAX_APPS {
        let count = report.apps.len();
        return Err(Error::invalid(format!("{count} apps at a time, at most {MAX_APPS}")));
    }
    let count: usize = report.apps.iter().map(|app| app.tools.len()).sum();
    if count > MAX_DEFINITIONS {
        let message = format!("{count} definitions at a time, at most {MAX_DEFINITIONS}");
        return Err(Error::invalid(message));
    }
    let mut outcome = Ok(());
    // What one app is refused for keeps no other from being told.
    for app in &report.apps {
        outcome = outcome.and(note(cx, host, app).await);
    }
    outcome
}

async fn note(cx: &OpCx, host: &ServiceIdentity, seen: &SeenApp) -> Result<(), Error> {
    let core = cx.core();
    let snapshot = core.catalog.snapshot();
    if !snapshot.servers_of(&seen.app).iter().any(|one| one.spec.host_id == host.host_id) {
        let message = format!("this agent does not say that it serves the app {:?}", seen.app);
        return Err(Error::denied(message));
    }
    let (key, now) = (keys::tools(&seen.app)?, core.clock.now());
    let turn = core.tools_turn.acquire().await;
    let _turn = turn.map_err(|_closed| Error::unavailable("the auth service ends"))?;
    let store = core.records.store();
    for _ in 0..MAX_RETRIES {
        let found = find(core, &seen.app).await?;
        let before = found.as_ref().map(read).unwrap_or_default();
        let mut kept = before.clone();
        let news = kept.merge(seen, now);
        if kept == before {
            return Ok(());
        }
        tell(core, host, &seen.app, &news).await?;
        let value = Bytes::from(serde_json::to_vec(&kept).map_err(Error::internal)?);
        let written = match &found {
            Some(item) => store.compare_and_swap(&key, &item.revision, value, None).await,
            None => store.create(&key, value, None).await,
        };
        match written {
            Ok(_revision) => return Ok(()),
            Err(
                store::Error::AlreadyExists { .. }
                | store::Error::Conflict { .. }
                | store::Error::NotFound { .. },
            ) => {}
            Err(error) => return Err(fault::store(&error)),
        }
    }
    Err(Error::new(ErrorKind::Conflict, "others take note of the same all the time"))
}

/// Tells of changes, once; of each that is new by name, so that none is hidden among others.
async fn tell(core: &Core, host: &ServiceIdentity, app: &str, news: &News) -> Result<(), Error> {
    if news.missed {
        tracing::warn!(app, "a server offers more tools than are kept");
        core.audit.record(&event(host, app, &[], true)).await?;
    }
    if !news.changed.is_empty() {
        tracing::warn!(app, tools = news.changed.len(), "definitions of tools have changed");
    }
    for changed in news.changed.chunks(NAMED) {
        core.audit.record(&event(host, app, changed, false)).await?;
    }
    Ok(())
}

fn event<'a>(
    host: &'a ServiceIdentity,
    app: &'a str,
    changed: &'a [Changed],
    incomplete: bool,
) -> McpToolsChange<'a> {
    let tools = changed.iter().map(|one| ToolChanged {
        name: Text::new(&one.name),
        from: &one.from,
        to: &one.to,
        untold: one.untold,
    });
    McpToolsChange {
        app_name: app,
        tools: tools.collect(),
        incomplete,
        server_id: &host.host_id,
        server_hostname: Text::new(&host.node_name),
    }
}

/// Adds what is known of an app's tools to its status, for who may know it.
pub(crate) async fn show(cx: &OpCx, app: &App, status: &mut AppStatus) -> Result<(), Error> {
    if !may_know(cx, app) {
        return Ok(());
    }
    if let Some(item) = find(cx.core(), app.name()).await? {
        let kept = read(&item);
        status.notice = kept.notice();
        status.tools = kept.show();
    }
    Ok(())
}

/// The names of tools by app, of those apps whose tools the caller may know, or of one of them.
pub(crate) async fn list(cx: &OpCx, query: &SeenQuery) -> Result<SeenTools, Error> {
    if !edits_roles(cx) && !cx.may_some(Verb::Update, Kind::App) {
        cx.authorize(Verb::Update, Kind::App, Target::Any)?;
    }
    let core = cx.core();
    let snapshot = core.catalog.snapshot();
    let names: BTreeSet<&str> = match &query.app {
        Some(app) => BTreeSet::from([app.as_str()]),
        None => {
            let served = snapshot.served().filter_map(|servers| servers.first());
            snapshot.apps.keys().chain(served.map(|server| server.spec.app.name())).collect()
        }
    };
    let mut seen = SeenTools::default();
    for name in names {
        let served = || Some(&*snapshot.servers_of(name).first()?.spec.app);
        // What an app left that is gone tells nobody anything.
        let Some(app) = snapshot.apps.get(name).map(Arc::as_ref).or_else(served) else { continue };
        // One after the other: what is kept of all of them may be large.
        if may_know(cx, app)
            && let Some(item) = find(core, name).await?
        {
            seen.apps.insert(name.to_owned(), read(&item).known());
        }
    }
    Ok(seen)
}

/// Who may change an app decides what its server is; who may change roles can give himself all of its tools.
fn may_know(cx: &OpCx, app: &App) -> bool {
    let changes = || cx.reaches(app) && cx.may(Verb::Update, Kind::App, Target::App(app));
    edits_roles(cx) || changes()
}

fn edits_roles(cx: &OpCx) -> bool {
    cx.caller().service().is_none() && cx.may(Verb::Update, Kind::Role, Target::Any)
}

/// Forgets what was seen of an app that is gone. What stays by a fault is shown to nobody, and forgotten when
/// an app of that name is created.
pub(crate) async fn forget(core: &Core, app: &str) {
    let Ok(key) = keys::tools(app) else { return };
    match core.records.store().delete(&key).await {
        Ok(()) | Err(store::Error::NotFound { .. }) => {}
        Err(error) => tracing::warn!(%error, app, "what was seen of an app stays"),
    }
}

async fn find(core: &Core, app: &str) -> Result<Option<Item>, Error> {
    match core.records.store().get(&keys::tools(app)?).await {
        Ok(item) => Ok(Some(item)),
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

/// What cannot be read begins anew.
fn read(item: &Item) -> Kept {
    serde_json::from_slice(&item.value).unwrap_or_else(|error| {
        tracing::error!(%error, app = &*item.key.name(), "what was seen of an app cannot be read");
        Kept::default()
    })
}
