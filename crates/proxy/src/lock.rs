//! Whether a lock shuts a host of the cluster out: then its tunnel ends, and nobody is sent there.

use api::{Replica, Snapshot};
use pki::ServiceIdentity;
use resource::LockTarget;
use runtime::Clock;
use time::OffsetDateTime;

/// A host, as far as locks name it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host<'a> {
    pub(crate) id: &'a str,
    pub(crate) join_token: Option<&'a str>,
}

impl<'a> Host<'a> {
    /// By its certificate.
    pub(crate) fn of(service: &'a ServiceIdentity) -> Self {
        Self { id: &service.host_id, join_token: service.join_token.as_deref() }
    }

    /// Of which nothing else is known. Tunnels of hosts of which more is known end by that.
    pub(crate) fn with_id(id: &'a str) -> Self {
        Self { id, join_token: None }
    }
}

/// Whether a host is locked, as itself or by what it joined.
pub(crate) fn is_locked(snapshot: &Snapshot, now: OffsetDateTime, host: Host<'_>) -> bool {
    snapshot.locks.values().any(|lock| {
        // A target that names more than the host is about somebody on it.
        let LockTarget { user, role, login, mfa_device, app, .. } = &lock.spec.target;
        let LockTarget { server_id, join_token, bot_instance_id, .. } = &lock.spec.target;
        let others = [user, role, login, mfa_device, app, bot_instance_id];
        let fits = |wanted: &Option<String>, found: Option<&str>| {
            wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
        };
        lock.is_in_force(now)
            && (server_id.is_some() || join_token.is_some())
            && fits(server_id, Some(host.id))
            && fits(join_token, host.join_token)
            && others.iter().all(|other| other.is_none())
    })
}

/// Waits until a host is locked.
pub(crate) async fn until_locked(replica: &Replica, clock: &Clock, host: Host<'_>) {
    let mut changes = replica.changes();
    loop {
        changes.mark_unchanged();
        if is_locked(&replica.snapshot(), clock.now(), host) {
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
