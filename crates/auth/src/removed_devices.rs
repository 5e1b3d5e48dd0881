//! What was got with devices that a user has no more: a lock for each device ends it, for as long as there can be
//! certificates that name the device.

use api::Error;
use audit::record::{Change, UserMetadata};
use resource::{Kind, Lock, LockTarget, Resource, Revision};
use store::Write;
use time::Duration;

use crate::certificate::MAX_TTL;
use crate::core::Core;
use crate::device::Device;
use crate::events;
use crate::records::Condition;

/// Beyond the life of a certificate: a sign-in may be under way for so long that was begun with the device.
const MARGIN: Duration = Duration::minutes(15);
/// Devices that a user may remove by themselves while the locks of earlier ones are in force: every decision looks
/// at all locks.
pub(crate) const MAX_REMOVED: usize = 32;
/// What the names of such locks begin with.
const PREFIX: &str = "removed-device-";

/// The locks on devices that are being removed.
pub(crate) struct RemovedDevices {
    locks: Vec<Resource>,
}

// === impl RemovedDevices ===

impl RemovedDevices {
    /// Locks on some devices of a user, which `by` removes.
    pub(crate) fn of(core: &Core, user: &str, devices: &[Device], by: &str) -> Self {
        let now = core.clock.now();
        let end = now + MAX_TTL + MARGIN;
        let lock = |device: &Device| {
            let target = LockTarget {
                user: Some(user.to_owned()),
                mfa_device: Some(device.id.clone()),
                ..LockTarget::default()
            };
            let message =
                format!("the device {:?} was removed; sign in again with another one", device.name);
            let mut lock = Lock::new(format!("{PREFIX}{}", device.id), target, message);
            (lock.spec.expires, lock.metadata.expires) = (Some(end), Some(end));
            (lock.spec.created_at, lock.spec.created_by) = (Some(now), by.to_owned());
            Resource::Lock(lock)
        };
        Self { locks: devices.iter().map(lock).collect() }
    }

    /// Tells the audit log that they are about to be.
    pub(crate) async fn record(&self, core: &Core, actor: &UserMetadata) -> Result<(), Error> {
        for lock in &self.locks {
            events::changed(&core.audit, actor, Change::Created, lock).await?;
        }
        Ok(())
    }

    /// They are not, after all.
    pub(crate) async fn did_not_happen(&self, core: &Core, actor: &UserMetadata, error: &Error) {
        for lock in &self.locks {
            let announced_by = format!("change of {}", lock.kind());
            events::did_not_happen(&core.audit, actor, &announced_by, error).await;
        }
    }

    /// The writes that make them: with what takes the devices away, or not at all.
    pub(crate) fn writes(&self, core: &Core) -> Result<Vec<Write>, Error> {
        self.locks.iter().map(|lock| core.records.writing(lock, Condition::Absent)).collect()
    }

    /// Waits until our own copy shows them. `revisions` are those of their writes, in order.
    pub(crate) async fn settle(&self, core: &Core, revisions: &[store::Revision]) {
        for (lock, revision) in self.locks.iter().zip(revisions) {
            let revision = Revision::new(revision.as_str());
            core.settle(Kind::Lock, lock.name(), Some(&revision)).await;
        }
    }
}

/// Refuses a user who removes one device after the other.
pub(crate) fn refuse_many(core: &Core, user: &str) -> Result<(), Error> {
    let (snapshot, now) = (core.replica.snapshot(), core.clock.now());
    let is_such = |lock: &&std::sync::Arc<Lock>| {
        lock.is_in_force(now)
            && lock.metadata.name.starts_with(PREFIX)
            && lock.spec.target.user.as_deref() == Some(user)
    };
    if snapshot.locks.values().filter(is_such).count() < MAX_REMOVED {
        return Ok(());
    }
    Err(Error::denied(format!("you have removed {MAX_REMOVED} devices since yesterday"))
        .hint("try again tomorrow, or have an administrator do it: tctl users reset"))
}
