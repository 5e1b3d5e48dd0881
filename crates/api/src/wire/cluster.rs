//! What clusters that trust each other tell one another, and what a cluster tells its services of that.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::Authorities;
use crate::schema::{AnyResource, Instant};

/// Another cluster wants to be one where users of this one may go.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ClusterJoin {
    /// The join token.
    pub token: String,
    /// The cluster's name.
    pub cluster: String,
    /// Its authorities.
    pub authorities: Authorities,
}

/// What a cluster tells one that joined it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterWelcome {
    /// The cluster's name.
    pub cluster: String,
    /// Its authorities.
    pub authorities: Authorities,
    /// Where its proxies take tunnels: `host:port` each.
    #[serde(default)]
    pub proxies: Vec<String>,
}

/// A cluster that joined tells that it is there, and what its authorities are now.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClusterExchange {
    /// Its authorities.
    pub authorities: Authorities,
}

/// The clusters that users of this one can reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterList {
    /// This one first, the others by name.
    pub clusters: Vec<ClusterInfo>,
}

/// A cluster that users of this one can reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ClusterInfo {
    /// Its name.
    pub name: String,
    /// `online` or `offline`.
    pub status: String,
    /// Whether it is this one.
    pub own: bool,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The apps that a user of another cluster can reach, and what this one lets through of what they offer.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct VisitorApps {
    /// Their live records, of several agents one.
    #[schemars(with = "Vec<AnyResource>")]
    pub items: Vec<Box<RawValue>>,
    /// The moment of the list.
    pub cursor: String,
    /// What the user's roles here say, by app.
    #[serde(default)]
    pub permissions: BTreeMap<String, Permissions>,
}

/// What roles say of what an app offers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permissions {
    /// Of its tools.
    #[serde(default)]
    pub tools: Permitted,
    /// Of its prompts.
    #[serde(default)]
    pub prompts: Permitted,
    /// Of its resources.
    #[serde(default)]
    pub resources: Permitted,
    /// Whether a second factor must be shown for each session.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_factor: bool,
}

/// Patterns that grant and patterns that deny.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permitted {
    /// What is granted.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// What is denied all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<String>,
}

/// A proxy asks for what lets a user into another cluster.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct VisitRequest {
    /// The user's certificate, PEM.
    pub certificate: String,
    /// The one app that it is for, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Where the user's connection comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What lets a user into another cluster.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct VisitEvidence {
    /// A certificate, PEM, that is good in that cluster and nowhere else: of the user's own key, or of one that nobody
    /// has where the user showed a token.
    pub certificate: String,
    /// Whether it must not be used when nobody can be asked whether something was locked meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strict: bool,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_until: OffsetDateTime,
    /// What it rests on, if a token of the cluster's own was shown: the name of an `oauth_grant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_grant: Option<String>,
    /// Until when a token of the cluster's own lets further requests in. What is open already goes on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<String>")]
    pub token_expires: Option<OffsetDateTime>,
}

/// A proxy asks what a user of another cluster can reach here.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct VisitorRequest {
    /// What lets the user in here, PEM.
    pub certificate: String,
    /// Where the user's connection comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

debug_by_name!(ClusterJoin, VisitRequest, VisitEvidence, VisitorRequest);
