//! The store as a source of resources, for whoever keeps a copy within this process. Secrets stay
//! in the store.

use std::sync::Arc;
use std::time::Duration;

use api::{Error, Listing, Source, WatchEvent};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use resource::{Kind, Resource, Secrets};
use store::{Change, Cursor, Event, Item, Watch};

use crate::memo::Memo;
use crate::records::{self, Records};
use crate::{fault, keys};

/// How often a watch says that it is alive when nothing happens.
const BOOKMARK_EVERY: Duration = Duration::from_secs(10);

/// Lists and watches the resources of a store.
#[derive(Clone, Debug)]
pub(crate) struct StoreSource {
    records: Records,
    /// What was read of late: a hundred watches are told of the same change.
    memo: Arc<Memo>,
}

// === impl StoreSource ===

impl StoreSource {
    pub(crate) fn new(records: Records) -> Self {
        Self { records, memo: Arc::default() }
    }
}

impl Source for StoreSource {
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>> {
        Box::pin(async move {
            let (items, cursor) = self.records.list(kind).await?;
            let items = items.into_iter().map(without_secrets).collect::<Result<_, _>>()?;
            Ok(Listing { items, cursor: cursor.as_str().to_owned() })
        })
    }

    fn watch(
        &self,
        kinds: Vec<Kind>,
        cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, Error>>, Error>> {
        Box::pin(async move {
            let prefixes = kinds.into_iter().map(keys::resources).collect::<Result<_, _>>()?;
            let watch = self
                .records
                .store()
                .watch(prefixes, Cursor::new(&cursor))
                .await
                .map_err(|error| fault::store(&error))?;
            let memo = self.memo.clone();
            let steps = unfold(Some(watch), move |watch| {
                let memo = memo.clone();
                async move { step(watch, &memo).await }
            });
            Ok(steps.boxed())
        })
    }
}

/// The next event of a watch; none after the first error.
async fn step(
    watch: Option<Watch>,
    memo: &Memo,
) -> Option<(Result<WatchEvent, Error>, Option<Watch>)> {
    let mut watch = watch?;
    loop {
        let Ok(next) = tokio::time::timeout(BOOKMARK_EVERY, watch.next()).await else {
            let cursor = watch.cursor().as_str().to_owned();
            return Some((Ok(WatchEvent::Bookmark { cursor }), Some(watch)));
        };
        match next.map_err(|error| fault::store(&error)).and_then(|change| translate(change, memo))
        {
            Ok(Some(event)) => return Some((Ok(event), Some(watch))),
            Ok(None) => {}
            Err(error) => return Some((Err(error), None)),
        }
    }
}

fn translate(change: Change, memo: &Memo) -> Result<Option<WatchEvent>, Error> {
    let Some((kind, name)) = keys::parse_resource(change.event.key()) else { return Ok(None) };
    let cursor = change.cursor.as_str().to_owned();
    Ok(Some(match change.event {
        Event::Delete(_) => WatchEvent::Delete { kind, name, cursor },
        Event::Put(item) => match memo.read(&item, decode) {
            Ok(resource) => WatchEvent::Put { resource, cursor },
            Err(error) if kind == Kind::Lock => return Err(error),
            // What cannot be read counts as not being there, as it does in a list.
            Err(error) => {
                records::skipped(&item, &error);
                WatchEvent::Delete { kind, name, cursor }
            }
        },
    }))
}

fn decode(item: &Item) -> Result<Resource, Error> {
    records::decode(item).and_then(without_secrets)
}

/// The same resource, read again from what anybody may see of it.
fn without_secrets(resource: Resource) -> Result<Resource, Error> {
    if !resource.kind().holds_secrets() {
        return Ok(resource);
    }
    let seen = serde_json::to_vec(&resource.to_json(Secrets::Redact)).map_err(Error::internal)?;
    Resource::from_json(&seen).map_err(Error::internal)
}
