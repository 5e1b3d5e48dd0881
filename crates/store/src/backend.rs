//! The contract that every engine keeps.

use std::fmt::Debug;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use time::OffsetDateTime;

use crate::{Cursor, Error, Item, Key, Prefix, Revision, Watch, Write};

/// A store of items.
///
/// What holds for all of them:
///
/// * A write that was answered with success survives the process (and, for engines that keep
///   anything, a loss of power); one that was answered with an error left nothing behind. A write
///   whose future was dropped may have happened or not.
/// * Whoever reads after a write was answered sees it.
/// * Each change of an item gives it a revision that it never had before, also across deletion.
/// * Watching from the cursor of a [`Snapshot`] tells exactly the changes that are not in it, in
///   the order in which they happened.
/// * An item whose end has come is absent for every reader and every condition at once; its
///   `Delete` event follows with the next [`Backend::sweep`].
pub trait Backend: Debug + Send + Sync {
    /// Applies all writes or none, and gives each changed item's new revision, in order. An error
    /// names the first write whose condition does not hold.
    fn write(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Revision>, Error>>;

    /// Reads one item, or [`Error::NotFound`].
    fn get(&self, key: &Key) -> BoxFuture<'_, Result<Item, Error>>;

    /// Reads all items below `prefix` as they are at one moment, ordered by key.
    fn range(&self, prefix: &Prefix) -> BoxFuture<'_, Result<Snapshot, Error>>;

    /// Tells what changes below any of `prefixes` after `from`; all changes when there is no
    /// prefix. [`Error::Compacted`], at once or later in the stream: list again.
    fn watch(&self, prefixes: Vec<Prefix>, from: Cursor) -> BoxFuture<'_, Result<Watch, Error>>;

    /// Deletes the items whose end has come, and says how many.
    fn sweep(&self) -> BoxFuture<'_, Result<usize, Error>>;

    /// Finishes the writes that wait, ends all watches and lets go of files and connections.
    /// Later calls answer [`Error::Closed`].
    fn close(&self) -> BoxFuture<'_, ()>;

    /// [`Write::create`] alone.
    fn create(
        &self,
        key: &Key,
        value: Bytes,
        expires: Option<OffsetDateTime>,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        one(self.write(vec![Write::create(key.clone(), value, expires)]))
    }

    /// [`Write::put`] alone.
    fn put(
        &self,
        key: &Key,
        value: Bytes,
        expires: Option<OffsetDateTime>,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        one(self.write(vec![Write::put(key.clone(), value, expires)]))
    }

    /// [`Write::compare_and_swap`] alone.
    fn compare_and_swap(
        &self,
        key: &Key,
        expected: &Revision,
        value: Bytes,
        expires: Option<OffsetDateTime>,
    ) -> BoxFuture<'_, Result<Revision, Error>> {
        let write = Write::compare_and_swap(key.clone(), expected.clone(), value, expires);
        one(self.write(vec![write]))
    }

    /// [`Write::delete`] alone.
    fn delete(&self, key: &Key) -> BoxFuture<'_, Result<(), Error>> {
        self.write(vec![Write::delete(key.clone())]).map(|done| done.map(drop)).boxed()
    }

    /// [`Write::delete_if`] alone.
    fn delete_if(&self, key: &Key, expected: &Revision) -> BoxFuture<'_, Result<(), Error>> {
        let write = Write::delete_if(key.clone(), expected.clone());
        self.write(vec![write]).map(|done| done.map(drop)).boxed()
    }
}

/// The items below a prefix at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The items, ordered by key.
    pub items: Vec<Item>,
    /// The moment: watching from here tells what changed since.
    pub cursor: Cursor,
}

fn one(
    done: BoxFuture<'_, Result<Vec<Revision>, Error>>,
) -> BoxFuture<'_, Result<Revision, Error>> {
    async move {
        let first = done.await?.into_iter().next();
        first.ok_or_else(|| Error::InvalidWrite {
            reason: "the store did not say what became of it".to_owned(),
        })
    }
    .boxed()
}
