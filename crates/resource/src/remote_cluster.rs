//! `remote_cluster`: a cluster that trusts this one, so that users of this one may go there.

use serde_json::Value;
use time::OffsetDateTime;

use crate::decode::{FromNode, Reader, Table};
use crate::kind::Kind;
use crate::metadata::{Metadata, NameRule, any_version, metadata};
use crate::object::{Object, document};

/// A cluster that trusts this one. It makes this by joining; without it, nothing of that cluster is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteCluster {
    /// The name is the other cluster's.
    pub metadata: Metadata,
    /// What was heard of it.
    pub status: RemoteClusterStatus,
}

/// What was heard of a remote cluster, worked out for who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemoteClusterStatus {
    /// Whether it is there; nothing where nobody looked.
    pub connection: Option<ClusterConnection>,
    /// When it was last there.
    pub last_heartbeat: Option<OffsetDateTime>,
}

/// Whether a cluster is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClusterConnection {
    /// It was heard of a moment ago.
    Online,
    /// It was not.
    Offline,
}

impl ClusterConnection {
    const SPELLINGS: [(&'static str, Self); 2] =
        [("online", Self::Online), ("offline", Self::Offline)];

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Offline => "offline",
        }
    }
}

impl FromNode for ClusterConnection {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("connection", &Self::SPELLINGS)
    }
}

impl RemoteCluster {
    /// A cluster of which nothing was heard yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self { metadata: Metadata::named(name), status: RemoteClusterStatus::default() }
    }

    /// The other cluster's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    pub(crate) fn read(document: &mut Table<'_>) -> Option<Self> {
        any_version(document, Kind::RemoteCluster);
        let metadata = metadata(document, NameRule::Plain);
        // It has no fields; whatever is in it is a mistake that is told.
        if let Some(reader) = document.field("spec") {
            reader.table(|_table| Some(()))?;
        }
        let status = document.field("status").map_or_else(|| Some(Default::default()), status);
        Some(Self { metadata: metadata?, status: status? })
    }

    /// The resource as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut status = Object::default();
        status
            .put_some("connection", self.status.connection.map(ClusterConnection::as_str))
            .put_time("last_heartbeat", self.status.last_heartbeat);
        let version = Kind::RemoteCluster.version();
        document(Kind::RemoteCluster, "", version, &self.metadata, Object::default(), status)
    }
}

fn status(reader: Reader<'_>) -> Option<RemoteClusterStatus> {
    reader.table(|table| {
        Some(RemoteClusterStatus {
            connection: table.get("connection"),
            last_heartbeat: table.get("last_heartbeat").flatten(),
        })
    })
}

#[cfg(test)]
mod tests;
