//! What an answer of the auth service about somebody rests on, as far as it is known here: whether it may be another
//! one by now.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Index, Touched};
use pki::{UserIdentity, VisitTools};
use resource::{AppAuthConfig, ClusterAuthPreference, Kind, Lock};

use crate::service::Shared;

/// What was known here when it was asked for.
#[derive(Clone)]
pub(crate) struct Basis {
    pub(crate) trust: u64,
    locks: Index<Lock>,
    /// What tokens are accepted by, if it was asked for some.
    pub(crate) configs: Option<Index<AppAuthConfig>>,
    preference: Option<Arc<ClusterAuthPreference>>,
    /// Which copy of the cluster's resources that was.
    pub(crate) generation: u64,
}

/// What it says of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rights {
    user: String,
    roles: Vec<String>,
    traits: BTreeMap<String, Vec<String>>,
    tools: Option<VisitTools>,
    /// By which grant a client acts for the user, if it had the user sign in.
    pub(crate) oauth_grant: Option<String>,
}

// === impl Basis ===

impl Basis {
    /// What is known now.
    pub(crate) fn now(shared: &Shared, by_token: bool) -> Self {
        let snapshot = shared.replica.snapshot();
        Self {
            trust: shared.trust.generation(),
            locks: snapshot.locks.clone(),
            configs: by_token.then(|| snapshot.app_auth_configs.clone()),
            preference: snapshot.auth_preference.clone(),
            generation: snapshot.generation,
        }
    }

    /// Whether whom the cluster believes is the same.
    pub(crate) fn believes_as(&self, other: &Self) -> bool {
        let same_configs = match (&self.configs, &other.configs) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            _ => false,
        };
        same_configs && self.trust == other.trust
    }

    /// Whether all of it is the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same_preference = match (&self.preference, &other.preference) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        self.believes_as(other) && same_preference && self.locks.is_same(&other.locks)
    }
}

// === impl Rights ===

impl Rights {
    pub(crate) fn new(user: &UserIdentity, oauth_grant: Option<String>) -> Self {
        Self {
            user: user.name.clone(),
            roles: user.roles.clone(),
            traits: user.traits.clone(),
            tools: user.visit.as_ref().map(|visit| visit.tools.clone()),
            oauth_grant,
        }
    }

    /// Whether the user, a role or the grant has changed since.
    pub(crate) fn differ(&self, touched: &Touched, since: &Basis) -> bool {
        let is_after = |kind, name: &str| touched.is_after(since.generation, kind, name);
        is_after(Kind::User, &self.user)
            || self.roles.iter().any(|role| is_after(Kind::Role, role))
            || self.oauth_grant.iter().any(|grant| is_after(Kind::OauthGrant, grant))
    }
}

#[cfg(test)]
pub(crate) mod tests;
