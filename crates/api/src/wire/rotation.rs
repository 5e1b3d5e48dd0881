//! Changes of the cluster's keys.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::schema::Instant;

/// A step of a change of the cluster's keys. A member that is misspelt is not left out: what is not said
/// concerns all authorities.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationRequest {
    /// Which authorities: `user`, `host`, `jwt`; all of them if none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// The phase to go to: `init`, `update_clients`, `update_servers`, `standby` or `rollback`; the one
    /// that comes next if none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Who takes the steps after this one: `auto`, the auth service, which is so if nothing is said; or
    /// `manual`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// How long an automatic change takes; 48 hours if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_period_seconds: Option<u64>,
}

/// What became of a step.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct RotationReport {
    /// Every authority of the cluster, as it is now.
    pub authorities: Vec<AuthorityStatus>,
}

/// The state of one certificate authority.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuthorityStatus {
    /// `user`, `host` or `jwt`.
    pub kind: String,
    /// The phase of a rotation; `standby` when none is under way.
    pub rotation: String,
    /// Who takes the next step of one: `manual` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The phases that can follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
    /// When the first of them begins by itself.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub next_at: Option<OffsetDateTime>,
    /// When the rotation began.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub started: Option<OffsetDateTime>,
    /// When the last one ended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub last_rotated: Option<OffsetDateTime>,
    /// When the newest key was made.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub since: Option<OffsetDateTime>,
}
