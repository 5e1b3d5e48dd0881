//! `role`: who may reach what.
//!
//! The structure of a role is checked here. Whether its templates, expressions, clauses and patterns mean
//! something is checked, and decided upon, by the `policy` crate.

mod known;
mod read;
mod write;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::label::LabelSelector;
use crate::metadata::Metadata;

pub use known::is_reserved_name;
pub(crate) use read::spelling;

/// The namespace that every app lives in.
pub const DEFAULT_NAMESPACE: &str = "default";

/// A role as an administrator wrote it, with the defaults of its version filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Decides defaults; see [`RoleVersion`].
    pub version: RoleVersion,
    /// Name, labels and the rest.
    pub metadata: Metadata,
    /// What the role says.
    pub spec: RoleSpec,
}

impl Role {
    /// A role of the newest version that grants nothing.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            version: RoleVersion::V8,
            metadata: Metadata::named(name),
            spec: RoleSpec::default(),
        }
    }

    /// The role's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }
}

/// The schema version a role was written for. Later versions compare greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RoleVersion {
    /// An absent `allow.app_labels` means every app.
    V3,
    /// From here on, an absent `allow.app_labels` means no app.
    V4,
    /// No difference that concerns apps.
    V5,
    /// No difference that concerns apps.
    V6,
    /// No difference that concerns apps.
    V7,
    /// What new roles are written in.
    V8,
}

impl RoleVersion {
    /// Every version, oldest first.
    pub const ALL: [Self; 6] = [Self::V3, Self::V4, Self::V5, Self::V6, Self::V7, Self::V8];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V3 => "v3",
            Self::V4 => "v4",
            Self::V5 => "v5",
            Self::V6 => "v6",
            Self::V7 => "v7",
            Self::V8 => "v8",
        }
    }

    /// Reads the spelling in documents.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }
}

impl fmt::Display for RoleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The three parts of a role.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleSpec {
    /// Limits on the sessions of those who hold the role.
    pub options: RoleOptions,
    /// What the role grants.
    pub allow: Conditions,
    /// What the role refuses, whatever other roles grant.
    pub deny: Conditions,
}

/// One side of a role, `allow` or `deny`.
#[derive(Debug, Clone, PartialEq)]
pub struct Conditions {
    /// Namespaces covered; `["default"]` when the document names none.
    pub namespaces: Vec<String>,
    /// Labels of the apps concerned. `None`: the field is absent. A v3 `allow` without it has the wildcard.
    pub app_labels: Option<LabelSelector>,
    /// Predicate over the labels of the apps concerned.
    pub app_labels_expression: Option<String>,
    /// What may be used on the servers reached.
    pub mcp: McpConditions,
    /// Rights over the cluster's own resources.
    pub rules: Vec<Rule>,
    /// Known fields about other protocols, kept and printed back. They mean nothing here.
    pub other: Map<String, Value>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            namespaces: vec![DEFAULT_NAMESPACE.to_owned()],
            app_labels: None,
            app_labels_expression: None,
            mcp: McpConditions::default(),
            rules: Vec::new(),
            other: Map::new(),
        }
    }
}

/// Patterns over what an MCP server offers. `None`: the field is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct McpConditions {
    /// Over tool names.
    pub tools: Option<Vec<String>>,
    /// Over prompt names.
    pub prompts: Option<Vec<String>>,
    /// Over resource URIs.
    pub resources: Option<Vec<String>>,
}

/// A right over resources of the cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Kinds, or `*`.
    pub resources: Vec<String>,
    /// Verbs, or `*`.
    pub verbs: Vec<String>,
    /// Predicate that must hold for the rule to apply; `where` in documents.
    pub where_clause: Option<String>,
    /// What to do when the rule applies.
    pub actions: Vec<String>,
}

/// Limits on the sessions of those who hold a role. `None`: the field is absent.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RoleOptions {
    /// How long a certificate may live.
    pub max_session_ttl: Option<Duration>,
    /// How long a connection may be silent.
    pub client_idle_timeout: Option<Duration>,
    /// Whether connections end with the certificate they were opened with.
    pub disconnect_expired_cert: Option<bool>,
    /// Whether each session needs a second factor.
    pub require_session_mfa: Option<MfaRequirement>,
    /// Whether a trusted device is needed; the values are those of documents.
    pub device_trust_mode: Option<String>,
    /// What happens when locks cannot be read.
    pub lock: Option<LockMode>,
    /// Whether certificates are bound to the address they were asked from.
    pub pin_source_ip: Option<bool>,
    /// Known options about other protocols, kept and printed back. They mean nothing here.
    pub other: Map<String, Value>,
}

/// What `require_session_mfa` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MfaRequirement {
    /// No second factor.
    Off,
    /// A second factor for each session.
    Session,
    /// The same, with keys held by hardware.
    HardwareKey,
    /// The same, and the hardware is touched.
    HardwareKeyTouch,
    /// The same, and the hardware asks for its PIN.
    HardwareKeyPin,
    /// Both touch and PIN.
    HardwareKeyTouchAndPin,
}

impl MfaRequirement {
    /// Every value with its spelling in documents.
    pub(crate) const SPELLINGS: [(&'static str, Self); 5] = [
        ("session", Self::Session),
        ("hardware_key", Self::HardwareKey),
        ("hardware_key_touch", Self::HardwareKeyTouch),
        ("hardware_key_pin", Self::HardwareKeyPin),
        ("hardware_key_touch_and_pin", Self::HardwareKeyTouchAndPin),
    ];

    /// True when a session needs a second factor.
    #[must_use]
    pub fn is_required(self) -> bool {
        self != Self::Off
    }
}

/// What happens when the locks in force cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LockMode {
    /// Refuse.
    Strict,
    /// Go by the locks last known.
    BestEffort,
}

impl LockMode {
    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::BestEffort => "best_effort",
        }
    }
}

#[cfg(test)]
mod tests;
