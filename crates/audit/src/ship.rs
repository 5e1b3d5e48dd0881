//! The task that brings a spool's records to the log.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::sync::Arc;

use runtime::Backoff;

use crate::{Batch, Spool};

/// Ships what is recorded, oldest first, for as long as the spool is open and until all is shipped
/// after that. `send` brings one batch to [`crate::Log::ingest`] and returns when the log has it.
///
/// While `send` fails it is called again with the same lines, less and less often.
pub async fn run_shipper<S, F, E>(spool: Arc<Spool>, mut send: S)
where
    S: FnMut(Batch) -> F,
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut backoff = Backoff::reconnect();
    while spool.ready().await {
        let Some(batch) = blocking(&spool, Spool::next_batch).await else {
            // It was said what is wrong with the file; perhaps it passes.
            backoff.wait().await;
            continue;
        };
        let Some(batch) = batch else {
            // Ready, and nothing to read: the lines are lost. Look again later, not in a circle.
            backoff.wait().await;
            continue;
        };
        match send(batch.clone()).await {
            Ok(()) => {
                backoff.reset();
                blocking(&spool, move |spool| spool.acknowledge(&batch)).await;
            }
            Err(error) => {
                if backoff.attempts() == 0 {
                    let waiting = spool.waiting();
                    tracing::warn!(%error, waiting, "audit records cannot be shipped; will retry");
                }
                backoff.wait().await;
            }
        }
    }
}

/// Does something with files away from the threads that must not wait.
async fn blocking<T, W>(spool: &Arc<Spool>, work: W) -> Option<T>
where
    T: Send + 'static,
    W: FnOnce(&Spool) -> io::Result<T> + Send + 'static,
{
    let spool = Arc::clone(spool);
    let done = tokio::task::spawn_blocking(move || work(&spool)).await;
    match done.map_err(io::Error::other).flatten() {
        Ok(result) => Some(result),
        Err(error) => {
            tracing::warn!(%error, "the audit spool could not be read or tidied");
            None
        }
    }
}

#[cfg(test)]
mod tests;
