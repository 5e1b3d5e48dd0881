//! A request, read as far as every operation needs it.

use api::{Access, EndpointRow, Error, ErrorKind, Operation};
use axum::extract::Query;
use bytes::Bytes;
use http::Uri;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

/// The largest body from somebody who has proved nothing: a request to join.
const MAX_PUBLIC_BODY: usize = 64 << 10;
/// The largest body with a resource: twice what the store keeps of one.
const MAX_BODY: usize = 2 << 20;
/// The largest batch of audit records, or of records of apps.
const MAX_BATCH: usize = 8 << 20;

/// The largest body that an endpoint takes. Bodies wait in memory until they are whole, so this, the
/// requests of a connection and the connections of strangers bound what strangers can make us keep.
pub(super) fn max_body(row: &EndpointRow) -> usize {
    match (row.access, row.operation) {
        (Access::Public, _) => MAX_PUBLIC_BODY,
        (_, Operation::ShipAudit | Operation::Heartbeat | Operation::ReportTools) => MAX_BATCH,
        _ => MAX_BODY,
    }
}

/// A request's parts.
#[derive(Debug)]
pub(crate) struct Call {
    /// The parameters of the path, decoded.
    pub(crate) parameters: Vec<(String, String)>,
    /// The address, for its query.
    pub(crate) uri: Uri,
    /// The body.
    pub(crate) body: Bytes,
    /// Ends with the connection.
    pub(crate) connection: CancellationToken,
}

// === impl Call ===

impl Call {
    /// A parameter of the path.
    pub(crate) fn parameter(&self, name: &str) -> Result<&str, Error> {
        self.parameters
            .iter()
            .find_map(|(key, value)| (key == name).then_some(value.as_str()))
            .ok_or_else(|| Error::internal(format!("the route has no parameter {name}")))
    }

    /// The query as a structure.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, Error> {
        Query::try_from_uri(&self.uri)
            .map(|Query(query)| query)
            .map_err(|error| Error::invalid(format!("the query is not understood: {error}")))
    }

    /// The body as a structure.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Error::invalid(format!("the request is not understood: {error}")))
    }
}

/// A body that is too long, or broke off.
pub(super) fn unreadable(error: &api::BoxError, most: usize) -> Error {
    if error.is::<http_body_util::LengthLimitError>() {
        return Error::invalid(format!("the request has more than {most} bytes"));
    }
    Error::new(ErrorKind::InvalidArgument, "the request broke off").because(error)
}
