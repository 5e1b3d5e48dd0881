//! The names under which somebody at a provider has signed in. Providers let people change what they are called,
//! and who is locked by one name is not let in by another.

use api::Error;
use bytes::Bytes;
use resource::User;
use serde::{Deserialize, Serialize};
use store::Item;
use time::Duration;

use super::connector::Origin;
use crate::core::Core;
use crate::{fault, keys, locks};

/// So long after the last sign-in they are forgotten, so that a provider that calls people anew each time does not
/// fill the store.
const LIFE: Duration = Duration::days(366);
/// A record that lives so long yet is not written again.
const FRESH: Duration = Duration::days(330);
/// The newest so many names are kept.
const MAX_NAMES: usize = 32;
/// How often it is tried again when somebody else writes at the same time.
const MAX_RETRIES: usize = 8;

#[derive(Default, Serialize, Deserialize)]
struct Names {
    /// The newest last.
    names: Vec<String>,
}

/// Refuses who is locked by a name of before.
pub(super) async fn refuse_locked(
    core: &Core,
    origin: &Origin,
    roles: &[&str],
) -> Result<(), Error> {
    let Some((names, _item)) = read(core, origin).await? else { return Ok(()) };
    let (snapshot, now) = (core.replica.snapshot(), core.clock.now());
    let mut before = names.names.iter();
    before.try_for_each(|name| {
        let user = User::new(name, roles.iter().copied());
        locks::refuse_user(&snapshot, now, &user, None)
    })
}

/// Remembers a name.
pub(super) async fn remember(core: &Core, origin: &Origin, name: &str) -> Result<(), Error> {
    let (store, key) = (core.records.store(), key_of(origin)?);
    for _ in 0..MAX_RETRIES {
        let now = core.clock.now();
        let found = read(core, origin).await?;
        let (mut known, item) =
            found.map_or((Names::default(), None), |(names, item)| (names, Some(item)));
        let lives_long =
            item.as_ref().and_then(|item| item.expires).is_some_and(|end| end - now > FRESH);
        if lives_long && known.names.last().is_some_and(|last| last == name) {
            return Ok(());
        }
        known.names.retain(|known| known != name);
        known.names.push(name.to_owned());
        let surplus = known.names.len().saturating_sub(MAX_NAMES);
        known.names.drain(..surplus);
        let value = Bytes::from(serde_json::to_vec(&known).map_err(Error::internal)?);
        let expires = Some(now + LIFE);
        let written = match item {
            Some(item) => store.compare_and_swap(&key, &item.revision, value, expires).await,
            None => store.create(&key, value, expires).await,
        };
        match written {
            Ok(_revision) => return Ok(()),
            Err(
                store::Error::NotFound { .. }
                | store::Error::Conflict { .. }
                | store::Error::AlreadyExists { .. },
            ) => {}
            Err(error) => return Err(fault::store(&error)),
        }
    }
    Err(Error::unavailable("too many sign-ins of one person at the same time; try again"))
}

async fn read(core: &Core, origin: &Origin) -> Result<Option<(Names, Item)>, Error> {
    match core.records.store().get(&key_of(origin)?).await {
        Ok(item) => {
            let names = serde_json::from_slice(&item.value).map_err(Error::internal)?;
            Ok(Some((names, item)))
        }
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

fn key_of(origin: &Origin) -> Result<store::Key, Error> {
    let Origin { kind, connector, subject } = origin;
    keys::provider_names(kind, connector, subject)
}
