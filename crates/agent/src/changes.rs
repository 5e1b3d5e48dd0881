//! Tells live connections that something has changed which decisions rest on.
//!
//! Each of them then decides again. One task looks at every new copy, so that a thousand connections
//! are not woken by a proxy's heartbeat.

use std::sync::Arc;
use std::time::Duration;

use api::{Replica, Snapshot};
use pki::TrustStore;
use tokio::sync::watch;

use crate::authorize::Authorizer;
use crate::labels::ToldLabels;

/// How often the authorities, and the age of locks, are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What decisions rest on.
struct Basis {
    snapshot: Arc<Snapshot>,
    trust: u64,
    stale: bool,
    told: u64,
}

/// Counts changes up, until the receivers are gone.
pub(crate) async fn run(
    replica: Replica,
    trust: TrustStore,
    authorizer: Arc<Authorizer>,
    labels: ToldLabels,
    tell: watch::Sender<u64>,
) {
    let look = || Basis {
        snapshot: replica.snapshot(),
        trust: trust.generation(),
        stale: authorizer.are_locks_stale(),
        told: labels.generation(),
    };
    let (mut copies, mut told) = (replica.changes(), labels.changes());
    let mut seen = look();
    let mut followed = true;
    loop {
        tokio::select! {
            changed = copies.changed(), if followed => followed = changed.is_ok(),
            // An error means that nobody tells any more: `LOOK` goes on.
            Ok(()) = told.changed() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
        let now = look();
        if !now.is_same(&seen) {
            tell.send_modify(|count| *count += 1);
        }
        seen = now;
    }
}

// === impl Basis ===

impl Basis {
    fn is_same(&self, other: &Self) -> bool {
        let (one, two) = (&*self.snapshot, &*other.snapshot);
        let preference = |snapshot: &Snapshot| snapshot.auth_preference.as_ref().map(Arc::as_ptr);
        self.trust == other.trust
            && self.stale == other.stale
            && self.told == other.told
            && one.roles.is_same(&two.roles)
            && one.users.is_same(&two.users)
            && one.locks.is_same(&two.locks)
            && one.oauth_grants.is_same(&two.oauth_grants)
            && one.apps.is_same(&two.apps)
            && one.trusted_clusters.is_same(&two.trusted_clusters)
            && preference(one) == preference(two)
    }
}
