//! What is remembered of logins between their steps. Each record is taken once, by whoever knows a text
//! of which only the hash is kept.

use api::wire::SsoReport;
use api::{Error, ErrorFields};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use store::{Item, Key};
use time::OffsetDateTime;

use super::Asker;
use super::account::Account;
use super::arrival::Arrived;
use super::connector::{Progress, Reference};
use super::local;
use crate::core::Core;
use crate::fault;

/// Where a login is.
#[derive(Serialize, Deserialize)]
pub(super) enum Step {
    /// A link waits for a browser.
    Started(Box<Started>),
    /// A browser is at the provider.
    Away(Box<Away>),
    /// A link to a page of the cluster's own waits for a browser.
    Local(Box<local::Asked>),
    /// A browser is at that page.
    AtPage(Box<local::AtPage>),
    /// A browser came from a provider by itself, and is at the page for that.
    Arrived(Box<Arrived>),
    /// A machine without a browser waits.
    Waiting { challenge: String },
    /// What came of it waits for who asked.
    Done { challenge: String, outcome: Outcome },
}

/// A login that is prepared.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Started {
    pub(super) connector: Reference,
    /// A connector that is only tried: the whole of it, with its secrets.
    pub(super) tried: Option<String>,
    pub(super) asker: Asker,
    pub(super) public_key: String,
    pub(super) ttl_seconds: Option<u64>,
    pub(super) proxy: Option<String>,
}

/// A login whose browser is at the provider.
#[derive(Serialize, Deserialize)]
pub(super) struct Away {
    pub(super) started: Started,
    /// The hash of the browser's cookie.
    pub(super) binding: String,
    pub(super) progress: Progress,
}

/// What came of a login.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    Accepted { account: Box<Account>, started: Box<Started> },
    Local(Box<local::Admitted>),
    Refused(ErrorFields),
    Tested(Box<SsoReport>),
}

/// A step as it was looked at.
pub(super) struct Seen {
    key: Key,
    revision: store::Revision,
}

/// Keeps a step until `expires`.
pub(super) async fn put(
    core: &Core,
    key: &Key,
    step: &Step,
    expires: OffsetDateTime,
) -> Result<(), Error> {
    let value = Bytes::from(serde_json::to_vec(step).map_err(Error::internal)?);
    let stored = core.records.store().create(key, value, Some(expires)).await;
    stored.map(drop).map_err(|error| fault::store(&error))
}

/// Puts a step in the place of one that was looked at, and has not changed since.
pub(super) async fn replace(
    core: &Core,
    seen: &Seen,
    step: &Step,
    expires: OffsetDateTime,
) -> Result<(), Error> {
    let Seen { key, revision } = seen;
    let value = Bytes::from(serde_json::to_vec(step).map_err(Error::internal)?);
    let store = core.records.store();
    match store.compare_and_swap(key, revision, value, Some(expires)).await {
        Ok(_revision) => Ok(()),
        Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => Err(dead()),
        Err(error) => Err(fault::store(&error)),
    }
}

/// Looks at a step and leaves it.
pub(super) async fn look(core: &Core, key: &Key) -> Result<Step, Error> {
    read(&find(core, key).await?)
}

/// The same, and where and when it was so.
pub(super) async fn see(core: &Core, key: Key) -> Result<(Step, Seen), Error> {
    let item = find(core, &key).await?;
    Ok((read(&item)?, Seen { key, revision: item.revision }))
}

/// Takes a step: of all who try, one gets it.
pub(super) async fn take(core: &Core, key: &Key) -> Result<Step, Error> {
    let item = find(core, key).await?;
    let step = read(&item)?;
    take_seen(core, &Seen { key: item.key, revision: item.revision }).await?;
    Ok(step)
}

/// Takes a step that was looked at, and has not changed since.
pub(super) async fn take_seen(core: &Core, seen: &Seen) -> Result<(), Error> {
    match core.records.store().delete_if(&seen.key, &seen.revision).await {
        Ok(()) => Ok(()),
        Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => Err(dead()),
        Err(error) => Err(fault::store(&error)),
    }
}

async fn find(core: &Core, key: &Key) -> Result<Item, Error> {
    match core.records.store().get(key).await {
        Ok(item) => Ok(item),
        Err(store::Error::NotFound { .. }) => Err(dead()),
        Err(error) => Err(fault::store(&error)),
    }
}

fn read(item: &Item) -> Result<Step, Error> {
    serde_json::from_slice(&item.value).map_err(Error::internal)
}

/// Used, expired, or never there: nobody is told which.
pub(super) fn dead() -> Error {
    Error::not_found("this sign-in is over: it was used, has expired, or never began")
        .hint("begin again with `tsh login`, or in the program that sent you here")
}
