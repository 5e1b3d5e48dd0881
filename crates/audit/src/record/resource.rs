//! Changes of resources.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Record, UserMetadata};
use crate::event::Moment;
use crate::redact::{ResourceName, Text, TokenName, Uri};
use crate::{Code, code};

/// What was done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Created,
    /// It was there and is different now.
    Updated,
    /// It is gone.
    Deleted,
}

/// A role was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct RoleChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// To which role.
    pub name: &'a str,
    /// When the role ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// An app was registered, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct AppChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// To which app, as a resource,
    pub name: &'a str,
    /// and in the field by which its sessions are found.
    pub app_name: &'a str,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_uri: Option<Uri>,
    /// Its labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_labels: Option<&'a BTreeMap<String, String>>,
    /// When the app ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// A lock was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct LockChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// The lock's name.
    pub name: &'a str,
    /// What it locks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<LockTarget<'a>>,
    /// What those are told who are locked out.
    #[serde(rename = "lock_message", skip_serializing_if = "Option::is_none")]
    pub message: Option<Text<'a>>,
    /// When the lock ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// What a lock locks.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LockTarget<'a> {
    /// A user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// Everyone with a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<&'a str>,
    /// A second factor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_device: Option<&'a str>,
    /// An app.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<&'a str>,
    /// An agent or another service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_id: Option<&'a str>,
    /// One login.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<&'a str>,
    /// One place where a bot runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bot_instance_id: Option<&'a str>,
    /// Everyone who joined by a token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join_token: Option<&'a str>,
    /// What was granted to a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth_grant: Option<&'a str>,
}

/// A token was made with which services join.
#[derive(Clone, Debug, Serialize)]
pub struct JoinTokenCreate<'a> {
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// The token, hidden.
    pub name: TokenName,
    /// What may join with it.
    pub roles: &'a [String],
    /// How it is proven.
    pub join_method: &'a str,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
}

/// The cluster's rules for signing in were changed.
#[derive(Clone, Debug, Serialize)]
pub struct AuthPreferenceUpdate<'a> {
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
}

/// A resource of a kind that has no event of its own was created, changed or deleted.
#[derive(Clone, Debug, Serialize)]
pub struct ResourceChange<'a> {
    /// What was done.
    #[serde(skip)]
    pub change: Change,
    /// By whom.
    #[serde(flatten)]
    pub actor: &'a UserMetadata,
    /// The kind of resource.
    pub kind: &'a str,
    /// Its name.
    pub name: ResourceName,
}

// === impl Record ===

impl Record for RoleChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created => &code::ROLE_CREATED,
            Change::Updated => &code::ROLE_UPDATED,
            Change::Deleted => &code::ROLE_DELETED,
        }
    }
}

impl Record for AppChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created => &code::APP_CREATE,
            Change::Updated => &code::APP_UPDATE,
            Change::Deleted => &code::APP_DELETE,
        }
    }
}

impl Record for LockChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created | Change::Updated => &code::LOCK_CREATED,
            Change::Deleted => &code::LOCK_DELETED,
        }
    }
}

impl Record for JoinTokenCreate<'_> {
    fn code(&self) -> &'static Code {
        &code::JOIN_TOKEN_CREATE
    }
}

impl Record for AuthPreferenceUpdate<'_> {
    fn code(&self) -> &'static Code {
        &code::AUTH_PREFERENCE_UPDATE
    }
}

impl Record for ResourceChange<'_> {
    fn code(&self) -> &'static Code {
        match self.change {
            Change::Created => &code::RESOURCE_CREATED,
            Change::Updated => &code::RESOURCE_UPDATED,
            Change::Deleted => &code::RESOURCE_DELETED,
        }
    }
}
