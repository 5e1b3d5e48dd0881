//! Resources in the store: read, listed, written, with the store's revisions as theirs.
//!
//! Nothing is decided here. What is stored holds secrets; whoever hands it out redacts.

use std::sync::Arc;

use api::{Error, ErrorKind};
use bytes::Bytes;
use futures_util::future::try_join_all;
use resource::{Kind, Resource, Revision, Secrets};
use store::{Backend, Cursor, Item, Write};

use crate::{fault, keys};

/// The resources in a store.
#[derive(Clone, Debug)]
pub(crate) struct Records {
    store: Arc<dyn Backend>,
}

/// When a resource may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It must not be there.
    Absent,
    /// It must be at this revision.
    At(Revision),
}

// === impl Records ===

impl Records {
    pub(crate) fn new(store: Arc<dyn Backend>) -> Self {
        Self { store }
    }

    /// The store itself, for what is no resource.
    pub(crate) fn store(&self) -> &Arc<dyn Backend> {
        &self.store
    }

    /// A resource, if it is there.
    pub(crate) async fn find(&self, kind: Kind, name: &str) -> Result<Option<Resource>, Error> {
        match self.store.get(&keys::resource(kind, name)?).await {
            Ok(item) => decode(&item).map(Some),
            Err(store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// All resources of a kind, and the moment at which they were all.
    pub(crate) async fn list(&self, kind: Kind) -> Result<(Vec<Resource>, Cursor), Error> {
        let snapshot = self
            .store
            .range(&keys::resources(kind)?)
            .await
            .map_err(|error| fault::store(&error))?;
        let mut resources = Vec::with_capacity(snapshot.items.len());
        for item in &snapshot.items {
            match decode(item) {
                Ok(resource) => resources.push(resource),
                // A role or user that cannot be read gives nothing to anybody; a lock that
                // cannot be read would.
                Err(error) if kind == Kind::Lock => return Err(error),
                Err(error) => skipped(item, &error),
            }
        }
        Ok((resources, snapshot.cursor))
    }

    /// Writes a resource, together with `others`, and gives it back as it is stored.
    pub(crate) async fn write(
        &self,
        resource: &Resource,
        condition: Condition,
        others: Vec<Write>,
    ) -> Result<Resource, Error> {
        let (kind, name) = (resource.kind(), resource.name());
        let write = self.writing(resource, condition)?;
        let revisions = self.apply(kind, name, write, others).await?;
        let revision = revisions
            .into_iter()
            .next()
            .ok_or_else(|| Error::internal("the store did not say what became of a write"))?;
        Ok(resource.clone().with_revision(Revision::new(revision.as_str())))
    }

    /// The write of a resource, for who writes it together with others.
    pub(crate) fn writing(
        &self,
        resource: &Resource,
        condition: Condition,
    ) -> Result<Write, Error> {
        let key = keys::resource(resource.kind(), resource.name())?;
        let (value, expires) = (encode(resource)?, resource.metadata().expires);
        Ok(match condition {
            Condition::Absent => Write::create(key, value, expires),
            Condition::At(revision) => {
                let expected = store::Revision::new(revision.as_str());
                Write::compare_and_swap(key, expected, value, expires)
            }
        })
    }

    /// The deletion of a resource as it was read.
    pub(crate) fn deleting(&self, resource: &Resource) -> Result<Option<Write>, Error> {
        let Some(revision) = &resource.metadata().revision else { return Ok(None) };
        let key = keys::resource(resource.kind(), resource.name())?;
        Ok(Some(Write::delete_if(key, store::Revision::new(revision.as_str()))))
    }

    /// Deletes a resource that is at `revision`, together with `others`.
    pub(crate) async fn delete(
        &self,
        kind: Kind,
        name: &str,
        revision: &Revision,
        others: Vec<Write>,
    ) -> Result<(), Error> {
        let expected = store::Revision::new(revision.as_str());
        let write = Write::delete_if(keys::resource(kind, name)?, expected);
        self.apply(kind, name, write, others).await.map(drop)
    }

    /// Writes resources over what they were made from, all of them or none, and gives them back as
    /// they are stored.
    pub(crate) async fn replace_all(&self, resources: &[Resource]) -> Result<Vec<Resource>, Error> {
        let mut writes = Vec::with_capacity(resources.len());
        for resource in resources {
            let Some(revision) = &resource.metadata().revision else {
                return Err(Error::internal("a stored resource has no revision"));
            };
            let key = keys::resource(resource.kind(), resource.name())?;
            let expected = store::Revision::new(revision.as_str());
            let (value, expires) = (encode(resource)?, resource.metadata().expires);
            writes.push(Write::compare_and_swap(key, expected, value, expires));
        }
        let named = |key: &store::Key| keys::parse_resource(key);
        let revisions = self.store.write(writes).await.map_err(|error| match &error {
            store::Error::Conflict { key, .. }
            | store::Error::NotFound { key }
            | store::Error::AlreadyExists { key } => match named(key) {
                Some((kind, name)) => conflict(kind, &name),
                None => fault::store(&error),
            },
            _ => fault::store(&error),
        })?;
        if revisions.len() != resources.len() {
            return Err(Error::internal("the store did not say what became of a write"));
        }
        let revised = resources.iter().zip(revisions).map(|(resource, revision)| {
            resource.clone().with_revision(Revision::new(revision.as_str()))
        });
        Ok(revised.collect())
    }

    /// Writes resources, whatever was there. They do not depend on each other: when some cannot be
    /// written, others may have been.
    pub(crate) async fn put_all(&self, resources: &[Resource]) -> Result<(), Error> {
        let (mut groups, mut group, mut size) = (Vec::new(), Vec::new(), 0);
        for resource in resources {
            let key = keys::resource(resource.kind(), resource.name())?;
            let value = encode(resource)?;
            if group.len() == store::MAX_WRITES || size + value.len() > store::MAX_ITEM_BYTES {
                groups.push(std::mem::take(&mut group));
                size = 0;
            }
            size += value.len();
            group.push(Write::put(key, value, resource.metadata().expires));
        }
        groups.push(group);
        let writes = groups.into_iter().filter(|group| !group.is_empty());
        let writes = writes.map(|group| self.store.write(group));
        try_join_all(writes).await.map(drop).map_err(|error| fault::store(&error))
    }

    /// Deletes resources, as far as they are there.
    pub(crate) async fn delete_all(&self, kind: Kind, names: &[String]) -> Result<(), Error> {
        let keys = names.iter().map(|name| keys::resource(kind, name));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let deletions = keys.iter().map(|key| async {
            match self.store.delete(key).await {
                Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(fault::store(&error)),
            }
        });
        try_join_all(deletions).await.map(drop)
    }

    async fn apply(
        &self,
        kind: Kind,
        name: &str,
        write: Write,
        others: Vec<Write>,
    ) -> Result<Vec<store::Revision>, Error> {
        let own = write.key().clone();
        let mut writes = vec![write];
        writes.extend(others);
        self.store.write(writes).await.map_err(|error| match error {
            store::Error::AlreadyExists { key } if key == own => {
                Error::new(ErrorKind::AlreadyExists, kind.already_exists(name))
            }
            store::Error::NotFound { key } if key == own => Error::not_found(kind.not_found(name)),
            store::Error::Conflict { .. }
            | store::Error::NotFound { .. }
            | store::Error::AlreadyExists { .. } => conflict(kind, name),
            other => fault::store(&other),
        })
    }
}

/// Somebody else changed it in between.
pub(crate) fn conflict(kind: Kind, name: &str) -> Error {
    let what = if kind.is_singleton() || kind.has_secret_name() {
        kind.display_name().to_owned()
    } else {
        format!("{} {name:?}", kind.display_name())
    };
    Error::new(ErrorKind::Conflict, format!("{what} was changed by somebody else meanwhile"))
        .hint("read it again, make the change again and write it back")
}

/// The resource that an item holds.
pub(crate) fn decode(item: &Item) -> Result<Resource, Error> {
    let mut resource = Resource::from_json(&item.value).map_err(|error| {
        Error::new(ErrorKind::Internal, "a stored resource cannot be read by this version")
            .because(error)
    })?;
    resource.metadata_mut().expires = item.expires;
    Ok(resource.with_revision(Revision::new(item.revision.as_str())))
}

/// Says that an item is passed over. Names of tokens are secrets, so no key is named.
pub(crate) fn skipped(item: &Item, error: &Error) {
    let kind = keys::parse_resource(&item.key).map(|(kind, _name)| kind.as_str());
    tracing::error!(
        kind,
        revision = item.revision.as_str(),
        cause = error.cause(),
        "a stored resource cannot be read and is passed over"
    );
}

fn encode(resource: &Resource) -> Result<Bytes, Error> {
    let mut stored = resource.clone();
    // The store knows both better.
    stored.metadata_mut().revision = None;
    stored.metadata_mut().expires = None;
    serde_json::to_vec(&stored.to_json(Secrets::Include)).map(Bytes::from).map_err(Error::internal)
}

#[cfg(test)]
mod tests;
