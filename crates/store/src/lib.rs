//! Where state is kept: a small key-value contract with opaque revisions, and two engines for it.
//!
//! [`Backend`] is the contract: conditional and atomic writes, expiry, consistent lists, and a
//! watch that continues from a list without a gap. [`MemoryBackend`] forgets with the process;
//! [`SqliteBackend`] is the embedded store of a single auth service. Engines for several auth
//! services live in crates of their own and prove themselves with the module `conformance`.
//!
//! The store knows no resources: what the bytes of an item mean is its callers' business.

pub mod backend;
pub mod error;
pub mod event;
pub mod item;
pub mod key;
pub mod sweep;
pub mod watch;
pub mod write;

mod feed;
mod memory;
pub mod sqlite;

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;

pub use crate::backend::{Backend, Snapshot};
pub use crate::error::Error;
pub use crate::event::{Change, Cursor, Event};
pub use crate::feed::Retention;
pub use crate::item::{Item, Revision};
pub use crate::key::{InvalidKey, Key, Prefix};
pub use crate::memory::MemoryBackend;
pub use crate::sqlite::{OpenError, SqliteBackend, SqliteOptions};
pub use crate::sweep::run_sweeper;
pub use crate::watch::Watch;
pub use crate::write::{MAX_ITEM_BYTES, MAX_WRITES, Write};
