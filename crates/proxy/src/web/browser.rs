//! A browser that opens a page or sends a form, as far as a proxy knows it.

use std::sync::Arc;

use api::Error;
use axum::extract::rejection::ExtensionRejection;
use axum::extract::{Extension, FromRequestParts};
use http::HeaderMap;
use http::request::Parts;

use super::admit;
use crate::connection::Peer;
use crate::service::Web;

/// What every page needs of a request.
pub(super) struct Browser {
    pub(super) web: Arc<Web>,
    pub(super) headers: HeaderMap,
    peer: Arc<Peer>,
}

// === impl Browser ===

impl Browser {
    /// Lets an attempt to sign in through, or not yet.
    pub(super) fn admit(&self) -> Result<(), Error> {
        admit(&self.web, &self.peer).map_err(|failure| failure.0)
    }

    /// The same for what goes on once somebody has signed in for a client.
    pub(super) fn admit_consent(&self) -> Result<(), Error> {
        if self.web.oauth_attempts.admit(self.peer.address.ip()) {
            return Ok(());
        }
        Err(super::too_many())
    }

    /// Where it comes from, for the auth service.
    pub(super) fn address(&self) -> String {
        self.peer.address.to_string()
    }
}

impl FromRequestParts<Arc<Web>> for Browser {
    type Rejection = ExtensionRejection;

    async fn from_request_parts(
        parts: &mut Parts,
        web: &Arc<Web>,
    ) -> Result<Self, ExtensionRejection> {
        let Extension(peer) = Extension::from_request_parts(parts, web).await?;
        Ok(Self { web: web.clone(), headers: parts.headers.clone(), peer })
    }
}
