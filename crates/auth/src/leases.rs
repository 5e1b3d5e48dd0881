//! How long agents are believed to be there. The records of a host live as long as its lease.
//!
//! A heartbeat costs nothing but memory here; what the store keeps of it, so that the service may
//! restart, is written for all hosts together. Lease and records are apart in the store: when a lease
//! has ended, [`Leases::keep`] deletes the records.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use api::{Error, HEARTBEAT_LIFE};
use bytes::Bytes;
use futures_util::FutureExt as _;
use parking_lot::Mutex;
use resource::Kind;
use runtime::Clock;
use store::{Backend, Event, Watch, Write};
use time::OffsetDateTime;

use crate::catalog::Catalog;
use crate::{fault, keys};

/// How often the store is told who was heard of.
const FLUSH_EVERY: Duration = Duration::from_secs(8);
/// How often it is looked for records of hosts without a lease, whatever else happens.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A record that was written at the last moment is in our copy by then.
const LOOK_TWICE: Duration = Duration::from_secs(1);
/// How long to wait after a fault of the store.
const PAUSE: Duration = Duration::from_secs(1);

/// Who is believed to be there.
#[derive(Debug)]
pub(crate) struct Leases {
    store: Arc<dyn Backend>,
    clock: Clock,
    /// By host; held for a look-up or a change.
    heard: Mutex<HashMap<String, Lease>>,
}

/// What is known of one host.
#[derive(Clone, Debug)]
struct Lease {
    /// When it was heard of.
    heard: OffsetDateTime,
    /// Until when the store says that it is there.
    until: OffsetDateTime,
    /// The store's record of that.
    revision: store::Revision,
}

// === impl Leases ===

impl Leases {
    pub(crate) fn new(store: Arc<dyn Backend>, clock: Clock) -> Self {
        Self { store, clock, heard: Mutex::default() }
    }

    /// A host was heard of. Gives whether it was believed to be there, so that its records are.
    pub(crate) async fn renew(&self, host: &str) -> Result<bool, Error> {
        let now = self.clock.now();
        if let Some(lease) = self.heard.lock().get_mut(host)
            && lease.until > now
        {
            lease.heard = now;
            return Ok(true);
        }
        let (key, until) = (keys::lease(host)?, now + HEARTBEAT_LIFE);
        let kept = match self.store.get(&key).await {
            // Extended only while it lasts: what has ended takes the records with it.
            Ok(item) => {
                let end = Some(until);
                self.store.compare_and_swap(&key, &item.revision, item.value, end).await
            }
            Err(error) => Err(error),
        };
        let (revision, was_there) = match kept {
            Ok(revision) => (revision, true),
            Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => {
                let revision = self.store.put(&key, nothing(), Some(until)).await;
                (revision.map_err(|error| fault::store(&error))?, false)
            }
            Err(error) => return Err(fault::store(&error)),
        };
        self.heard.lock().insert(host.to_owned(), Lease { heard: now, until, revision });
        Ok(was_there)
    }

    /// A host says that it ends.
    pub(crate) async fn end(&self, host: &str) -> Result<(), Error> {
        self.heard.lock().remove(host);
        match self.store.delete(&keys::lease(host)?).await {
            Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// Lets hosts whose records are there and whose leases are not have one more, once, when the
    /// service starts: they could not be heard of meanwhile.
    pub(crate) async fn grace(&self, catalog: &Catalog) -> Result<(), Error> {
        let until = self.clock.now() + HEARTBEAT_LIFE;
        for host in self.abandoned(catalog).await? {
            let given = self.store.create(&keys::lease(&host)?, nothing(), Some(until)).await;
            match given {
                Ok(_) | Err(store::Error::AlreadyExists { .. }) => {}
                Err(error) => return Err(fault::store(&error)),
            }
        }
        Ok(())
    }

    /// Tells the store who was heard of, for ever.
    pub(crate) async fn flush(self: Arc<Self>) {
        loop {
            self.clock.sleep(FLUSH_EVERY).await;
            let now = self.clock.now();
            let mut renewed = Vec::new();
            self.heard.lock().retain(|host, lease| {
                if lease.until < lease.heard + HEARTBEAT_LIFE {
                    renewed.push((host.clone(), lease.clone()));
                }
                lease.until > now
            });
            for some in renewed.chunks(store::MAX_WRITES) {
                self.keep_some(some.to_vec()).await;
            }
        }
    }

    /// Tells the store of some. Those that it could not be told of are looked up there again when they are
    /// heard of.
    async fn keep_some(&self, mut some: Vec<(String, Lease)>) {
        while !some.is_empty() {
            let error = match self.write(&some).await {
                Ok(()) => return,
                Err(error) => error,
            };
            // Of one of them another service, or its end, was quicker: that is no matter to the others.
            let quicker =
                if let store::Error::Conflict { key } | store::Error::NotFound { key } = &error {
                    Some(key.name())
                } else {
                    None
                };
            let is_lost = |host: &str| quicker.as_deref().is_none_or(|name| name == host);
            let lost: Vec<_> = some.extract_if(.., |(host, _)| is_lost(host)).collect();
            if quicker.is_none() || lost.is_empty() {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(
                    error,
                    hosts = some.len() + lost.len(),
                    "cannot keep who was heard of"
                );
            }
            let mut heard = self.heard.lock();
            lost.iter().for_each(|(host, _)| drop(heard.remove(host)));
            if lost.is_empty() {
                some.drain(..).for_each(|(host, _)| drop(heard.remove(&host)));
            }
        }
    }

    async fn write(&self, renewed: &[(String, Lease)]) -> Result<(), store::Error> {
        let with_key = |one| -> Option<(&(String, Lease), store::Key)> {
            let (host, _): &(String, Lease) = one;
            Some((one, keys::lease(host).ok()?))
        };
        let renewed: Vec<_> = renewed.iter().filter_map(with_key).collect();
        let write = |((_, lease), key): &(&(String, Lease), store::Key)| {
            let end = Some(lease.heard + HEARTBEAT_LIFE);
            Write::compare_and_swap(key.clone(), lease.revision.clone(), nothing(), end)
        };
        let written = self.store.write(renewed.iter().map(write).collect()).await?;
        let mut heard = self.heard.lock();
        for (((host, lease), _), revision) in renewed.into_iter().zip(written) {
            if let Some(known) = heard.get_mut(host)
                && known.revision == lease.revision
            {
                known.until = lease.heard + HEARTBEAT_LIFE;
                known.revision = revision;
            }
        }
        Ok(())
    }

    /// Deletes the records of hosts whose lease has ended, for ever.
    pub(crate) async fn keep(self: Arc<Self>, catalog: Arc<Catalog>) {
        loop {
            if let Err(error) = self.keep_once(&catalog).await {
                tracing::warn!(error = error.message(), "cannot see which hosts are there");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Follows the leases until something goes wrong.
    async fn keep_once(&self, catalog: &Catalog) -> Result<(), Error> {
        let prefix = keys::leases()?;
        let now = self.store.range(&prefix).await.map_err(|error| fault::store(&error))?.cursor;
        let watch = self.store.watch(vec![prefix], now).await;
        let mut watch = watch.map_err(|error| fault::store(&error))?;
        loop {
            let ended = tokio::time::timeout(LOOK_EVERY, lease_ended(&mut watch)).await;
            if let Ok(outcome) = ended {
                outcome?;
                self.drop_records(catalog).await?;
                tokio::time::sleep(LOOK_TWICE).await;
            }
            self.drop_records(catalog).await?;
        }
    }

    async fn drop_records(&self, catalog: &Catalog) -> Result<(), Error> {
        let abandoned = self.abandoned(catalog).await?;
        if abandoned.is_empty() {
            return Ok(());
        }
        tracing::info!(hosts = abandoned.len(), "agents are not heard of any more");
        let snapshot = catalog.snapshot();
        let mut writes = Vec::new();
        for server in snapshot.app_servers.values() {
            if server.metadata.expires.is_none()
                && abandoned.contains(&server.spec.host_id)
                && let Some(revision) = &server.metadata.revision
            {
                let key = keys::resource(Kind::AppServer, &server.metadata.name)?;
                writes.push(Write::delete_if(key, store::Revision::new(revision.as_str())));
            }
        }
        for some in writes.chunks(store::MAX_WRITES) {
            match self.store.write(some.to_vec()).await {
                Ok(_) => {}
                // The host is there again and has written; whatever is left is looked at again.
                Err(store::Error::NotFound { .. } | store::Error::Conflict { .. }) => {}
                Err(error) => return Err(fault::store(&error)),
            }
        }
        Ok(())
    }

    /// The hosts that have records and no lease.
    async fn abandoned(&self, catalog: &Catalog) -> Result<BTreeSet<String>, Error> {
        let snapshot = catalog.snapshot();
        let leased = snapshot.app_servers.values().filter(|one| one.metadata.expires.is_none());
        let mut hosts = BTreeSet::new();
        for server in leased {
            if !hosts.contains(&server.spec.host_id) {
                hosts.insert(server.spec.host_id.clone());
            }
        }
        if !hosts.is_empty() {
            let there = self.store.range(&keys::leases()?).await;
            for lease in there.map_err(|error| fault::store(&error))?.items {
                hosts.remove(&*lease.key.name());
            }
        }
        Ok(hosts)
    }
}

/// Waits until a lease has ended, and takes note of all that have.
async fn lease_ended(watch: &mut Watch) -> Result<(), Error> {
    let mut ended = false;
    loop {
        let change = match watch.next().now_or_never() {
            None if ended => return Ok(()),
            None => watch.next().await,
            Some(change) => change,
        };
        let change = change.map_err(|error| fault::store(&error))?;
        ended |= matches!(change.event, Event::Delete(_));
    }
}

/// A lease says all by being there.
fn nothing() -> Bytes {
    Bytes::from_static(b"{}")
}

#[cfg(test)]
mod tests;
