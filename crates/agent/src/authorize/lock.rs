//! Whom locks shut out of an app.

use api::Snapshot;
use pki::UserIdentity;
use resource::LockTarget;
use time::OffsetDateTime;

use super::Refusal;

/// The agent itself, as locks name it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host<'a> {
    pub(super) id: &'a str,
    pub(super) join_token: Option<&'a str>,
}

/// Refuses when a lock in force fits the user, the app and this agent.
pub(super) fn check(
    snapshot: &Snapshot,
    now: OffsetDateTime,
    user: &UserIdentity,
    app: &str,
    host: Host<'_>,
) -> Result<(), Refusal> {
    let found = snapshot
        .locks
        .values()
        .find(|lock| lock.is_in_force(now) && fits(&lock.spec.target, user, app, host));
    match found {
        None => Ok(()),
        Some(lock) => Err(Refusal::locked(&describe(&lock.spec.target), &lock.spec.message)),
    }
}

/// Whether every field that the target has fits. An empty target fits nobody. A visitor has two names: a lock
/// on a name shuts out whoever has it, of whatever cluster.
fn fits(target: &LockTarget, user: &UserIdentity, app: &str, host: Host<'_>) -> bool {
    let LockTarget { user: name, role, login, mfa_device, server_id, app: locked, .. } = target;
    let LockTarget { bot_instance_id, join_token, .. } = target;
    let is = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let is_named = |wanted: &Option<String>| {
        wanted.as_deref().is_none_or(|wanted| wanted == user.name || wanted == user.known_as())
    };
    !target.is_empty()
        && is_named(name)
        && is_named(login)
        && mfa_device.as_deref().is_none_or(|device| user.mfa.devices().any(|one| one == device))
        && is(server_id, Some(host.id))
        && is(locked, Some(app))
        && is(bot_instance_id, user.bot_instance_id.as_deref())
        // Who came by the token: the bot, or the agent itself.
        && join_token.as_deref().is_none_or(|wanted| {
            [user.join_token.as_deref(), host.join_token].contains(&Some(wanted))
        })
        && role.as_ref().is_none_or(|role| user.roles.contains(role))
}

/// The target in words: `user "alice"`.
fn describe(target: &LockTarget) -> String {
    let fields = target.fields();
    let set = fields.iter().filter_map(|(name, value)| Some(format!("{name} {:?}", (*value)?)));
    set.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
