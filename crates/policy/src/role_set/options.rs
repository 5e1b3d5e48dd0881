//! Limits on sessions that follow from several roles together: the strictest of each.

use std::sync::Arc;
use std::time::Duration;

use resource::role::MfaRequirement;
use resource::{LockMode, Role};

use super::IMPLICIT_ROLE;

/// The limits on a user's sessions. `None`: no role says anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The shortest `max_session_ttl`.
    pub max_session_ttl: Option<Duration>,
    /// The shortest `client_idle_timeout`.
    pub client_idle_timeout: Option<Duration>,
    /// Whether any role ends connections with their certificate.
    pub disconnect_expired_cert: bool,
    /// Whether any role binds certificates to an address.
    pub pin_source_ip: bool,
    /// Strict where any role says so.
    pub lock: Option<LockMode>,
    /// Which sessions need a second factor, as far as roles say.
    pub mfa: MfaDemand,
}

/// Which sessions need a second factor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MfaDemand {
    /// None.
    #[default]
    Never,
    /// Those that a role which demands one has a part in.
    PerRole,
    /// All.
    Always,
}

// === impl Options ===

impl Options {
    pub(super) fn of(roles: &[Arc<Role>]) -> Self {
        let mut found = Self::default();
        let (mut demanding, mut silent) = (0_usize, 0_usize);
        for role in roles {
            let options = &role.spec.options;
            shorten(&mut found.max_session_ttl, options.max_session_ttl);
            shorten(&mut found.client_idle_timeout, options.client_idle_timeout);
            found.disconnect_expired_cert |= options.disconnect_expired_cert.unwrap_or(false);
            found.pin_source_ip |= options.pin_source_ip.unwrap_or(false);
            if found.lock != Some(LockMode::Strict) {
                found.lock = options.lock.or(found.lock);
            }
            if options.require_session_mfa.is_some_and(MfaRequirement::is_required) {
                demanding += 1;
            } else if role.name() != IMPLICIT_ROLE {
                silent += 1;
            }
        }
        found.mfa = match (demanding, silent) {
            (0, _) => MfaDemand::Never,
            (_, 0) => MfaDemand::Always,
            _ => MfaDemand::PerRole,
        };
        found
    }
}

/// Zero means no limit.
fn shorten(limit: &mut Option<Duration>, other: Option<Duration>) {
    let other = other.filter(|duration| !duration.is_zero());
    *limit = match (*limit, other) {
        (Some(limit), Some(other)) => Some(limit.min(other)),
        (limit, other) => limit.or(other),
    };
}
