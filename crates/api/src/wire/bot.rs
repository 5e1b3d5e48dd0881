//! Bots.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A bot asks to be let in.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct BotJoinRequest {
    /// The join token.
    pub token: String,
    /// What the platform signed that the bot runs on, for a join token that asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    /// The version of the bot's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The public key to certify, PEM.
    pub public_key: String,
    /// How long the certificate is asked to live, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u64>,
}

/// A bot asks for a new certificate for itself.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BotRenewRequest {
    /// The version of the bot's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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

/// Which places where bots run are asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct BotInstanceQuery {
    /// Only those of this bot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bot: Option<String>,
}

/// Places where bots run.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct BotInstances {
    /// Each of them.
    pub instances: Vec<BotInstance>,
}

/// One place where a bot runs: all that comes of one join.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BotInstance {
    /// The bot.
    pub bot_name: String,
    /// The place, as locks name it.
    pub instance_id: String,
    /// How the bot joined there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_method: Option<String>,
    /// By which join token: its name, or its id where the name is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join_token: Option<String>,
    /// When it joined.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub first_seen: Option<OffsetDateTime>,
    /// When it joined or was renewed last.
    #[serde(
        default,
        with = "time::serde::rfc3339::option",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<String>")]
    pub last_seen: Option<OffsetDateTime>,
    /// How often it has been certified; absent where it joins again each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// From where it asked last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The version of its program, as that says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When what it holds ends.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "String")]
    pub expires: OffsetDateTime,
}

debug_by_name!(BotJoinRequest);
