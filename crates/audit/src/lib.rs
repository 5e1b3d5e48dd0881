//! What happened: typed events, redacted as they are made, and the files that keep them.
//!
//! A [`record`] is turned into an [`Event`], one line of JSON, by a [`Stamper`]. Services write
//! events to a [`Spool`] and ship them ([`run_shipper`]) to the [`Log`] of the auth service, which
//! takes each exactly once and answers queries. Both hand a line to the operating system before
//! they return, so that an operation whose record cannot be written can be refused.
//!
//! The crate decides nothing and knows no policy: callers say what happened and how it ended.

pub mod code;
pub mod event;
pub mod message;
pub mod record;
pub mod redact;

mod journal;
pub mod log;
mod ship;
pub mod sink;
pub mod spool;

pub use crate::code::Code;
pub use crate::event::{Event, EventIndex, MAX_EVENT_BYTES, Stamp, Stamper};
pub use crate::journal::{Durability, OpenError};
pub use crate::log::{Log, LogOptions};
pub use crate::message::{MAX_PARAMS_BYTES, Message};
pub use crate::record::{McpSession, Outcome, Record};
pub use crate::redact::{Headers, Text};
pub use crate::ship::run_shipper;
pub use crate::sink::Sink;
pub use crate::spool::{Batch, Spool, SpoolOptions};
