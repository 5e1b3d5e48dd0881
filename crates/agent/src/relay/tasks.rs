//! Which tools tasks are calls of.
//!
//! A call may become a task, whose result is fetched later under the task's id (2025-11-25, Tasks; later the
//! extension of that name). Whether that is allowed depends on the tool, so it is remembered. What is not
//! remembered is nobody's: an id that was guessed, seen elsewhere, or made through another agent.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use mcp::Request;
use parking_lot::Mutex;

/// The most tasks that are remembered of one user and app. The oldest is forgotten first.
const TASKS_OF_ONE: usize = 256;

/// The most that is remembered of all: so many pairs of a user and an app. The one that made a task the
/// longest ago is forgotten first.
const OWNERS: usize = 1_024;

/// The extension by which modern clients say that they know tasks.
const EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// The tasks of everybody.
#[derive(Debug, Default)]
pub(crate) struct TaskBook(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    owners: HashMap<Owner, Owned>,
    /// How many tasks were made, ever.
    made: u64,
}

#[derive(Debug, Default)]
struct Owned {
    /// Tasks and their tools, oldest first.
    tasks: VecDeque<(Box<str>, Arc<str>)>,
    /// When the last one was made, in the order of all.
    last: u64,
}

/// The tasks of one user and app.
#[derive(Clone, Debug)]
pub(crate) struct KnownTasks {
    book: Arc<TaskBook>,
    owner: Owner,
}

/// By what an owner is known.
type Owner = [u8; 32];

// === impl KnownTasks ===

impl KnownTasks {
    /// What a book knows of an owner, whose names must be those of one user in one app.
    pub(crate) fn of(book: Arc<TaskBook>, names: &[&str]) -> Self {
        let names: Vec<_> = names.iter().map(|name| name.as_bytes()).collect();
        Self { book, owner: pki::digest_of(&names) }
    }

    /// The tool that a task is a call of.
    pub(super) fn tool_of(&self, task: &str) -> Option<Arc<str>> {
        let book = self.book.0.lock();
        let owned = book.owners.get(&self.owner)?;
        owned.tasks.iter().rev().find(|(id, _)| **id == *task).map(|(_, tool)| tool.clone())
    }

    /// Notes a task that was made.
    pub(super) fn note(&self, task: &str, tool: &str) {
        let mut book = self.book.0.lock();
        book.made += 1;
        let made = book.made;
        if !book.owners.contains_key(&self.owner) && book.owners.len() >= OWNERS {
            let oldest = book.owners.iter().min_by_key(|(_, owned)| owned.last);
            if let Some(oldest) = oldest.map(|(owner, _)| *owner) {
                book.owners.remove(&oldest);
            }
        }
        let owned = book.owners.entry(self.owner).or_default();
        owned.last = made;
        if owned.tasks.len() >= TASKS_OF_ONE {
            owned.tasks.pop_front();
        }
        owned.tasks.push_back((task.into(), tool.into()));
    }
}

/// Known to one conversation alone.
impl Default for KnownTasks {
    fn default() -> Self {
        Self::of(Arc::default(), &[])
    }
}

/// Whether a call is made to become a task, if the server likes.
pub(super) fn may_become(request: &Request<'_>) -> bool {
    let params = &request.params;
    params.task().is_some()
        || params.meta().ok().flatten().and_then(|meta| meta.client_capabilities).is_some_and(
            // Said so or not, it is only remembered.
            |can| can.as_str().contains(EXTENSION),
        )
}

#[cfg(test)]
mod tests;
