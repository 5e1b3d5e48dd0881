//! What a local user proves an identity with: the hash of a password, and devices.
//!
//! Kept apart from the user resource, so that no listing of users can ever carry them.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Backend, Revision, Write};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::device::{Device, Factor};
use crate::recovery::RecoveryCode;
use crate::webauthn::Key;
use crate::{fault, keys};

/// A user's credentials as they are stored.
#[derive(Clone, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(crate) struct Credentials {
    /// The argon2id hash of the password; none for who signs in by a passkey alone.
    pub(crate) password_hash: Option<String>,
    /// What proves possession.
    pub(crate) devices: Vec<Device>,
    /// What security keys call the user.
    pub(crate) handle: Uuid,
    /// Codes for when all devices are lost.
    pub(crate) recovery: Vec<RecoveryCode>,
    /// When they were set.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) set_at: OffsetDateTime,
}

/// The same, and as it was when there was one authenticator and nothing else.
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    devices: Vec<Device>,
    #[serde(default)]
    device: Option<Former>,
    #[serde(default)]
    handle: Option<Uuid>,
    #[serde(default)]
    recovery: Vec<RecoveryCode>,
    #[serde(with = "time::serde::rfc3339")]
    set_at: OffsetDateTime,
}

#[derive(Deserialize)]
struct Former {
    id: String,
    secret: String,
    last_step: u64,
}

// === impl Credentials ===

impl From<Stored> for Credentials {
    fn from(stored: Stored) -> Self {
        let Stored { password_hash, mut devices, device, handle, recovery, set_at } = stored;
        devices.extend(device.map(|Former { id, secret, last_step }| Device {
            id,
            name: Device::DEFAULT_APP_NAME.to_owned(),
            added_at: set_at,
            last_used: None,
            factor: Factor::Totp { secret, last_step },
        }));
        let handle = handle.unwrap_or_else(|| former_handle(password_hash.as_deref()));
        Self { password_hash, devices, handle, recovery, set_at }
    }
}

impl Credentials {
    /// A user's credentials and the revision at which they were read.
    pub(crate) async fn find(
        store: &Arc<dyn Backend>,
        user: &str,
    ) -> Result<Option<(Self, Revision)>, Error> {
        match store.get(&keys::credentials(user)?).await {
            Ok(item) => {
                let credentials = serde_json::from_slice(&item.value).map_err(Error::internal)?;
                Ok(Some((credentials, item.revision)))
            }
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// The writes that set them where there are none.
    pub(crate) fn create(&self, user: &str) -> Result<Vec<Write>, Error> {
        let mut writes = vec![Write::create(keys::credentials(user)?, self.encode()?, None)];
        for (_device, key) in self.keys() {
            writes.push(claim(key, user)?);
        }
        Ok(writes)
    }

    /// The write that replaces those read at `revision`.
    pub(crate) fn replace(&self, user: &str, revision: Revision) -> Result<Write, Error> {
        Ok(Write::compare_and_swap(keys::credentials(user)?, revision, self.encode()?, None))
    }

    /// The writes that remove a user's credentials, if there are any, and the devices that go with them.
    pub(crate) async fn removal(
        store: &Arc<dyn Backend>,
        user: &str,
    ) -> Result<(Vec<Write>, Vec<Device>), Error> {
        let Some((credentials, revision)) = Self::find(store, user).await? else {
            return Ok((Vec::new(), Vec::new()));
        };
        let mut writes = vec![Write::delete_if(keys::credentials(user)?, revision)];
        for (_device, key) in credentials.keys() {
            writes.extend(release(store, key).await?);
        }
        Ok((writes, credentials.devices))
    }

    /// The security keys among the devices.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&Device, &Key)> {
        self.devices.iter().filter_map(|device| match &device.factor {
            Factor::Key(key) => Some((device, key.as_ref())),
            Factor::Totp { .. } => None,
        })
    }

    fn encode(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }
}

/// What keys call a user of whom no such name was kept: the same each time, until it is kept.
fn former_handle(password_hash: Option<&str>) -> Uuid {
    let digest = keys::digest(&["handle", password_hash.unwrap_or_default()]);
    digest.get(..32).and_then(|half| Uuid::parse_str(half).ok()).unwrap_or_else(Uuid::new_v4)
}

/// The write that makes a security key a user's: it is nobody else's.
pub(crate) fn claim(key: &Key, user: &str) -> Result<Write, Error> {
    let value = serde_json::to_vec(user).map_err(Error::internal)?.into();
    Ok(Write::create(keys::security_key(key.id())?, value, None))
}

/// The write that makes a security key nobody's.
pub(crate) async fn release(store: &Arc<dyn Backend>, key: &Key) -> Result<Option<Write>, Error> {
    let place = keys::security_key(key.id())?;
    match store.get(&place).await {
        Ok(item) => Ok(Some(Write::delete_if(place, item.revision))),
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

/// Whose a security key is.
pub(crate) async fn owner(store: &Arc<dyn Backend>, key: &[u8]) -> Result<Option<String>, Error> {
    match store.get(&keys::security_key(key)?).await {
        Ok(item) => serde_json::from_slice(&item.value).map(Some).map_err(Error::internal),
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_before_there_were_devices_is_read() {
        let stored = r#"{"password_hash":"$argon2id$x","device":{"id":"7","secret":"ABC","last_step":3},
            "set_at":"2026-01-02T03:04:05Z"}"#;
        let read: Credentials = serde_json::from_str(stored).unwrap();
        assert_eq!(read.password_hash.as_deref(), Some("$argon2id$x"));
        assert!(
            matches!(&read.devices[..], [Device { id, factor: Factor::Totp { last_step: 3, .. }, .. }] if id == "7")
        );
        let twice: Credentials = serde_json::from_str(stored).unwrap();
        assert_eq!(read.handle, twice.handle, "keys would call the user differently each time");
        let again: Credentials = serde_json::from_slice(&read.encode().unwrap()).unwrap();
        assert_eq!((again.devices.len(), again.handle), (1, read.handle));
    }
}
