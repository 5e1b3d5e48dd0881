//! The addresses that apps have: one that is asked for twice in the same moment, of one auth service or of two
//! over one store, is given away once.
//!
//! What the service knows of other apps may be older than the last write, so an address is written down under
//! a key of its own, together with the app.

use api::{Error, app_domain};
use bytes::Bytes;
use resource::{App, Kind, Resource};
use store::{Item, Write};

use crate::app::address_taken;
use crate::core::Core;
use crate::{fault, keys};

/// What has to be written together with an app so that its address is its own.
///
/// # Errors
/// Another app has it.
pub(crate) async fn claim(
    core: &Core,
    app: &App,
    before: Option<&App>,
) -> Result<Vec<Write>, Error> {
    let (wanted, had) = (host_of(core, app), before.and_then(|app| host_of(core, app)));
    let mut writes = Vec::new();
    if let Some(host) = &wanted {
        writes.extend(take(core, app, host).await?);
    }
    if let Some(host) = had.filter(|had| wanted.as_ref() != Some(had)) {
        writes.extend(leave(core, app.name(), &host).await?);
    }
    Ok(writes)
}

/// What has to be written when an app is deleted.
pub(crate) async fn release(core: &Core, app: &App) -> Result<Vec<Write>, Error> {
    match host_of(core, app) {
        Some(host) => Ok(leave(core, app.name(), &host).await?.into_iter().collect()),
        None => Ok(Vec::new()),
    }
}

/// Under which name an app is offered, by what is known of the proxies now.
fn host_of(core: &Core, app: &App) -> Option<String> {
    let domain = || app_domain(&core.replica.snapshot(), &core.cluster);
    app.public_host().or_else(|| app.host_below(&domain()))
}

async fn take(core: &Core, app: &App, host: &str) -> Result<Option<Write>, Error> {
    let (key, expires) = (keys::address(host)?, app.metadata.expires);
    let value = Bytes::copy_from_slice(app.name().as_bytes());
    let Some(item) = find(core, host).await? else {
        return Ok(Some(Write::create(key, value, expires)));
    };
    let holder = holder(&item);
    if holder == app.name() {
        let same = item.expires == expires;
        let renewed = || Write::compare_and_swap(key, item.revision, value, expires);
        return Ok((!same).then(renewed));
    }
    // What an app held that is gone, or moved when the proxies did, is nobody's.
    if let Some(Resource::App(other)) = core.records.find(Kind::App, &holder).await?
        && host_of(core, &other).as_deref() == Some(host)
    {
        return Err(address_taken(host, &format!("the app {holder:?}")));
    }
    Ok(Some(Write::compare_and_swap(key, item.revision, value, expires)))
}

async fn leave(core: &Core, app: &str, host: &str) -> Result<Option<Write>, Error> {
    let item = find(core, host).await?.filter(|item| holder(item) == app);
    Ok(item.map(|item| Write::delete_if(item.key, item.revision)))
}

async fn find(core: &Core, host: &str) -> Result<Option<Item>, Error> {
    match core.records.store().get(&keys::address(host)?).await {
        Ok(item) => Ok(Some(item)),
        Err(store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(fault::store(&error)),
    }
}

/// The app that has an address.
fn holder(item: &Item) -> String {
    String::from_utf8_lossy(&item.value).into_owned()
}
