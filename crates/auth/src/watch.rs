//! Watches: changes as they happen, for as long as the watcher may see them.
//!
//! The watcher is looked up again whenever anything changes by which rights are decided. Whose
//! rights are gone is told so and the stream ends; whose rights are different lists again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use api::wire::WatchLine;
use api::{Error, ErrorBody, ErrorKind, Progress, Source as _, WatchEvent};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt as _;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use pki::Service;
use resource::{Kind, Lock, Resource, Secrets};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cx::{OpCx, Target};
use crate::http::Call;
use crate::http::answer::{self, Answer};
use crate::selection::Selection;
use crate::verb::Verb;
use crate::{confidence, locks};

/// The verb by which single events are shown.
const VERB: Verb = Verb::ReadNoSecrets;
/// How long the lock is waited for that shuts a watcher out, and that is known here already.
const FAREWELL: Duration = Duration::from_millis(300);

#[derive(Deserialize)]
struct WatchQuery {
    kinds: String,
    #[serde(default)]
    changed: Option<String>,
    cursor: String,
}

/// A running watch.
struct Watching {
    cx: OpCx,
    kinds: Vec<Kind>,
    /// The kinds of which the watcher is told that something is different, and no more.
    changed: Vec<Kind>,
    /// Which apps the watcher wants to hear of.
    selection: Selection,
    events: BoxStream<'static, Result<WatchEvent, Error>>,
    rights: watch::Receiver<Progress>,
    connection: CancellationToken,
    /// What the watcher has been shown and not been told to be gone, of kinds of which some things are not
    /// told.
    shown: BTreeSet<(Kind, String)>,
    /// Whether everything was told that happened before `shown` was looked up.
    caught_up: bool,
    /// Whether it was told of a lock that shuts it out.
    is_shut_out: bool,
}

/// Begins a watch.
pub(crate) async fn watch(cx: &OpCx, call: &Call) -> Result<Answer, Error> {
    let WatchQuery { kinds, changed, cursor } = call.query()?;
    let kinds = parse_kinds(&kinds)?;
    authorize(cx, &kinds)?;
    let changed = changed.map_or_else(|| Ok(Vec::new()), |changed| parse_kinds(&changed))?;
    authorize_changed(cx, &changed)?;
    let core = cx.core();
    let rights = core.replica.changes();
    let selection = Selection::of(call)?;
    let mut followed = kinds.clone();
    followed.extend(changed.iter().filter(|kind| !kinds.contains(kind)));
    if follows_labels(cx, &kinds, &selection) && !followed.contains(&Kind::AppServer) {
        followed.push(Kind::AppServer);
    }
    let events = core.source.watch(followed, cursor).await?;
    let shown = shown_now(cx, &kinds, &selection).await?;
    let connection = call.connection.clone();
    let watching = Watching {
        cx: cx.clone(),
        kinds,
        changed,
        selection,
        events,
        rights,
        connection,
        shown,
        caught_up: false,
        is_shut_out: false,
    };
    let lines = unfold(Some(watching), |watching| async {
        let (line, rest) = watching?.next().await?;
        Some((Ok::<_, Infallible>(line), rest))
    });
    Ok(answer::lines(Body::from_stream(lines)))
}

fn parse_kinds(text: &str) -> Result<Vec<Kind>, Error> {
    let mut kinds = Vec::new();
    for kind in text.split(',') {
        let kind = Kind::parse(kind).map_err(|unknown| Error::invalid(unknown.to_string()))?;
        // Each is listed when the watch begins: once, however often it is named.
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn authorize(cx: &OpCx, kinds: &[Kind]) -> Result<(), Error> {
    for kind in kinds {
        for verb in [Verb::List, VERB] {
            if !cx.may_some(verb, *kind) {
                cx.authorize(verb, *kind, Target::Any)?;
            }
        }
    }
    Ok(())
}

/// That users, roles and grants change, and which, proxies may know: what they were told of users rests on it.
fn authorize_changed(cx: &OpCx, changed: &[Kind]) -> Result<(), Error> {
    let is_minded = |kind: &Kind| matches!(kind, Kind::Role | Kind::User | Kind::OauthGrant);
    if changed.is_empty() || (cx.caller().runs(Service::Proxy) && changed.iter().all(is_minded)) {
        return Ok(());
    }
    Err(Error::denied(
        "only proxies are told that something is different without how, of users, roles and OAuth grants",
    ))
}

/// What the watcher can have been shown by a list, of kinds of which some things are not told. What
/// moved out of sight between the list and this moment is missing here, and stays in the watcher's
/// copy until the next list; telling of what was never shown would be worse.
async fn shown_now(
    cx: &OpCx,
    kinds: &[Kind],
    selection: &Selection,
) -> Result<BTreeSet<(Kind, String)>, Error> {
    let mut shown = BTreeSet::new();
    let catalog = cx.core().catalog.snapshot();
    for kind in kinds {
        match kind {
            kind if tells_all(cx, selection, *kind) => continue,
            Kind::App => {
                let apps = catalog.apps.values();
                let seen = apps.filter(|app| selection.selects(app) && cx.sees_app(VERB, app));
                shown.extend(seen.map(|app| (*kind, app.name().to_owned())));
                continue;
            }
            Kind::AppServer => {
                let servers = catalog.app_servers.values();
                let seen = servers.filter(|server| cx.sees_server(VERB, server));
                shown.extend(seen.map(|server| (*kind, server.metadata.name.clone())));
                continue;
            }
            _ => {}
        }
        let (resources, _cursor) = cx.core().records.list(*kind).await?;
        let seen = resources.iter().filter(|resource| cx.sees(VERB, resource));
        shown.extend(seen.map(|resource| (*kind, resource.name().to_owned())));
    }
    Ok(shown)
}

// === impl Watching ===

impl Watching {
    /// The next line, and the watch unless that was the last.
    async fn next(mut self) -> Option<(Bytes, Option<Self>)> {
        loop {
            if self.is_shut_out {
                // The lock has been told of, and nothing that comes after it is.
                let shut_out = self.refresh().err().unwrap_or_else(locks::shut_out);
                return Some((last(&shut_out)?, None));
            }
            if !self.caught_up {
                // Not held up by what this task may do at a time: what is there must be seen.
                match tokio::task::unconstrained(self.events.next()).now_or_never() {
                    Some(event) => match self.told(event?).await {
                        Ok(Some(line)) => return Some((line, Some(self))),
                        Ok(None) => continue,
                        Err(error) => return Some((last(&error)?, None)),
                    },
                    None => self.caught_up = true,
                }
            }
            let step = tokio::select! {
                biased;
                () = self.connection.cancelled() => return None,
                // An error means that the copy is not kept any more: the service stops.
                changed = self.rights.changed() => match changed {
                    Ok(()) => Ok(self.refresh().map(|()| None)),
                    Err(_stopped) => return None,
                },
                event = self.events.next() => Err(event?),
            };
            let step = match step {
                Ok(step) => step,
                Err(event) => self.told(event).await,
            };
            match step {
                Ok(Some(line)) => return Some((line, Some(self))),
                Ok(None) => {}
                Err(error) => {
                    let mut end = self.farewell().await.unwrap_or_default();
                    end.extend_from_slice(&last(&error)?);
                    return Some((end.freeze(), None));
                }
            }
        }
    }

    /// For a service that a lock shuts out: everything up to that lock, so that it can say why what is open
    /// there ends. Nothing that happened later is told.
    async fn farewell(&mut self) -> Option<BytesMut> {
        let locks = self.cx.core().replica.snapshot().locks.clone();
        if !locks.values().any(|lock| self.shuts_out(lock)) {
            return None;
        }
        let mut told = BytesMut::new();
        let until = tokio::time::Instant::now() + FAREWELL;
        while let Ok(Some(Ok(event))) = tokio::time::timeout_at(until, self.events.next()).await {
            told.extend_from_slice(&self.told(Ok(event)).await.ok()?.unwrap_or_default());
            if self.is_shut_out {
                break;
            }
        }
        Some(told)
    }

    /// What is told of an event, written out: a line, or what else it changes for the watcher as well.
    async fn told(&mut self, event: Result<WatchEvent, Error>) -> Result<Option<Bytes>, Error> {
        let event = event?;
        if let WatchEvent::Put { resource, .. } = &event
            && let Resource::Lock(lock) = &**resource
        {
            self.is_shut_out = self.shuts_out(lock);
        }
        let of_labels = self.app_of_labels(&event).await?;
        let of_event = if self.is_wanted(&event) { self.line(event)? } else { self.notice(event) };
        let mut told = BytesMut::new();
        for line in of_event.iter().chain(&of_labels) {
            told.extend_from_slice(&encode(line)?);
        }
        Ok((!told.is_empty()).then(|| told.freeze()))
    }

    /// Whether the watcher is a service that a lock shuts out.
    fn shuts_out(&self, lock: &Lock) -> bool {
        let now = self.cx.core().clock.now();
        let service = self.cx.caller().service();
        lock.is_in_force(now) && service.is_some_and(|service| locks::names_service(lock, service))
    }

    /// Whether an event is of a kind that the watcher asked for.
    fn is_wanted(&self, event: &WatchEvent) -> bool {
        match event {
            WatchEvent::Bookmark { .. } => true,
            WatchEvent::Delete { kind, .. } => self.kinds.contains(kind),
            WatchEvent::Put { resource, .. } => self.kinds.contains(&resource.kind()),
            // The store tells how.
            WatchEvent::Changed { .. } => false,
        }
    }

    /// That something is different, of kinds of which the watcher is told no more.
    fn notice(&self, event: WatchEvent) -> Option<WatchLine> {
        let (kind, name, cursor) = match event {
            WatchEvent::Put { resource, cursor } => {
                (resource.kind(), resource.name().to_owned(), cursor)
            }
            WatchEvent::Delete { kind, name, cursor } => (kind, name, cursor),
            WatchEvent::Changed { .. } | WatchEvent::Bookmark { .. } => return None,
        };
        let kind = self.changed.contains(&kind).then(|| kind.as_str().to_owned())?;
        Some(WatchLine::Changed { kind, name, cursor })
    }

    /// An app that comes in sight, or leaves it, by what commands of agents tell of its labels.
    async fn app_of_labels(&mut self, event: &WatchEvent) -> Result<Option<WatchLine>, Error> {
        let (name, revision, cursor) = match event {
            WatchEvent::Put { resource, cursor } if resource.kind() == Kind::AppServer => {
                (resource.name(), resource.metadata().revision.as_ref(), cursor)
            }
            WatchEvent::Delete { kind: Kind::AppServer, name, cursor } => {
                (name.as_str(), None, cursor)
            }
            _ => return Ok(None),
        };
        if !follows_labels(&self.cx, &self.kinds, &self.selection) {
            return Ok(None);
        }
        let Some((_host, app)) = name.split_once('/') else { return Ok(None) };
        let find = |cx: &OpCx| cx.core().catalog.snapshot().apps.get(app).cloned();
        if find(&self.cx).is_none_or(|app| app.spec.dynamic_labels.is_empty()) {
            return Ok(None);
        }
        // What is decided by must know of the event.
        self.cx.core().settle(Kind::AppServer, name, revision).await;
        let Some(found) = find(&self.cx) else { return Ok(None) };
        let is_shown = self.shown.contains(&(Kind::App, app.to_owned()));
        let is_seen = self.selection.selects(&found) && self.cx.sees_app(VERB, &found);
        if is_shown == is_seen {
            return Ok(None);
        }
        self.put(&Resource::App((*found).clone()), cursor.clone())
    }

    fn refresh(&mut self) -> Result<(), Error> {
        self.cx = self.cx.refresh()?;
        authorize(&self.cx, &self.kinds)?;
        authorize_changed(&self.cx, &self.changed)
    }

    /// The line for an event, if the watcher is to learn of it.
    fn line(&mut self, event: WatchEvent) -> Result<Option<WatchLine>, Error> {
        Ok(match event {
            WatchEvent::Bookmark { cursor } => Some(WatchLine::Bookmark { cursor }),
            WatchEvent::Delete { kind, name, cursor } => self
                .was_shown(kind, &name)
                .then(|| WatchLine::Delete { kind: kind.as_str().to_owned(), name, cursor }),
            WatchEvent::Put { resource, cursor } => self.put(&resource, cursor)?,
            WatchEvent::Changed { .. } => None,
        })
    }

    fn put(&mut self, resource: &Resource, cursor: String) -> Result<Option<WatchLine>, Error> {
        let (kind, name) = (resource.kind(), resource.name());
        if !self.selection.shows(resource) || !self.cx.sees(VERB, resource) {
            // What has moved out of sight is gone for the watcher.
            return Ok(self.was_shown(kind, name).then(|| WatchLine::Delete {
                kind: kind.as_str().to_owned(),
                name: name.to_owned(),
                cursor,
            }));
        }
        if !tells_all(&self.cx, &self.selection, kind) {
            self.shown.insert((kind, name.to_owned()));
        }
        if let Resource::App(app) = resource {
            let confidant = self.cx.is_confidant(Target::App(app), Secrets::Redact);
            let text = self.cx.core().catalog.text(app, confidant)?;
            return Ok(Some(WatchLine::Put { resource: (*text).to_owned(), cursor }));
        }
        let mut shown = Cow::Borrowed(resource);
        if matches!(resource, Resource::AppServer(_)) {
            confidence::conceal(&self.cx, shown.to_mut(), Secrets::Redact);
        }
        let resource = to_raw_value(&shown.to_json(Secrets::Redact)).map_err(Error::internal)?;
        Ok(Some(WatchLine::Put { resource, cursor }))
    }

    /// Whether the watcher has to be told that something is gone. Who may know of all is told once too
    /// often rather than not: it was listed, it may be, before it was looked up what there is.
    fn was_shown(&mut self, kind: Kind, name: &str) -> bool {
        tells_all(&self.cx, &self.selection, kind)
            || self.shown.remove(&(kind, name.to_owned()))
            || (!self.caught_up && self.cx.sees_all_of(kind))
    }
}

/// Whether what the watcher is told of apps depends on what agents say of their labels.
fn follows_labels(cx: &OpCx, kinds: &[Kind], selection: &Selection) -> bool {
    kinds.contains(&Kind::App)
        && !tells_all(cx, selection, Kind::App)
        && cx.caller().user().is_some()
}

/// Whether the watcher is told of everything of a kind, so that nobody needs to know what it was shown.
fn tells_all(cx: &OpCx, selection: &Selection, kind: Kind) -> bool {
    cx.sees_all_of(kind) && (kind != Kind::App || selection.is_everything())
}

fn encode(line: &WatchLine) -> Result<Bytes, Error> {
    let mut line = serde_json::to_vec(line).map_err(Error::internal)?;
    line.push(b'\n');
    Ok(line.into())
}

/// The line that says why the stream ends.
fn last(error: &Error) -> Option<Bytes> {
    if error.kind() == ErrorKind::Internal {
        tracing::error!(cause = error.cause(), "a watch failed");
    }
    let ErrorBody { error } = error.body();
    encode(&WatchLine::Error { error }).ok()
}
