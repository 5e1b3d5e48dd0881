//! Whether a lock shuts a host of the cluster out: then its tunnel ends, and nobody is sent there.

use api::{Replica, Snapshot};
use resource::LockTarget;
use runtime::Clock;
use time::OffsetDateTime;

/// Whether a host is locked.
pub(crate) fn is_locked(snapshot: &Snapshot, now: OffsetDateTime, host_id: &str) -> bool {
    snapshot.locks.values().any(|lock| {
        // A target that names more than the host is about somebody on it.
        let LockTarget { user, role, login, mfa_device, server_id, app } = &lock.spec.target;
        let others = [user, role, login, mfa_device, app];
        lock.is_in_force(now)
            && server_id.as_deref() == Some(host_id)
            && others.iter().all(|other| other.is_none())
    })
}

/// Waits until a host is locked.
pub(crate) async fn until_locked(replica: &Replica, clock: &Clock, host_id: &str) {
    let mut changes = replica.changes();
    loop {
        changes.mark_unchanged();
        if is_locked(&replica.snapshot(), clock.now(), host_id) {
            return;
        }
        if changes.changed().await.is_err() {
            // The copy is not kept any more: the proxy ends.
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests;
