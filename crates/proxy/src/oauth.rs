//! Whether clients may have people sign in by OAuth, and where they learn how.

use api::{OauthResource, Snapshot, oauth_issuer};

/// What goes before the path of an MCP server to have the path of the document about it (RFC 9728, section 3.1).
pub(crate) const METADATA_PATH: &str = "/.well-known/oauth-protected-resource";

/// Whether they may.
pub(crate) fn is_on(snapshot: &Snapshot) -> bool {
    snapshot.auth_preference.as_ref().is_some_and(|preference| preference.spec.allows_oauth())
}

/// The MCP server at a path of a proxy, whether there is such a server or not.
pub(crate) fn resource_at(path: &str, public_addr: &str) -> Option<OauthResource> {
    OauthResource::parse(&format!("{}{path}", oauth_issuer(public_addr)), public_addr)
}

/// Where the document about the MCP server at a path is.
pub(crate) fn metadata_of(path: &str, public_addr: &str) -> Option<String> {
    resource_at(path, public_addr)?;
    Some(format!("{}{METADATA_PATH}{path}", oauth_issuer(public_addr)))
}
