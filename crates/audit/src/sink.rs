//! Where events go, whichever service this is.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::pin::Pin;

use crate::Event;

/// The future of [`Sink::record`].
pub type Recording<'a> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>>;

/// A [`crate::Spool`] or a [`crate::Log`].
pub trait Sink: Debug + Send + Sync {
    /// Hands the event to the operating system and returns. When this fails, nothing of the event
    /// is kept, and what it tells must not happen.
    ///
    /// # Errors
    /// When the disk or the allowed space is full, the disk failed, or the sink was closed.
    fn append(&self, event: &Event) -> io::Result<()>;

    /// As [`Sink::append`]; with [`crate::Durability::Strict`] also waits until the event is on
    /// disk.
    fn record<'a>(&'a self, event: &'a Event) -> Recording<'a>;
}
