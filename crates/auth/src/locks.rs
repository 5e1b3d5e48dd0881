//! Locks: who is shut out, whatever roles say.

use api::{Error, Snapshot};
use pki::{SecondFactors, ServiceIdentity, UserIdentity};
use resource::{Lock, LockSubject, User};
use time::OffsetDateTime;

/// Refuses a user, about to sign in with `device`, whom a lock names.
pub(crate) fn refuse_user(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &User,
    device: Option<&str>,
) -> Result<(), Error> {
    let (users, roles) = ([Some(user.name()), None], user.spec.roles.as_slice());
    let devices = [device, None];
    refuse(snapshot, now, &LockSubject { users, roles, devices, ..LockSubject::default() })
}

/// Refuses whoever comes by a join token that a lock names.
pub(crate) fn refuse_join(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    token: Option<&str>,
) -> Result<(), Error> {
    refuse(snapshot, now, &LockSubject { join_tokens: [token, None], ..LockSubject::default() })
}

/// Refuses the holder of a user certificate whom a lock names.
pub(crate) fn refuse_identity(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
) -> Result<(), Error> {
    refuse(snapshot, now, &subject(user))
}

/// Refuses a user of another cluster, who has `roles` here, whom a lock names.
pub(crate) fn refuse_visitor(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
    roles: &[String],
) -> Result<(), Error> {
    refuse(
        snapshot,
        now,
        &LockSubject { roles, users: names(user, &user.known_as()), ..subject(user) },
    )
}

/// Refuses the use of an app that an agent serves when a lock names the user, who has `roles` here, the app, the
/// agent, or several of them.
pub(crate) fn refuse_use(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
    roles: &[String],
    app: &str,
    agent: &ServiceIdentity,
) -> Result<(), Error> {
    refuse(
        snapshot,
        now,
        &LockSubject {
            users: names(user, &user.known_as()),
            roles,
            server_id: Some(&agent.host_id),
            app: Some(app),
            join_tokens: [user.join_token.as_deref(), agent.join_token.as_deref()],
            ..subject(user)
        },
    )
}

/// The name at home, and the one that tells a visitor from a namesake here.
fn names<'a>(user: &'a UserIdentity, known_as: &'a str) -> [Option<&'a str>; 2] {
    [Some(&user.name), Some(known_as)]
}

/// Refuses a service that a lock names.
pub(crate) fn refuse_service(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    service: &ServiceIdentity,
) -> Result<(), Error> {
    refuse(snapshot, now, &subject_of_service(service))
}

/// Whether a lock names a service.
pub(crate) fn names_service(lock: &Lock, service: &ServiceIdentity) -> bool {
    lock.spec.target.fits(&subject_of_service(service))
}

fn subject_of_service(service: &ServiceIdentity) -> LockSubject<'_> {
    let server_id = Some(service.host_id.as_str());
    let join_tokens = [service.join_token.as_deref(), None];
    LockSubject { server_id, join_tokens, ..LockSubject::default() }
}

fn subject(user: &UserIdentity) -> LockSubject<'_> {
    let SecondFactors { at_sign_in, for_session } = &user.mfa;
    LockSubject {
        users: [Some(&user.name), None],
        roles: &user.roles,
        devices: [at_sign_in.as_deref(), for_session.as_deref()],
        bot_instance_id: user.bot_instance_id.as_deref(),
        oauth_grant: user.oauth_grant.as_deref(),
        join_tokens: [user.join_token.as_deref(), None],
        ..LockSubject::default()
    }
}

fn refuse(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    subject: &LockSubject<'_>,
) -> Result<(), Error> {
    let lock = snapshot
        .locks
        .values()
        .find(|lock| lock.is_in_force(now) && lock.spec.target.fits(subject));
    lock.map_or(Ok(()), |lock| Err(locked(lock)))
}

/// What is said where it is not known by which lock.
pub(crate) fn shut_out() -> Error {
    Error::denied("access is locked")
}

fn locked(lock: &Lock) -> Error {
    let error = shut_out().because(format!("lock {}", lock.metadata.name));
    if lock.spec.message.is_empty() { error } else { error.hint(lock.spec.message.clone()) }
}
