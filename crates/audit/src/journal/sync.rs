//! The thread that forces a journal to disk.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::{Durability, Ended, Shared};

/// Works until the journal is closed or the disk fails.
pub(super) fn run(shared: &Shared) {
    loop {
        let Some((files, upto)) = next_round(shared) else {
            shared.synced.send_modify(|synced| {
                synced.ended.get_or_insert(Ended::Closed);
            });
            return;
        };
        if let Err(error) = force(&files) {
            // After a failed attempt the operating system may have dropped what it could not
            // write; a later success would mean nothing.
            fail(shared, &error);
            return;
        }
        shared.synced.send_modify(|synced| synced.upto = upto);
    }
}

/// Waits for something to force to disk; `None` when the journal is closed and nothing is left.
fn next_round(shared: &Shared) -> Option<(Vec<Arc<File>>, u64)> {
    let mut tail = shared.tail.lock();
    while !tail.dirty && !tail.closing {
        // Somebody may wait for what is on disk already.
        tail.begin_round();
        shared.wake.wait(&mut tail);
    }
    if !tail.dirty {
        return None;
    }
    if let Durability::Interval(interval) = shared.options.durability {
        let wait = |tail: &mut super::Tail| !tail.urgent && !tail.closing;
        shared.wake.wait_while_for(&mut tail, wait, interval);
    }
    tail.begin_round();
    let mut files = std::mem::take(&mut tail.unsynced);
    files.push(tail.file());
    Some((files, tail.last()))
}

fn force(files: &[Arc<File>]) -> io::Result<()> {
    files.iter().try_for_each(|file| file.sync_all())
}

fn fail(shared: &Shared, error: &io::Error) {
    let reason: Arc<str> = error.to_string().into();
    let directory = shared.options.directory.display();
    tracing::error!(%directory, %error, "audit records could not be forced to disk");
    shared.tail.lock().failed = Some(Arc::clone(&reason));
    shared.synced.send_modify(|synced| synced.ended = Some(Ended::Failed(reason)));
}
