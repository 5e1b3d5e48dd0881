//! What servers were seen to offer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An agent tells which tools it saw servers offer, as far as that is news.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenReport {
    /// One entry for each app.
    pub apps: Vec<SeenApp>,
}

/// What was seen of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenApp {
    /// The app.
    pub app: String,
    /// Definitions of tools, in the order in which they were seen.
    pub tools: Vec<SeenDefinition>,
    /// The names in the server's whole list, where that was seen: whatever else was seen before is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Vec<String>>,
    /// Whether clients were shown more than is told here and before: more tools than an agent keeps in mind,
    /// longer names, or more changes than it could tell in time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed: bool,
}

/// A definition of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenDefinition {
    /// The tool's name.
    pub name: String,
    /// The SHA-256 of its canonical form, in 64 hexadecimal digits.
    pub digest: String,
    /// That of the definition which the agent saw before, if it saw one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// The names of the tools that were last seen, by app: of those apps whose tools the caller may know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SeenTools {
    /// Names by app.
    pub apps: BTreeMap<String, Vec<String>>,
}

/// Of which apps the tools that were last seen are asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct SeenQuery {
    /// Only of this app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
}
