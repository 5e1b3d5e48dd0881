//! Devices by which users prove who they are: authenticator apps and security keys.

use api::Error;
use api::wire::KeyUse;
use audit::Text;
use audit::record::{MfaDeviceAdd, UserMetadata};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::Core;
use crate::webauthn::Key;

/// The longest name of a device, in characters.
pub(crate) const MAX_NAME: usize = 64;
/// Devices that a user may have.
pub(crate) const MAX_DEVICES: usize = 16;

/// A device.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// Names it in certificates, locks and audit records.
    pub(crate) id: String,
    /// What the user calls it.
    pub(crate) name: String,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) added_at: OffsetDateTime,
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub(crate) last_used: Option<OffsetDateTime>,
    pub(crate) factor: Factor,
}

/// By what a device proves that it is there.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Factor {
    /// By codes of a shared secret.
    Totp {
        /// The secret, base32.
        secret: String,
        /// The newest time step whose code was used; it and older ones are spent.
        last_step: u64,
    },
    /// By signing.
    Key(Box<Key>),
}

// === impl Device ===

impl Device {
    /// What an authenticator app is called when its user does not say.
    pub(crate) const DEFAULT_APP_NAME: &str = "authenticator";

    /// A new device. The name is a user's, or the usual one.
    pub(crate) fn new(
        name: Option<&str>,
        factor: Factor,
        now: OffsetDateTime,
    ) -> Result<Self, Error> {
        let name = name.map(str::trim).filter(|name| !name.is_empty());
        let name = name.unwrap_or(match &factor {
            Factor::Totp { .. } => Self::DEFAULT_APP_NAME,
            Factor::Key(key) => match key.purpose {
                KeyUse::SecondFactor => "security-key",
                KeyUse::Passkey => "passkey",
            },
        });
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(Error::invalid(format!(
                "a device's name has at most {MAX_NAME} characters, all of which can be seen"
            )));
        }
        Ok(Self {
            id: Uuid::new_v4().to_string(),
            name: name.to_owned(),
            added_at: now,
            last_used: None,
            factor,
        })
    }

    /// Its kind, as audit records have it.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.factor {
            Factor::Totp { .. } => "TOTP",
            Factor::Key(_) => "WebAuthn",
        }
    }

    /// Whether it is enough to sign in, without a password.
    pub(crate) fn is_passkey(&self) -> bool {
        matches!(&self.factor, Factor::Key(key) if key.purpose == KeyUse::Passkey)
    }

    /// A user is about to have it.
    pub(crate) async fn record_addition(
        &self,
        core: &Core,
        user: &UserMetadata,
    ) -> Result<(), Error> {
        let event = MfaDeviceAdd {
            user,
            mfa_device_name: Text::new(&self.name),
            mfa_device_uuid: &self.id,
            mfa_device_type: self.kind(),
        };
        core.audit.record(&event).await
    }
}
