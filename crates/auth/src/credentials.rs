//! What a local user proves an identity with: the hash of a password and a second factor.
//!
//! Kept apart from the user resource, so that no listing of users can ever carry them.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Backend, Revision, Write};
use time::OffsetDateTime;

use crate::{fault, keys};

/// A user's credentials as they are stored.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The argon2id hash of the password.
    pub(crate) password_hash: String,
    /// The second factor, if the user has one.
    pub(crate) device: Option<Device>,
    /// When they were set.
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) set_at: OffsetDateTime,
}

/// An authenticator.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// Names the device in certificates, locks and audit records.
    pub(crate) id: String,
    /// The shared secret, base32.
    pub(crate) secret: String,
    /// The newest time step whose code was used; it and older ones are spent.
    pub(crate) last_step: u64,
}

// === impl Credentials ===

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

    /// The write that sets them where there are none.
    pub(crate) fn create(&self, user: &str) -> Result<Write, Error> {
        Ok(Write::create(keys::credentials(user)?, self.encode()?, None))
    }

    /// The write that replaces those read at `revision`.
    pub(crate) fn replace(&self, user: &str, revision: Revision) -> Result<Write, Error> {
        Ok(Write::compare_and_swap(keys::credentials(user)?, revision, self.encode()?, None))
    }

    /// The write that removes a user's credentials, if there are any.
    pub(crate) async fn removal(
        store: &Arc<dyn Backend>,
        user: &str,
    ) -> Result<Option<Write>, Error> {
        let key = keys::credentials(user)?;
        match store.get(&key).await {
            Ok(item) => Ok(Some(Write::delete_if(key, item.revision))),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault::store(&error)),
        }
    }

    fn encode(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }
}
