//! Bots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A bot asks to be let in.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct BotJoinRequest {
    /// The join token.
    pub token: String,
    /// What the platform signed that the bot runs on, for a join token that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A bot asks for a new certificate for itself.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BotRenewRequest {
    /// The public key to certify, PEM. The same key may be asked for again when an answer was lost.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A bot asks for a certificate for its programs.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BotOutputRequest {
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
    /// Some of the bot's roles; all of them if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
}

debug_by_name!(BotJoinRequest);
