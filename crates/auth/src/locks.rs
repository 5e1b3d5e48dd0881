//! Locks: who is shut out, whatever roles say.

use api::{Error, Snapshot};
use pki::{SecondFactors, ServiceIdentity, UserIdentity};
use resource::{Lock, LockTarget, User};
use time::OffsetDateTime;

/// What is known of a caller that a lock may name.
#[derive(Clone, Copy, Default)]
struct Subject<'a> {
    user: Option<&'a str>,
    roles: &'a [String],
    devices: [Option<&'a str>; 2],
    server: Option<&'a str>,
    app: Option<&'a str>,
    bot_instance: Option<&'a str>,
    /// By what the user joined, who is a bot, and by what the service did.
    join_tokens: [Option<&'a str>; 2],
}

/// Refuses a user, about to sign in with `device`, whom a lock names.
pub(crate) fn refuse_user(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &User,
    device: Option<&str>,
) -> Result<(), Error> {
    let (user, roles) = (Some(user.name()), user.spec.roles.as_slice());
    refuse(snapshot, now, &Subject { user, roles, devices: [device, None], ..Subject::default() })
}

/// Refuses whoever comes by a join token that a lock names.
pub(crate) fn refuse_join(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    token: Option<&str>,
) -> Result<(), Error> {
    refuse(snapshot, now, &Subject { join_tokens: [token, None], ..Subject::default() })
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
    agent: &ServiceIdentity,
) -> Result<(), Error> {
    let (server, app) = (Some(agent.host_id.as_str()), Some(app));
    let join_tokens = [user.join_token.as_deref(), agent.join_token.as_deref()];
    let subject = Subject { roles, server, app, join_tokens, ..subject(user) };
    refuse_by_any_name(snapshot, now, user, &subject)
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
    refuse(snapshot, now, &subject_of_service(service))
}

/// Whether a lock names a service.
pub(crate) fn names_service(lock: &Lock, service: &ServiceIdentity) -> bool {
    fits(&lock.spec.target, &subject_of_service(service))
}

fn subject_of_service(service: &ServiceIdentity) -> Subject<'_> {
    let server = Some(service.host_id.as_str());
    let join_tokens = [service.join_token.as_deref(), None];
    Subject { server, join_tokens, ..Subject::default() }
}

fn subject(user: &UserIdentity) -> Subject<'_> {
    let SecondFactors { at_sign_in, for_session } = &user.mfa;
    Subject {
        user: Some(&user.name),
        roles: &user.roles,
        devices: [at_sign_in.as_deref(), for_session.as_deref()],
        bot_instance: user.bot_instance_id.as_deref(),
        join_tokens: [user.join_token.as_deref(), None],
        ..Subject::default()
    }
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
    let LockTarget { user, role, login, mfa_device, server_id, app, .. } = target;
    let LockTarget { bot_instance_id, join_token, .. } = target;
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
        && is(bot_instance_id, subject.bot_instance)
        && join_token.as_deref().is_none_or(|wanted| subject.join_tokens.contains(&Some(wanted)))
        && role.as_ref().is_none_or(|role| subject.roles.contains(role))
}

/// What is said where it is not known by which lock.
pub(crate) fn shut_out() -> Error {
    Error::denied("access is locked")
}

fn locked(lock: &Lock) -> Error {
    let error = shut_out().because(format!("lock {}", lock.metadata.name));
    if lock.spec.message.is_empty() { error } else { error.hint(lock.spec.message.clone()) }
}

#[cfg(test)]
mod tests;
