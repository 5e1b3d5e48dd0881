//! Locks as resources: what is filled in when one is written.

use resource::Lock;

use crate::cx::OpCx;

/// Fills in who locks, since when, and one end for both places that can say one.
pub(crate) fn prepare(cx: &OpCx, lock: &mut Lock, before: Option<&Lock>) {
    let end = lock.spec.expires.or(lock.metadata.expires);
    lock.spec.expires = end;
    lock.metadata.expires = end;
    match before {
        Some(before) => {
            lock.spec.created_by.clone_from(&before.spec.created_by);
            lock.spec.created_at = before.spec.created_at;
        }
        None => {
            lock.spec.created_by = cx.caller().name();
            lock.spec.created_at = Some(cx.core().clock.now());
        }
    }
}
