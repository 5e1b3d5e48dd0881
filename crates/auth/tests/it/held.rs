//! A store whose calls can be held, so that a test decides what happens in between.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use store::{
    Backend, Cursor, Error, Item, Key, MemoryBackend, Prefix, Revision, Snapshot, Watch, Write,
};
use tokio::sync::Semaphore;

/// Holds calls of one sort while told to.
#[derive(Debug)]
pub(crate) struct Gate {
    closed: AtomicBool,
    arrived: Semaphore,
    open: Semaphore,
}

/// A store in memory with gates.
#[derive(Debug)]
pub(crate) struct Held {
    inner: MemoryBackend,
    pub(crate) gets: Arc<Gate>,
    pub(crate) ranges: Arc<Gate>,
    pub(crate) writes: Arc<Gate>,
}

impl Gate {
    fn new() -> Arc<Self> {
        let (arrived, open) = (Semaphore::new(0), Semaphore::new(0));
        Arc::new(Self { closed: AtomicBool::new(false), arrived, open })
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Waits until so many calls are held, and lets them and all others go.
    pub(crate) async fn open_when_held(&self, count: u32, meanwhile: impl Future<Output = ()>) {
        self.arrived.acquire_many(count).await.unwrap().forget();
        self.closed.store(false, Ordering::SeqCst);
        meanwhile.await;
        self.open.add_permits(count as usize);
    }

    async fn pass(&self) {
        if self.closed.load(Ordering::SeqCst) {
            self.arrived.add_permits(1);
            self.open.acquire().await.unwrap().forget();
        }
    }
}

impl Held {
    pub(crate) fn new(inner: MemoryBackend) -> Self {
        Self { inner, gets: Gate::new(), ranges: Gate::new(), writes: Gate::new() }
    }
}

impl Backend for Held {
    fn write(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Revision>, Error>> {
        async move {
            self.writes.pass().await;
            self.inner.write(writes).await
        }
        .boxed()
    }

    fn get(&self, key: &Key) -> BoxFuture<'_, Result<Item, Error>> {
        let key = key.clone();
        async move {
            self.gets.pass().await;
            self.inner.get(&key).await
        }
        .boxed()
    }

    fn range(&self, prefix: &Prefix) -> BoxFuture<'_, Result<Snapshot, Error>> {
        let prefix = prefix.clone();
        async move {
            self.ranges.pass().await;
            self.inner.range(&prefix).await
        }
        .boxed()
    }

    fn watch(&self, prefixes: Vec<Prefix>, from: Cursor) -> BoxFuture<'_, Result<Watch, Error>> {
        self.inner.watch(prefixes, from)
    }

    fn sweep(&self) -> BoxFuture<'_, Result<usize, Error>> {
        self.inner.sweep()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.inner.close()
    }
}
