//! What travels when users look at their devices, add one, or remove one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;

use super::local::{KeyUse, TotpEnrolment};
use crate::schema::Instant;

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaDeviceKind {
    /// An authenticator app.
    Totp,
    /// A security key besides a password.
    Key,
    /// A passkey.
    Passkey,
}

/// A device of a user.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MfaDevice {
    /// Names it in certificates, locks and audit records.
    pub id: String,
    /// What the user calls it.
    pub name: String,
    /// What it is.
    pub kind: MfaDeviceKind,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub added_at: OffsetDateTime,
    /// When it was used last, after it was added.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "time::serde::rfc3339::option"
    )]
    #[schemars(with = "Option<Instant>")]
    pub last_used: Option<OffsetDateTime>,
}

/// The devices of a user.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MfaDevices {
    /// The oldest first.
    pub devices: Vec<MfaDevice>,
}

/// A user wants to add a device, or to remove one.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct MfaBegin {
    /// What is added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<MfaDeviceKind>,
    /// What the new device is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The name or the identifier of the device that is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<String>,
    /// Whether it goes on where it was begun, by typing codes, and not at a page.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub terminal: bool,
}

/// A change of devices that is prepared.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MfaBegun {
    /// Names the change.
    pub token: String,
    /// Its page, which the first browser that opens it has.
    pub url: String,
    /// The device that will have been added, or removed.
    pub device: String,
    /// What to set a new authenticator app up with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<TotpEnrolment>,
    /// Whether there are devices of which one must be shown; else it is the password.
    pub has_devices: bool,
    /// Until when.
    #[serde(with = "time::serde::rfc3339")]
    #[schemars(with = "Instant")]
    pub expires: OffsetDateTime,
}

/// A proxy asks what the page of a change shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MfaRead {
    /// A text that only the browser knows.
    pub binding: String,
}

/// What the page of a change shows.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct MfaPage {
    /// The user.
    pub user: String,
    /// Whether a device is added; else it is removed.
    pub adds: bool,
    /// What the device is called, where that is known.
    pub device: String,
    /// Where the change was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
    /// What is asked now.
    pub stage: MfaStage,
}

/// What the page of a change asks.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MfaStage {
    /// A factor that the user has.
    Verify {
        /// Whether a code of an app will do.
        codes: bool,
        /// What to ask of a key that the user has.
        key: Option<Value>,
        /// Whether it is the password, as there is no device.
        password: bool,
    },
    /// A code of the new app.
    Totp {
        /// What to set it up with.
        totp: TotpEnrolment,
    },
    /// The new key.
    Key {
        /// What to ask of it.
        options: Value,
    },
}

/// What a person showed.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
pub struct MfaAnswer {
    /// A text that only the browser knows; nothing in a terminal.
    #[serde(default)]
    pub binding: String,
    /// A code of an app that the user has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The password, of who has no device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// What a key answered, the old one or the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// A code of the new app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totp: Option<String>,
    /// Where the browser's connection comes from, filled in by the proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_addr: Option<String>,
}

/// What comes next.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct MfaAnswered {
    /// What the device is called that was added or removed; none when more is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<String>,
}

// === impl MfaDeviceKind ===

impl MfaDeviceKind {
    /// What a key of this kind is used for.
    #[must_use]
    pub fn key_use(self) -> KeyUse {
        match self {
            Self::Passkey => KeyUse::Passkey,
            Self::Key | Self::Totp => KeyUse::SecondFactor,
        }
    }
}

debug_by_name!(MfaBegun, MfaRead, MfaPage, MfaStage, MfaAnswer);
