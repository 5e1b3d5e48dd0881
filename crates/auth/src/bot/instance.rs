//! The places where a bot runs that renews its identity: how far each has come.
//!
//! Each renewal counts one further. A copy of the identity that somebody took away is of an earlier count
//! than what is kept here as soon as either has renewed, so that the first to come with it is noticed.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Backend, Revision, Write};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::Core;
use crate::{fault, keys};

/// The most places of one bot at a time: all of them go with it in one write.
pub(super) const MAX_INSTANCES: usize = 32;

/// How far one place has come.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    /// The count of the newest certificate.
    pub(super) generation: u64,
    /// The digest of the key that it is for.
    pub(super) key: String,
    /// When the place is forgotten: with the end of its certificate.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires: OffsetDateTime,
}

// === impl Instance ===

impl Instance {
    /// What is kept of a place.
    pub(super) async fn find(
        store: &Arc<dyn Backend>,
        bot: &str,
        id: &Uuid,
    ) -> Result<Option<(Self, Revision)>, Error> {
        match store.get(&keys::bot_instance(bot, &id.to_string())?).await {
            Ok(item) => {
                let found = serde_json::from_slice(&item.value).map_err(Error::internal)?;
                Ok(Some((found, item.revision)))
            }
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// Writes it: newly, or instead of what was there at a revision.
    pub(super) fn write(
        &self,
        bot: &str,
        id: &Uuid,
        instead_of: Option<Revision>,
    ) -> Result<Write, Error> {
        let key = keys::bot_instance(bot, &id.to_string())?;
        let value = Bytes::from(serde_json::to_vec(self).map_err(Error::internal)?);
        let expires = Some(self.expires);
        Ok(match instead_of {
            Some(revision) => Write::compare_and_swap(key, revision, value, expires),
            None => Write::create(key, value, expires),
        })
    }
}

/// Refuses one place too many.
pub(super) async fn admit(core: &Core, bot: &str) -> Result<(), Error> {
    let kept = core.records.store().range(&keys::bot_instances(bot)?).await;
    if kept.map_err(|error| fault::store(&error))?.items.len() < MAX_INSTANCES {
        return Ok(());
    }
    Err(Error::denied(format!("bot {bot:?} runs in {MAX_INSTANCES} places, which is the most"))
        .hint("places are forgotten when their identities end"))
}

/// Forgets all places of a bot.
pub(super) async fn removals(core: &Core, bot: &str) -> Result<Vec<Write>, Error> {
    let kept = core.records.store().range(&keys::bot_instances(bot)?).await;
    let kept = kept.map_err(|error| fault::store(&error))?;
    Ok(kept.items.into_iter().map(|item| Write::delete_if(item.key, item.revision)).collect())
}
