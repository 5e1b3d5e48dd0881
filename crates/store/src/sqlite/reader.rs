//! Reading: a few connections, used on the blocking threads of the runtime.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use tokio::sync::Semaphore;

use super::{open, unavailable};
use crate::item::from_millis;
use crate::{Error, Item, Key, Prefix, Revision};

/// Reads at the same time. More would only share the same disk and cache.
const CONNECTIONS: usize = 4;

/// The reading connections of a store.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    permits: Semaphore,
    /// Protects the connections that nobody uses; opened as they are needed.
    idle: Mutex<Vec<Connection>>,
}

// === impl Readers ===

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, permits: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }

    /// Runs `work` with a connection of its own.
    pub(super) async fn read<T, W>(self: &Arc<Self>, work: W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let Ok(permit) = self.permits.acquire().await else { return Err(Error::Closed) };
        let readers = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let mut connection = readers.take()?;
            let result = work(&mut connection)?;
            readers.put_back(connection);
            Ok(result)
        });
        let result = done.await;
        drop(permit);
        match result {
            Ok(result) => result.map_err(|error| unavailable(&self.path, error)),
            Err(error) => Err(Error::Unavailable {
                place: self.path.display().to_string(),
                reason: "a read was cut short".to_owned(),
                source: Some(Arc::new(error)),
            }),
        }
    }

    /// Lets the connections go and refuses further reads.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().clear();
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        if let Some(connection) = self.idle.lock().pop() {
            return Ok(connection);
        }
        let connection = open::open_file(&self.path)?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn put_back(&self, connection: Connection) {
        if !self.permits.is_closed() {
            self.idle.lock().push(connection);
        }
    }
}

/// The item with this key that has not expired at `now`.
pub(super) fn get(
    connection: &mut Connection,
    key: &Key,
    now: i64,
) -> rusqlite::Result<Option<Item>> {
    let mut select = connection.prepare_cached(
        "SELECT key, value, expires, revision AS number FROM items
         WHERE key = ?1 AND (expires IS NULL OR expires > ?2)",
    )?;
    select.query_row(params![key.as_str(), now], item).optional()
}

/// The items below `prefix` that have not expired at `now`, and the number of the newest change.
pub(super) fn range(
    connection: &mut Connection,
    prefix: &Prefix,
    now: i64,
) -> rusqlite::Result<(Vec<Item>, i64)> {
    // One transaction, so that both are of the same moment.
    let transaction = connection.transaction()?;
    let number = transaction.query_row("SELECT number FROM meta", [], |row| row.get(0))?;
    let items = {
        let mut select = transaction.prepare_cached(
            "SELECT key, value, expires, revision AS number FROM items
             WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) AND (expires IS NULL OR expires > ?3)
             ORDER BY key",
        )?;
        let rows = select.query_map(params![prefix.as_str(), prefix.end(), now], item)?;
        rows.collect::<rusqlite::Result<_>>()?
    };
    transaction.commit()?;
    Ok((items, number))
}

/// Reads an item from the columns `key`, `value`, `expires` and `number`.
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let value: Vec<u8> = row.get("value")?;
    let expires: Option<i64> = row.get("expires")?;
    let number: i64 = row.get("number")?;
    Ok(Item {
        key: key(row)?,
        value: Bytes::from(value),
        expires: expires.map(from_millis),
        revision: Revision::new(&number.to_string()),
    })
}

/// Reads the key from the column `key`.
pub(super) fn key(row: &Row<'_>) -> rusqlite::Result<Key> {
    let text: String = row.get("key")?;
    Key::parse(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}
