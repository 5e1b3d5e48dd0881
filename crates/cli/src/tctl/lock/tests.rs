use time::macros::datetime;

use super::*;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00:00 UTC);

fn user(name: &str) -> Lock {
    Lock { user: Some(name.to_owned()), ..Lock::default() }
}

#[test]
fn a_lock_says_whom_why_and_until_when() {
    let args = Lock {
        role: Some("dev".to_owned()),
        message: "gone".to_owned(),
        ttl: Some(Duration::from_secs(3600)),
        ..user("mallory")
    };
    let lock = args.resource(NOW, "l1").unwrap();
    assert_eq!(lock.metadata.name, "l1");
    assert_eq!(lock.spec.target.user.as_deref(), Some("mallory"));
    assert_eq!(lock.spec.target.role.as_deref(), Some("dev"));
    assert_eq!(lock.spec.message, "gone");
    assert_eq!(lock.spec.expires, Some(datetime!(2026-03-01 13:00:00 UTC)));
}

#[test]
fn without_an_end_it_lasts() {
    assert_eq!(user("mallory").resource(NOW, "l1").unwrap().spec.expires, None);
}

#[test]
fn a_lock_on_nobody_is_refused() {
    assert!(Lock::default().resource(NOW, "l1").is_err());
    assert!(user("").resource(NOW, "l1").is_err());
}

#[test]
fn a_lock_that_has_ended_is_refused() {
    let args = Lock { expires: Some(NOW), ..user("mallory") };
    assert!(args.resource(NOW, "l1").is_err());
}
