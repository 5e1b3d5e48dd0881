//! One endpoint of the auth API.

use http::Method;

use super::access::Access;
use super::operation::Operation;

/// One endpoint.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// What it does.
    pub operation: Operation,
    /// The HTTP method.
    pub method: Method,
    /// The path, with `{parameters}`.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// One line for people.
    pub summary: &'static str,
}

/// Makes one.
pub(super) const fn row(
    operation: Operation,
    method: Method,
    path: &'static str,
    access: Access,
    summary: &'static str,
) -> Endpoint {
    Endpoint { operation, method, path, access, summary }
}
