//! To whom a session belongs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use pki::{Principal, SecondFactors, UserIdentity, Visit};

/// To whom a session belongs: it outlives the certificate that it was begun with, not the login. What is done in it is
/// decided by that certificate, so it is for those of the login that say the same: programs of one login may hold
/// certificates with more and with fewer roles, and a newer one may say less.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Owner {
    user: Principal,
    login: String,
    certified: Arc<Certified>,
}

/// What a certificate says that decides what may be done with an app.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Certified {
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    mfa: SecondFactors,
    source_ip: Option<IpAddr>,
    visit: Option<Visit>,
    bot_instance_id: Option<String>,
    join_token: Option<String>,
    oauth_grant: Option<String>,
}

// === impl Owner ===

impl Owner {
    /// Of what is begun with this, as it was certified.
    pub(super) fn new(user: &UserIdentity) -> Self {
        let certified = Certified {
            roles: user.roles.clone(),
            traits: user.traits.clone(),
            mfa: user.mfa.clone(),
            source_ip: user.source_ip,
            visit: user.visit.clone(),
            bot_instance_id: user.bot_instance_id.clone(),
            join_token: user.join_token.clone(),
            oauth_grant: user.oauth_grant.clone(),
        };
        let certified = Arc::new(certified);
        Self { user: user.principal(), login: user.login_id.clone(), certified }
    }

    pub(crate) fn user(&self) -> &Principal {
        &self.user
    }

    /// Whether both come of one login, whatever their certificates say.
    pub(super) fn is_same_login(&self, other: &Self) -> bool {
        self.user == other.user && self.login == other.login
    }
}
