//! The embedded store: one SQLite file, for a single auth service.
//!
//! One thread owns the writing connection. It takes whatever waits in a bounded queue, applies it
//! in one transaction and answers everybody after the commit, so that many writers share one
//! forced write to disk. Readers use a few connections of their own and see the last commit. A
//! lock file keeps a second auth service away from the same store.

mod history;
mod lock;
mod open;
mod reader;
mod schema;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use runtime::Clock;
use rusqlite::ErrorCode;
use tokio::sync::{mpsc, oneshot};

pub use self::open::OpenError;
use self::reader::Readers;
use self::writer::{Job, Task, Writer};
use crate::feed::Feed;
use crate::item::to_millis;
use crate::write::validate;
use crate::{
    Backend, Cursor, Error, Item, Key, Prefix, Retention, Revision, Snapshot, Watch, Write,
};

/// Writes that may wait for the writing thread. Who comes when it is full waits for a place: at a
/// commit each few milliseconds the whole queue is some tenths of a second.
const QUEUE: usize = 1024;

/// Where the embedded store is, and how it behaves.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file. Its directory must exist.
    pub path: PathBuf,
    /// What decides whether an item has expired.
    pub clock: Clock,
    /// How many changes are remembered for watches, also across a restart.
    pub retention: Retention,
}

/// Keeps everything in one SQLite file.
#[derive(Debug)]
pub struct SqliteBackend {
    clock: Clock,
    feed: Arc<Feed>,
    readers: Arc<Readers>,
    /// Protects the way to the writing thread, which `close` takes away.
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
}

// === impl SqliteOptions ===

impl SqliteOptions {
    /// The store in the file `path`, with what is usual otherwise.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, clock: Clock) -> Self {
        Self { path: path.into(), clock, retention: Retention::default() }
    }
}

// === impl SqliteBackend ===

impl SqliteBackend {
    /// Opens the store, or makes an empty one where no file is. Reads the whole file once to see
    /// that it is sound; call it before serving.
    ///
    /// # Errors
    /// When the directory is missing or not writable, another process has the store open, or the
    /// file is not a sound store of this or an older version. Nothing is changed in those cases.
    pub fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let SqliteOptions { path, clock, retention } = options;
        let lock = lock::StoreLock::acquire(&path)?;
        open::create_if_absent(&path)?;
        let mut connection = open::connect(&path)?;
        open::check(&connection, &path)?;
        schema::upgrade(&mut connection, &path)?;
        let history = history::load(&connection).map_err(|e| open::explain(&path, e))?;
        let last = history.last;
        let feed = Arc::new(Feed::new(history.epoch, retention, last, history.entries));

        let (jobs, queue) = mpsc::channel(QUEUE);
        let readers = Arc::new(Readers::new(path.clone()));
        let writer = Writer::new(connection, Arc::clone(&feed), clock.clone(), last, path.clone());
        let ends = EndsWatches(Arc::clone(&feed));
        let thread = thread::Builder::new().name("store-writer".to_owned());
        let started = thread.spawn(move || {
            // Dropped last: who waits for the end finds the file and the lock let go.
            let ends = ends;
            let lock = lock;
            writer.run(queue);
            drop(lock);
            drop(ends);
        });
        started.map_err(|source| OpenError::Io { path, source })?;
        Ok(Self { clock, feed, readers, jobs: Mutex::new(Some(jobs)) })
    }

    async fn submit(&self, task: Task) -> Result<Vec<Revision>, Error> {
        let jobs = self.jobs.lock().clone().ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        if jobs.send(Job { task, reply }).await.is_err() {
            return Err(Error::Closed);
        }
        // Held no longer than needed: the writing thread ends when nobody can send any more.
        drop(jobs);
        answer.await.unwrap_or(Err(Error::Closed))
    }
}

impl Backend for SqliteBackend {
    fn write(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Revision>, Error>> {
        async move {
            validate(&writes)?;
            self.submit(Task::Write(writes)).await
        }
        .boxed()
    }

    fn get(&self, key: &Key) -> BoxFuture<'_, Result<Item, Error>> {
        let key = key.clone();
        let now = to_millis(self.clock.now());
        async move {
            let wanted = key.clone();
            let found = self.readers.read(move |db| reader::get(db, &wanted, now)).await?;
            found.ok_or(Error::NotFound { key })
        }
        .boxed()
    }

    fn range(&self, prefix: &Prefix) -> BoxFuture<'_, Result<Snapshot, Error>> {
        let prefix = prefix.clone();
        let now = to_millis(self.clock.now());
        async move {
            let read = self.readers.read(move |db| reader::range(db, &prefix, now));
            let (items, number) = read.await?;
            // A commit is visible a moment before its changes are published; a cursor is given out
            // only once the feed knows it.
            self.feed.reached(number).await?;
            Ok(Snapshot { items, cursor: self.feed.cursor(number) })
        }
        .boxed()
    }

    fn watch(&self, prefixes: Vec<Prefix>, from: Cursor) -> BoxFuture<'_, Result<Watch, Error>> {
        async move { self.feed.watch(prefixes, from) }.boxed()
    }

    fn sweep(&self) -> BoxFuture<'_, Result<usize, Error>> {
        async move {
            let mut swept = 0_usize;
            loop {
                let deleted = self.submit(Task::Sweep).await?.len();
                swept = swept.saturating_add(deleted);
                if deleted < writer::SWEEP_AT_ONCE {
                    return Ok(swept);
                }
            }
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.readers.close();
        drop(self.jobs.lock().take());
        self.feed.closed().boxed()
    }
}

/// Closes the feed when the writing thread ends, however it ends.
struct EndsWatches(Arc<Feed>);

impl Drop for EndsWatches {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Says in an operator's words why the engine failed.
fn unavailable(path: &std::path::Path, error: rusqlite::Error) -> Error {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process holds it locked"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "the file cannot be opened for writing"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the file is damaged; restore it from a backup"
        }
        Some(ErrorCode::SystemIoFailure) => "the file could not be read or written",
        _ => "the engine refused an operation",
    };
    Error::Unavailable {
        place: path.display().to_string(),
        reason: reason.to_owned(),
        source: Some(Arc::new(error)),
    }
}

#[cfg(test)]
mod tests;
