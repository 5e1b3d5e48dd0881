//! Builds the JSON of resources: keys in the order a reader wants them, and nothing where nothing was said.

use std::time::Duration;

use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::kind::Kind;
use crate::metadata::Metadata;
use crate::{duration, timestamp};

/// An object under construction.
#[derive(Debug, Default)]
pub(crate) struct Object(Map<String, Value>);

impl Object {
    pub(crate) fn put(&mut self, key: &str, value: impl Into<Value>) -> &mut Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Puts a value unless there is none.
    pub(crate) fn put_some(&mut self, key: &str, value: Option<impl Into<Value>>) -> &mut Self {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    /// Puts text unless it is empty.
    pub(crate) fn put_text(&mut self, key: &str, text: &str) -> &mut Self {
        if !text.is_empty() {
            self.put(key, text);
        }
        self
    }

    /// Puts a list unless it is empty.
    pub(crate) fn put_list<T: Into<Value> + Clone>(&mut self, key: &str, list: &[T]) -> &mut Self {
        if !list.is_empty() {
            self.put(key, list.to_vec());
        }
        self
    }

    /// Puts a flag unless it is false.
    pub(crate) fn put_flag(&mut self, key: &str, flag: bool) -> &mut Self {
        if flag {
            self.put(key, flag);
        }
        self
    }

    pub(crate) fn put_time(&mut self, key: &str, time: Option<OffsetDateTime>) -> &mut Self {
        self.put_some(key, time.map(timestamp::format))
    }

    pub(crate) fn put_duration(&mut self, key: &str, duration: Option<Duration>) -> &mut Self {
        self.put_some(key, duration.map(duration::format))
    }

    /// Puts an object unless it is empty.
    pub(crate) fn put_object(&mut self, key: &str, object: Self) -> &mut Self {
        if !object.0.is_empty() {
            self.put(key, object);
        }
        self
    }

    /// Puts text under each of its keys, unless there is none.
    pub(crate) fn put_map<'a, V: Into<Value>>(
        &mut self,
        key: &str,
        entries: impl IntoIterator<Item = (&'a String, V)>,
    ) -> &mut Self {
        let map: Map<String, Value> =
            entries.into_iter().map(|(key, value)| (key.clone(), value.into())).collect();
        self.put_object(key, Self(map))
    }

    /// Puts what was kept from a document as it was.
    pub(crate) fn put_kept(&mut self, kept: &Map<String, Value>) -> &mut Self {
        self.0.extend(kept.iter().map(|(key, value)| (key.clone(), value.clone())));
        self
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// The JSON of a whole resource.
pub(crate) fn document(
    kind: Kind,
    sub_kind: &str,
    version: &str,
    metadata: &Metadata,
    spec: Object,
    status: Object,
) -> Value {
    let mut meta = Object::default();
    meta.put("name", metadata.name.as_str())
        .put_text("description", &metadata.description)
        .put_map("labels", metadata.labels.iter().map(|(key, value)| (key, value.as_str())))
        .put_time("expires", metadata.expires)
        .put_some("revision", metadata.revision.as_ref().map(super::Revision::as_str));
    let mut document = Object::default();
    document
        .put("kind", kind.as_str())
        .put_text("sub_kind", sub_kind)
        .put("version", version)
        .put("metadata", meta)
        .put("spec", spec)
        .put_object("status", status);
    document.into()
}
