//! Locks: who is shut out, whatever roles say.

use api::{Error, Snapshot};
use pki::{SecondFactors, ServiceIdentity, UserIdentity};
use resource::{Lock, LockTarget, User};
use time::OffsetDateTime;

/// What is known of a caller that a lock may name.
struct Subject<'a> {
    user: Option<&'a str>,
    roles: &'a [String],
    devices: [Option<&'a str>; 2],
    server: Option<&'a str>,
    app: Option<&'a str>,
}

/// Refuses a user, about to sign in with `device`, whom a lock names.
pub(crate) fn refuse_user(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &User,
    device: Option<&str>,
) -> Result<(), Error> {
    let (user, roles) = (Some(user.name()), user.spec.roles.as_slice());
    let devices = [device, None];
    refuse(snapshot, now, &Subject { user, roles, devices, server: None, app: None })
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
    refuse_by_any_name(snapshot, now, user, &Subject { roles, ..subject(user) })
}

/// Refuses the use of an app that an agent serves when a lock names the user, who has `roles` here, the app, the
/// agent, or several of them.
pub(crate) fn refuse_use(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
    roles: &[String],
    app: &str,
    host_id: &str,
) -> Result<(), Error> {
    let (server, app) = (Some(host_id), Some(app));
    refuse_by_any_name(snapshot, now, user, &Subject { roles, server, app, ..subject(user) })
}

/// By the name at home, and by the one that tells a visitor from a namesake here.
fn refuse_by_any_name(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
    subject: &Subject<'_>,
) -> Result<(), Error> {
    refuse(snapshot, now, subject)?;
    refuse(snapshot, now, &Subject { user: Some(&user.known_as()), ..*subject })
}

/// Refuses a service that a lock names.
pub(crate) fn refuse_service(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    service: &ServiceIdentity,
) -> Result<(), Error> {
    let server = Some(service.host_id.as_str());
    let subject = Subject { user: None, roles: &[], devices: [None; 2], server, app: None };
    refuse(snapshot, now, &subject)
}

fn subject(user: &UserIdentity) -> Subject<'_> {
    let SecondFactors { at_sign_in, for_session } = &user.mfa;
    let devices = [at_sign_in.as_deref(), for_session.as_deref()];
    Subject { user: Some(&user.name), roles: &user.roles, devices, server: None, app: None }
}

fn refuse(snapshot: &Snapshot, now: OffsetDateTime, subject: &Subject<'_>) -> Result<(), Error> {
    let lock = snapshot
        .locks
        .values()
        .find(|lock| lock.is_in_force(now) && fits(&lock.spec.target, subject));
    lock.map_or(Ok(()), |lock| Err(locked(lock)))
}

/// Whether every field that a target has is one of the subject's.
fn fits(target: &LockTarget, subject: &Subject<'_>) -> bool {
    let LockTarget { user, role, login, mfa_device, server_id, app } = target;
    if target.is_empty() {
        return false;
    }
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    // People have no login names here besides their names.
    is(user, subject.user)
        && is(app, subject.app)
        && is(login, subject.user)
        && subject.devices.iter().any(|device| is(mfa_device, *device))
        && is(server_id, subject.server)
        && role.as_ref().is_none_or(|role| subject.roles.contains(role))
}

fn locked(lock: &Lock) -> Error {
    let error = Error::denied("access is locked").because(format!("lock {}", lock.metadata.name));
    if lock.spec.message.is_empty() { error } else { error.hint(lock.spec.message.clone()) }
}

#[cfg(test)]
mod tests;
