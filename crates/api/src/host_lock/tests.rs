use resource::{Lock, LockTarget};
use time::Duration;

use super::*;
use crate::source::WatchEvent;

const HOST: &str = "4f2c1b9e-0000-4000-8000-000000000001";
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn locked(target: LockTarget, expires: Option<OffsetDateTime>) -> bool {
    let mut lock = Lock::new("lock", target, "");
    lock.spec.expires = expires;
    let mut snapshot = Snapshot::default();
    let resource = std::sync::Arc::new(lock.into());
    snapshot.apply(&WatchEvent::Put { resource, cursor: String::new() });
    Host { id: HOST, join_token: Some("hosts") }.is_locked(&snapshot, NOW)
}

fn host(id: &str) -> LockTarget {
    LockTarget { server_id: Some(id.to_owned()), ..LockTarget::default() }
}

#[test]
fn a_lock_of_the_host_shuts_it_out_while_it_is_in_force() {
    assert!(!Host::with_id(HOST).is_locked(&Snapshot::default(), NOW));
    assert!(locked(host(HOST), None));
    assert!(locked(host(HOST), Some(NOW + Duration::SECOND)));
    assert!(!locked(host(HOST), Some(NOW)));
    assert!(!locked(host("another"), None));
}

#[test]
fn a_lock_of_a_join_token_shuts_out_the_hosts_that_came_by_it() {
    let by = |token: &str| LockTarget { join_token: Some(token.to_owned()), ..Default::default() };
    assert!(locked(by("hosts"), None));
    assert!(!locked(by("others"), None));
    let both = |id: &str| LockTarget { join_token: Some("hosts".to_owned()), ..host(id) };
    assert!(locked(both(HOST), None));
    assert!(!locked(both("another"), None));
    let of_a_bot = LockTarget { bot_instance_id: Some(HOST.to_owned()), ..by("hosts") };
    assert!(!locked(of_a_bot, None));
    assert!(!locked(LockTarget::default(), None));
}

#[test]
fn a_lock_of_somebody_on_the_host_leaves_the_host() {
    let somebody = || Some("somebody".to_owned());
    for target in [
        LockTarget { user: somebody(), ..host(HOST) },
        LockTarget { role: somebody(), ..host(HOST) },
        LockTarget { login: somebody(), ..host(HOST) },
        LockTarget { mfa_device: somebody(), ..host(HOST) },
        LockTarget { app: somebody(), ..host(HOST) },
        LockTarget { bot_instance_id: somebody(), ..host(HOST) },
        LockTarget { join_token: somebody(), ..host(HOST) },
    ] {
        assert!(!locked(target, None));
    }
}
