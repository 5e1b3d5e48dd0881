//! What travels when a user shows a second factor for a session with one app.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use crate::schema::Instant;

/// What a session certificate is to be good for.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionWish {
    /// The app.
    pub app: String,
    /// The cluster that has it, if it is not the user's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// The key to certify, PEM: another one than that of the caller's certificate.
    pub public_key: String,
}

/// A user wants to show a second factor at a page, in a browser on the machine that asks.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaStart {
    /// What comes of it.
    #[serde(flatten)]
    pub wish: SessionWish,
    /// What the machine says it is called.
    pub machine: String,
    /// Where on that machine the browser brings the result: `http://127.0.0.1:PORT/…`.
    pub callback: String,
    /// The hash of a secret that only who asks knows: SHA-256 in base64url.
    pub challenge: String,
}

/// A page that is prepared.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaStarted {
    /// The page, which the first browser that opens it has.
    pub url: String,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// A proxy asks what the page shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaRead {
    /// A text that only the browser knows.
    pub binding: String,
}

/// What the page shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaPage {
    /// The user.
    pub user: String,
    /// The app.
    pub app: String,
    /// The cluster that has it, if it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// What the machine that asks says it is called.
    pub machine: String,
    /// Where it asks from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// When it asked.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub asked_at: OffsetDateTime,
    /// Whether a code of an app will do.
    pub codes: bool,
    /// What to ask of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
}

/// What a person showed at the page.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaAnswer {
    /// A text that only the browser knows.
    pub binding: String,
    /// A code of an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What a key answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The person wants none of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reject: bool,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// Where the browser goes on to: the machine that asked.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaAnswered {
    /// The address.
    pub location: String,
    /// Whether it was rejected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejected: bool,
}

/// Who asked shows what the browser brought.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaFinish {
    /// What the browser brought.
    pub code: String,
    /// The secret whose hash was shown before.
    pub verifier: String,
}

/// A user types a one-time code where the session is to be.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct SessionMfaTyped {
    /// What comes of it.
    #[serde(flatten)]
    pub wish: SessionWish,
    /// The code.
    pub code: String,
}

/// A certificate for one session with one app.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionCertificate {
    /// PEM.
    pub certificate: String,
    /// When it ends.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub valid_until: OffsetDateTime,
}

debug_by_name!(
    SessionMfaStart,
    SessionMfaStarted,
    SessionMfaRead,
    SessionMfaPage,
    SessionMfaAnswer,
    SessionMfaAnswered,
    SessionMfaFinish,
    SessionMfaTyped,
);
