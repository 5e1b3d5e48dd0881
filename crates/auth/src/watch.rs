//! Watches: changes as they happen, for as long as the watcher may see them.
//!
//! The watcher is looked up again whenever anything changes by which rights are decided. Whose
//! rights are gone is told so and the stream ends; whose rights are different lists again.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::convert::Infallible;

use api::wire::WatchLine;
use api::{Error, ErrorBody, ErrorKind, Progress, Source as _, WatchEvent};
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use resource::{Kind, Resource, Secrets};
use serde::Deserialize;
use serde_json::value::to_raw_value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::confidence;
use crate::cx::{OpCx, Target};
use crate::http::Call;
use crate::http::answer::{self, Answer};
use crate::verb::Verb;

/// The verb by which single events are shown.
const VERB: Verb = Verb::ReadNoSecrets;

#[derive(Deserialize)]
struct WatchQuery {
    kinds: String,
    cursor: String,
}

/// A running watch.
struct Watching {
    cx: OpCx,
    kinds: Vec<Kind>,
    events: BoxStream<'static, Result<WatchEvent, Error>>,
    rights: watch::Receiver<Progress>,
    connection: CancellationToken,
    /// What the watcher has been shown and not been told to be gone, where some things are hidden.
    shown: BTreeSet<(Kind, String)>,
}

/// Begins a watch.
pub(crate) async fn watch(cx: &OpCx, call: &Call) -> Result<Answer, Error> {
    let WatchQuery { kinds, cursor } = call.query()?;
    let kinds = parse_kinds(&kinds)?;
    authorize(cx, &kinds)?;
    let core = cx.core();
    let rights = core.replica.changes();
    let events = core.source.watch(kinds.clone(), cursor).await?;
    let shown = shown_now(cx, &kinds).await?;
    let connection = call.connection.clone();
    let watching = Watching { cx: cx.clone(), kinds, events, rights, connection, shown };
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

/// What the watcher can have been shown by a list, for those from whom some things are hidden. What
/// moved out of sight between the list and this moment is missing here, and stays in the watcher's
/// copy until the next list; telling of what was never shown would be worse.
async fn shown_now(cx: &OpCx, kinds: &[Kind]) -> Result<BTreeSet<(Kind, String)>, Error> {
    let mut shown = BTreeSet::new();
    if cx.sees_everything() {
        return Ok(shown);
    }
    for kind in kinds {
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
            let step = tokio::select! {
                biased;
                () = self.connection.cancelled() => return None,
                // An error means that the copy is not kept any more: the service stops.
                changed = self.rights.changed() => match changed {
                    Ok(()) => self.refresh().map(|()| None),
                    Err(_stopped) => return None,
                },
                event = self.events.next() => match event? {
                    Ok(event) => self.line(event),
                    Err(error) => Err(error),
                },
            };
            match step.and_then(|line| line.map(|line| encode(&line)).transpose()) {
                Ok(Some(line)) => return Some((line, Some(self))),
                Ok(None) => {}
                Err(error) => return Some((last(&error)?, None)),
            }
        }
    }

    fn refresh(&mut self) -> Result<(), Error> {
        self.cx = self.cx.refresh()?;
        authorize(&self.cx, &self.kinds)
    }

    /// The line for an event, if the watcher is to learn of it.
    fn line(&mut self, event: WatchEvent) -> Result<Option<WatchLine>, Error> {
        Ok(match event {
            WatchEvent::Bookmark { cursor } => Some(WatchLine::Bookmark { cursor }),
            WatchEvent::Delete { kind, name, cursor } => self
                .was_shown(kind, &name)
                .then(|| WatchLine::Delete { kind: kind.as_str().to_owned(), name, cursor }),
            WatchEvent::Put { resource, cursor } => self.put(&resource, cursor)?,
        })
    }

    fn put(&mut self, resource: &Resource, cursor: String) -> Result<Option<WatchLine>, Error> {
        let (kind, name) = (resource.kind(), resource.name());
        if !self.cx.sees(VERB, resource) {
            // What has moved out of sight is gone for the watcher.
            return Ok(self.was_shown(kind, name).then(|| WatchLine::Delete {
                kind: kind.as_str().to_owned(),
                name: name.to_owned(),
                cursor,
            }));
        }
        if !self.cx.sees_everything() {
            self.shown.insert((kind, name.to_owned()));
        }
        let mut shown = Cow::Borrowed(resource);
        if matches!(resource, Resource::App(_) | Resource::AppServer(_)) {
            confidence::conceal(&self.cx, shown.to_mut(), Secrets::Redact);
        }
        let resource = to_raw_value(&shown.to_json(Secrets::Redact)).map_err(Error::internal)?;
        Ok(Some(WatchLine::Put { resource, cursor }))
    }

    fn was_shown(&mut self, kind: Kind, name: &str) -> bool {
        self.cx.sees_everything() || self.shown.remove(&(kind, name.to_owned()))
    }
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
