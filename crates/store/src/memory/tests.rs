//! The memory engine against the contract.

use std::sync::Arc;

use crate::MemoryBackend;
use crate::conformance::{Failure, Setup, Subject};

async fn make(setup: Setup) -> Result<Subject, Failure> {
    let backend = MemoryBackend::with_retention(setup.clock.clone(), setup.retention);
    Ok(Subject::new(Arc::new(backend), setup, Box::new(())))
}

crate::conformance_suite!(make);
