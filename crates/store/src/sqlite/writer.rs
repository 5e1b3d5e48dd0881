//! Writing: one thread, one connection, one commit for everything that waits.

use std::path::PathBuf;
use std::sync::Arc;

use runtime::Clock;
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use tokio::sync::{mpsc, oneshot};

use super::unavailable;
use crate::feed::{Entry, Feed};
use crate::item::to_millis;
use crate::write::Action;
use crate::{Error, Event, Item, Key, Revision, Write};

/// Tasks that share one commit. With a forced write of a few milliseconds, more gain nothing: each
/// write itself takes some tens of microseconds.
const COMMIT_AT_ONCE: usize = 128;

/// Expired items that are deleted in one task, so that a wave of them does not hold up writers.
pub(super) const SWEEP_AT_ONCE: usize = 256;

/// Something to write, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What can be asked of the writing thread.
#[derive(Debug)]
pub(super) enum Task {
    /// Apply all of these or none.
    Write(Vec<Write>),
    /// Delete expired items, at most [`SWEEP_AT_ONCE`].
    Sweep,
}

type Answer = Result<Vec<Revision>, Error>;

/// The owner of the writing connection.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    feed: Arc<Feed>,
    clock: Clock,
    /// The number of the newest committed change.
    last: i64,
    path: PathBuf,
}

/// A transaction in the making.
struct Group<'t> {
    transaction: Transaction<'t>,
    /// The number of the newest change in it.
    last: i64,
    /// Milliseconds since 1970.
    now: i64,
    entries: Vec<Entry>,
}

// === impl Writer ===

impl Writer {
    pub(super) const fn new(
        connection: Connection,
        feed: Arc<Feed>,
        clock: Clock,
        last: i64,
        path: PathBuf,
    ) -> Self {
        Self { connection, feed, clock, last, path }
    }

    /// Works until nobody can send any more, then lets go of the file.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        while let Some(first) = queue.blocking_recv() {
            let mut tasks = Vec::new();
            let mut replies = Vec::new();
            let mut next = Some(first);
            while let Some(Job { task, reply }) = next {
                tasks.push(task);
                replies.push(reply);
                next = if tasks.len() < COMMIT_AT_ONCE { queue.try_recv().ok() } else { None };
            }
            let answers = self.commit(tasks);
            for (reply, answer) in replies.into_iter().zip(answers) {
                // Who does not wait any more does not need to know.
                reply.send(answer).ok();
            }
        }
        if let Err((_, error)) = self.connection.close() {
            tracing::warn!(%error, "the store did not close cleanly");
        }
    }

    /// One answer for each task.
    fn commit(&mut self, tasks: Vec<Task>) -> Vec<Answer> {
        let count = tasks.len();
        match self.try_commit(tasks) {
            Ok(answers) => answers,
            Err(error) => {
                let error = unavailable(&self.path, error);
                tracing::error!(%error, source = ?std::error::Error::source(&error), "a commit failed");
                vec![Err(error); count]
            }
        }
    }

    fn try_commit(&mut self, tasks: Vec<Task>) -> rusqlite::Result<Vec<Answer>> {
        let begin = TransactionBehavior::Immediate;
        let mut group = Group {
            transaction: self.connection.transaction_with_behavior(begin)?,
            last: self.last,
            now: to_millis(self.clock.now()),
            entries: Vec::new(),
        };
        let mut answers = Vec::with_capacity(tasks.len());
        for task in tasks {
            answers.push(match task {
                Task::Write(writes) => group.write(writes)?,
                Task::Sweep => Ok(group.sweep()?),
            });
        }
        let Group { transaction, last, entries, .. } = group;
        if entries.is_empty() {
            return Ok(answers);
        }
        let forgotten = self.feed.forgotten_after(&entries);
        transaction
            .prepare_cached("DELETE FROM changes WHERE number <= ?1")?
            .execute([forgotten])?;
        transaction.prepare_cached("UPDATE meta SET number = ?1")?.execute([last])?;
        transaction.commit()?;
        self.last = last;
        self.feed.publish(entries);
        Ok(answers)
    }
}

// === impl Group ===

impl Group<'_> {
    /// The inner error is this task's alone, the outer one ends the whole group.
    fn write(&mut self, writes: Vec<Write>) -> rusqlite::Result<Answer> {
        for write in &writes {
            let current = self.revision(&write.key)?;
            if let Err(error) = write.check(current.as_ref()) {
                return Ok(Err(error));
            }
        }
        let mut revisions = Vec::with_capacity(writes.len());
        for write in writes {
            revisions.push(self.apply(write)?);
        }
        Ok(Ok(revisions))
    }

    fn sweep(&mut self) -> rusqlite::Result<Vec<Revision>> {
        let keys: Vec<String> = self
            .transaction
            .prepare_cached("SELECT key FROM items WHERE expires <= ?1 ORDER BY expires LIMIT ?2")?
            .query_map(params![self.now, i64::try_from(SWEEP_AT_ONCE).unwrap_or(1)], |row| {
                row.get(0)
            })?
            .collect::<rusqlite::Result<_>>()?;
        let mut revisions = Vec::with_capacity(keys.len());
        for key in keys {
            match Key::parse(&key) {
                Ok(key) => revisions.push(self.apply(Write::delete(key))?),
                Err(error) => tracing::error!(%error, "an item with an invalid key was left alone"),
            }
        }
        Ok(revisions)
    }

    fn revision(&self, key: &Key) -> rusqlite::Result<Option<Revision>> {
        let mut select = self.transaction.prepare_cached(
            "SELECT revision FROM items WHERE key = ?1 AND (expires IS NULL OR expires > ?2)",
        )?;
        let number: Option<i64> =
            select.query_row(params![key.as_str(), self.now], |row| row.get(0)).optional()?;
        Ok(number.map(|number| Revision::new(&number.to_string())))
    }

    fn apply(&mut self, write: Write) -> rusqlite::Result<Revision> {
        let Write { key, action, .. } = write;
        let number = self.last.saturating_add(1);
        let revision = Revision::new(&number.to_string());
        let mut change = self.transaction.prepare_cached(
            "INSERT INTO changes (number, key, value, expires) VALUES (?1, ?2, ?3, ?4)",
        )?;
        let event = match action {
            Action::Put { value, expires } => {
                let millis = expires.map(to_millis);
                self.transaction
                    .prepare_cached(
                        "INSERT INTO items (key, value, expires, revision) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (key) DO UPDATE SET value = excluded.value,
                         expires = excluded.expires, revision = excluded.revision",
                    )?
                    .execute(params![key.as_str(), &*value, millis, number])?;
                change.execute(params![number, key.as_str(), &*value, millis])?;
                Event::Put(Item { key, value, expires, revision: revision.clone() })
            }
            Action::Delete => {
                self.transaction
                    .prepare_cached("DELETE FROM items WHERE key = ?1")?
                    .execute([key.as_str()])?;
                change.execute(params![number, key.as_str(), None::<&[u8]>, None::<i64>])?;
                Event::Delete(key)
            }
        };
        drop(change);
        self.last = number;
        self.entries.push(Entry { number, event });
        Ok(revision)
    }
}
