//! Whom locks shut out of an app.

use api::{Host, Snapshot};
use pki::{SecondFactors, UserIdentity};
use resource::{LockSubject, LockTarget};
use time::OffsetDateTime;

use super::Refusal;

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

/// Whether a target fits. A visitor has two names: a lock on a name shuts out whoever has it, of whatever cluster.
fn fits(target: &LockTarget, user: &UserIdentity, app: &str, host: Host<'_>) -> bool {
    let SecondFactors { at_sign_in, for_session } = &user.mfa;
    target.fits(&LockSubject {
        users: [Some(&user.name), Some(&user.known_as())],
        roles: &user.roles,
        devices: [at_sign_in.as_deref(), for_session.as_deref()],
        server_id: Some(host.id),
        app: Some(app),
        bot_instance_id: user.bot_instance_id.as_deref(),
        oauth_grant: user.oauth_grant.as_deref(),
        // Who came by the token: the bot, or the agent itself.
        join_tokens: [user.join_token.as_deref(), host.join_token],
    })
}

/// The target in words: `user "alice"`.
fn describe(target: &LockTarget) -> String {
    let fields = target.fields();
    let set = fields.iter().filter_map(|(name, value)| Some(format!("{name} {:?}", (*value)?)));
    set.collect::<Vec<_>>().join(" and ")
}

#[cfg(test)]
mod tests;
