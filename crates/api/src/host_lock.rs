//! Whether a lock shuts a host of the cluster out: then tunnels with it end, at both ends, and nobody is sent there.

use pki::{Identity, ServiceIdentity};
use resource::LockSubject;
use runtime::Clock;
use time::OffsetDateTime;

use crate::replica::Replica;
use crate::snapshot::Snapshot;

/// A host, as far as locks name it.
#[derive(Clone, Copy, Debug)]
pub struct Host<'a> {
    /// Its host id.
    pub id: &'a str,
    /// The name of the token by which it joined, as its certificate says.
    pub join_token: Option<&'a str>,
}

/// The locks of a cluster, for who keeps connections to hosts of it.
#[derive(Clone, Debug)]
pub struct HostLocks {
    replica: Replica,
    clock: Clock,
}

// === impl Host ===

impl<'a> Host<'a> {
    /// By its certificate.
    #[must_use]
    pub fn of(service: &'a ServiceIdentity) -> Self {
        Self { id: &service.host_id, join_token: service.join_token.as_deref() }
    }

    /// Of which nothing else is known. Tunnels of hosts of which more is known end by that.
    #[must_use]
    pub fn with_id(id: &'a str) -> Self {
        Self { id, join_token: None }
    }

    /// Whether it is locked, as itself or by what it joined. A lock that names somebody on it leaves it.
    #[must_use]
    pub fn is_locked(self, snapshot: &Snapshot, now: OffsetDateTime) -> bool {
        let subject = LockSubject {
            server_id: Some(self.id),
            join_tokens: [self.join_token, None],
            ..LockSubject::default()
        };
        let mut locks = snapshot.locks.values();
        locks.any(|lock| lock.is_in_force(now) && lock.spec.target.fits(&subject))
    }

    /// Waits until it is locked.
    pub async fn until_locked(self, replica: &Replica, clock: &Clock) {
        let mut changes = replica.changes();
        loop {
            changes.mark_unchanged();
            if self.is_locked(&replica.snapshot(), clock.now()) {
                return;
            }
            if changes.changed().await.is_err() {
                // The copy is not kept any more: the service ends.
                return std::future::pending().await;
            }
        }
    }
}

// === impl HostLocks ===

impl HostLocks {
    /// Those that `replica` knows.
    #[must_use]
    pub fn new(replica: Replica, clock: Clock) -> Self {
        Self { replica, clock }
    }

    /// Waits until the host that `peer` says to be is locked. Who says of itself that it is no host is shut out at
    /// once.
    pub async fn until_shut_out(&self, peer: Option<Identity>) {
        if let Some(service) = peer.as_ref().and_then(Identity::as_service) {
            Host::of(service).until_locked(&self.replica, &self.clock).await;
        }
    }
}

#[cfg(test)]
mod tests;
