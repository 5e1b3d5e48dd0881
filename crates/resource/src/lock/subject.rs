//! Whether a lock names somebody or something: one rule for every service that asks.

use crate::lock::LockTarget;

/// What is known of somebody, or of a service, that locks may name. What is not known is named by no lock.
#[derive(Clone, Copy, Debug, Default)]
pub struct LockSubject<'a> {
    /// The user's names. A visitor has two: the one at home, and the one that tells them from a namesake here.
    pub users: [Option<&'a str>; 2],
    /// The user's roles.
    pub roles: &'a [String],
    /// The devices with which the user proved a second factor: at sign-in, and for the session.
    pub devices: [Option<&'a str>; 2],
    /// The host id of the service, or of the agent that serves the app.
    pub server_id: Option<&'a str>,
    /// The app that is used.
    pub app: Option<&'a str>,
    /// Where the bot runs that the user is.
    pub bot_instance_id: Option<&'a str>,
    /// The names of the tokens by which they joined: the bot, and the service.
    pub join_tokens: [Option<&'a str>; 2],
    /// What the user granted the client that asks.
    pub oauth_grant: Option<&'a str>,
}

impl LockTarget {
    /// Whether every field that is set is one of the subject's. An empty target fits nobody; one that names more
    /// than the subject has is about somebody else.
    #[must_use]
    pub fn fits(&self, subject: &LockSubject<'_>) -> bool {
        // By name, so that a field that is added is not forgotten here.
        let Self {
            user,
            role,
            login,
            mfa_device,
            server_id,
            app,
            bot_instance_id,
            join_token,
            oauth_grant,
        } = self;
        !self.is_empty()
            && is_one_of(user, &subject.users)
            // People have no login names here besides their names.
            && is_one_of(login, &subject.users)
            && is_one_of(mfa_device, &subject.devices)
            && is_one_of(server_id, &[subject.server_id])
            && is_one_of(app, &[subject.app])
            && is_one_of(bot_instance_id, &[subject.bot_instance_id])
            && is_one_of(join_token, &subject.join_tokens)
            && is_one_of(oauth_grant, &[subject.oauth_grant])
            && role.as_ref().is_none_or(|role| subject.roles.contains(role))
    }
}

/// Whether what is named is among what is known. Where nothing is named, anything is.
fn is_one_of(named: &Option<String>, known: &[Option<&str>]) -> bool {
    named.as_deref().is_none_or(|named| known.contains(&Some(named)))
}

#[cfg(test)]
mod tests;
