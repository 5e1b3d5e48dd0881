//! Where resources come from, for whoever keeps a copy of them: the auth API, or the auth
//! service's own store.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use resource::{Kind, Resource};

use crate::error::Error;

/// All resources of a kind at one moment.
#[derive(Debug)]
pub struct Listing {
    /// The resources, ordered by name.
    pub items: Vec<Resource>,
    /// The moment: a watch from here misses nothing.
    pub cursor: String,
}

/// A change, with the position after it.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// Created or changed.
    Put {
        /// The resource as it is.
        resource: Arc<Resource>,
        /// Where to continue.
        cursor: String,
    },
    /// Gone.
    Delete {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Where to continue.
        cursor: String,
    },
    /// Something is different of what is followed without being read.
    Changed {
        /// Its kind.
        kind: Kind,
        /// Its name.
        name: String,
        /// Where to continue.
        cursor: String,
    },
    /// Nothing happened; the source is alive.
    Bookmark {
        /// Where to continue.
        cursor: String,
    },
}

/// A place to list and watch resources.
pub trait Source: Send + Sync + 'static {
    /// All resources of a kind.
    fn list(&self, kind: Kind) -> BoxFuture<'_, Result<Listing, Error>>;

    /// Changes of these kinds since `cursor`. [`crate::ErrorKind::Gone`], as an answer or in the
    /// stream, means that the position is no longer kept.
    fn watch(
        &self,
        kinds: Vec<Kind>,
        cursor: String,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<WatchEvent, Error>>, Error>>;
}
