//! How a process of Tessera lives and dies: named tasks, shutdown, readiness, time and telemetry.
//!
//! Every other crate spawns through [`Tasks`], reads time from a [`Clock`] and retries by a
//! [`Backoff`], so that shutdown knows by name what it waits for and tests decide what time it is.
//! The crate knows nothing of identities, resources or networks.

pub mod backoff;
pub mod clock;
pub mod latch;
pub mod shutdown;
pub mod tasks;
pub mod telemetry;

pub use crate::backoff::Backoff;
pub use crate::clock::Clock;
pub use crate::latch::{Latch, Readiness};
pub use crate::shutdown::Shutdown;
pub use crate::tasks::{TaskEnd, TaskHandle, TaskScope, Tasks};
