//! What can be told: one type for each kind of event.

pub mod cluster;
pub mod mcp;
pub mod oauth;
pub mod resource;
pub mod sso;
pub mod tools;
pub mod user;

use std::collections::BTreeMap;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

pub use self::cluster::{
    AccessDenied, AssertionCreate, AuthAttempt, AuthorityRotate, BotJoin, CertCreate, CertIdentity,
    InstanceJoin, JoinAttempt, VisitCreate,
};
pub use self::mcp::{
    EgressAuth, McpInvalidHttpRequest, McpListen, McpNotification, McpRequest, McpSession,
    McpSessionEnd, McpSessionFields, McpSessionStart,
};
pub use self::oauth::{OauthEvent, OauthStep};
pub use self::resource::{
    AppChange, AuthPreferenceUpdate, Change, JoinTokenCreate, LockChange, LockTarget,
    ResourceChange, RoleChange,
};
pub use self::sso::{
    AppAuthConfigChange, AppTokenVerify, ConnectorChange, ConnectorKind, MappedBy, SsoLogin,
};
pub use self::tools::{McpToolsChange, ToolChanged};
pub use self::user::{
    HeadlessLogin, HeadlessStep, LoginMethod, MfaDeviceAdd, MfaDeviceDelete, MfaKeyCloned,
    PasswordChange, RecoveryCodeUse, RecoveryCodesGenerate, ResetPasswordTokenCreate, SessionMfa,
    UserChange, UserLogin,
};
use crate::{Code, Text};

/// Something that happened, with the fields that tell it.
pub trait Record: Serialize {
    /// Which event this is.
    fn code(&self) -> &'static Code;

    /// The session whose fields it shares.
    fn session(&self) -> Option<&McpSession> {
        None
    }
}

/// How something ended: the fields `success` and `error`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It was done.
    Success,
    /// It was refused, or failed, for this reason.
    Failure(Text<'a>),
}

/// Who did something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UserMetadata {
    /// The user's name.
    pub user: String,
    /// What kind of user.
    #[serde(rename = "user_kind")]
    pub kind: UserKind,
    /// The cluster the user signed in to.
    #[serde(rename = "user_cluster_name", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The roles in the identity that was used.
    #[serde(rename = "user_roles", skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// The traits in the identity that was used.
    #[serde(rename = "user_traits", skip_serializing_if = "BTreeMap::is_empty")]
    pub traits: BTreeMap<String, Vec<String>>,
}

/// What kind of user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserKind {
    /// A person.
    #[default]
    Human,
    /// A program with an identity of its own.
    Bot,
    /// A service of the cluster.
    System,
}

// === impl Outcome ===

impl Outcome<'_> {
    /// The first code for a success, the second for a failure.
    const fn code(&self, success: &'static Code, failure: &'static Code) -> &'static Code {
        match self {
            Self::Success => success,
            Self::Failure(_) => failure,
        }
    }
}

impl Serialize for Outcome<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("success", &matches!(self, Self::Success))?;
        if let Self::Failure(error) = self {
            map.serialize_entry("error", error)?;
        }
        map.end()
    }
}

// === impl UserMetadata ===

impl UserMetadata {
    /// A person, of whom no more is known than the name.
    #[must_use]
    pub fn named(user: &str) -> Self {
        Self { user: user.to_owned(), ..Self::default() }
    }

    /// A service of the cluster.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self { user: name.to_owned(), kind: UserKind::System, ..Self::default() }
    }
}

// === impl UserKind ===

impl Serialize for UserKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(match self {
            Self::Human => 1,
            Self::Bot => 2,
            Self::System => 3,
        })
    }
}

#[cfg(test)]
mod tests;
