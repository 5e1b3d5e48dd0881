//! The places where a bot runs: by what each joined, when it was last heard of, and how far it has come.
//!
//! Each renewal counts one further. A copy of the identity that somebody took away is of an earlier count
//! than what is kept here as soon as either has renewed, so that the first to come with it is noticed.
//!
//! A bot that joins by what its platform signs joins again and again, and each time is a place of its own,
//! which is kept to be shown and for nothing else.

use std::sync::Arc;

use api::Error;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Backend, Item, Key, Prefix, Revision, Write};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::core::Core;
use crate::{fault, keys};

/// The most places of one bot at a time that renew: all of them go with it in one write.
pub(super) const MAX_INSTANCES: usize = 32;
/// The most places that are kept of a bot that joins again each time; the oldest make room.
pub(super) const MAX_PASSING: usize = 256;

/// How far one place has come.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    /// The count of the newest certificate; nothing is counted where the bot joins again.
    pub(super) generation: u64,
    /// The digest of the key that it is for.
    pub(super) key: String,
    /// When the place is forgotten: with the end of its certificate.
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires: OffsetDateTime,
    /// What is known of it besides, for administrators.
    #[serde(default)]
    pub(super) seen: Option<Seen>,
}

/// What is known of a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    /// How it joined,
    pub(super) join_method: String,
    /// by which token.
    #[serde(default)]
    pub(super) join_token: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) first: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) last: OffsetDateTime,
    /// From where it asked last,
    #[serde(default)]
    pub(super) address: Option<String>,
    /// and with which version of its program, as that says.
    #[serde(default)]
    pub(super) version: Option<String>,
}

// === impl Instance ===

impl Instance {
    /// What is kept of a place that renews.
    pub(super) async fn find(
        store: &Arc<dyn Backend>,
        bot: &str,
        id: &Uuid,
    ) -> Result<Option<(Self, Revision)>, Error> {
        at(store, &keys::bot_instance(bot, &id.to_string())?).await
    }

    /// The same of one that joins again.
    pub(super) async fn find_passing(
        store: &Arc<dyn Backend>,
        bot: &str,
        id: &Uuid,
    ) -> Result<Option<(Self, Revision)>, Error> {
        at(store, &keys::bot_passing(bot, &id.to_string())?).await
    }

    /// Writes it: newly, or instead of what was there at a revision.
    pub(super) fn write(
        &self,
        bot: &str,
        id: &Uuid,
        instead_of: Option<Revision>,
    ) -> Result<Write, Error> {
        let key = keys::bot_instance(bot, &id.to_string())?;
        let (value, expires) = (self.encode()?, Some(self.expires));
        Ok(match instead_of {
            Some(revision) => Write::compare_and_swap(key, revision, value, expires),
            None => Write::create(key, value, expires),
        })
    }

    /// Writes one that joins again, and makes room for it.
    pub(super) async fn keep_passing(
        &self,
        core: &Core,
        bot: &str,
        id: &Uuid,
    ) -> Result<(), Error> {
        let key = keys::bot_passing(bot, &id.to_string())?;
        let store = core.records.store();
        let mut kept = kept(core, &keys::all_bot_passing(bot)?).await?;
        kept.sort_unstable_by_key(|(_item, found)| found.expires);
        let surplus = (kept.len() + 1).saturating_sub(MAX_PASSING);
        for (item, _found) in kept.into_iter().take(surplus) {
            delete(core, &item.key).await?;
        }
        let put = store.put(&key, self.encode()?, Some(self.expires)).await;
        put.map(drop).map_err(|error| fault::store(&error))
    }

    fn encode(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }
}

async fn at(store: &Arc<dyn Backend>, key: &Key) -> Result<Option<(Instance, Revision)>, Error> {
    match store.get(key).await {
        Ok(item) => {
            let found = serde_json::from_slice(&item.value).map_err(Error::internal)?;
            Ok(Some((found, item.revision)))
        }
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

async fn kept(core: &Core, prefix: &Prefix) -> Result<Vec<(Item, Instance)>, Error> {
    let kept = core.records.store().range(prefix).await.map_err(|error| fault::store(&error))?;
    let read = kept.items.into_iter().map(|item| {
        let found = serde_json::from_slice(&item.value).map_err(Error::internal)?;
        Ok((item, found))
    });
    read.collect()
}

async fn delete(core: &Core, key: &Key) -> Result<(), Error> {
    match core.records.store().delete(key).await {
        Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(fault::store(&error)),
    }
}

/// Refuses one place too many.
pub(super) async fn admit(core: &Core, bot: &str) -> Result<(), Error> {
    if kept(core, &keys::bot_instances(bot)?).await?.len() < MAX_INSTANCES {
        return Ok(());
    }
    Err(Error::denied(format!("bot {bot:?} runs in {MAX_INSTANCES} places, which is the most"))
        .hint("places are forgotten when their identities end, or by `tctl bots instances rm`"))
}

/// All places of a bot, by their ids.
pub(super) async fn all(core: &Core, bot: &str) -> Result<Vec<(String, Instance)>, Error> {
    let mut all = kept(core, &keys::bot_instances(bot)?).await?;
    all.extend(kept(core, &keys::all_bot_passing(bot)?).await?);
    let named = all.into_iter().filter_map(|(item, found)| {
        let id = item.key.segments().last()?.to_string();
        Some((id, found))
    });
    Ok(named.collect())
}

/// Forgets one place.
pub(super) async fn forget(core: &Core, bot: &str, id: &Uuid) -> Result<(), Error> {
    delete(core, &keys::bot_instance(bot, &id.to_string())?).await?;
    delete(core, &keys::bot_passing(bot, &id.to_string())?).await
}

/// Forgets all places of a bot. Those that join again open nothing, and need not go in one write.
pub(super) async fn removals(core: &Core, bot: &str) -> Result<Vec<Write>, Error> {
    for (item, _found) in kept(core, &keys::all_bot_passing(bot)?).await? {
        delete(core, &item.key).await?;
    }
    let kept = kept(core, &keys::bot_instances(bot)?).await?;
    Ok(kept.into_iter().map(|(item, _)| Write::delete_if(item.key, item.revision)).collect())
}
