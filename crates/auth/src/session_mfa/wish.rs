//! For what somebody wants a session certificate.

use api::Error;
use api::wire::SessionWish;
use audit::record::{SessionMfa, UserMetadata};
use audit::{Outcome, Text};
use pki::{BoundApp, PublicKey};
use resource::metadata::check_name;

use super::asker::Asker;
use crate::cx::OpCx;
use crate::{certificate, clusters};

/// One app, and the key of who is to use it.
pub(super) struct Wish {
    wish: SessionWish,
    key: PublicKey,
}

// === impl Wish ===

impl Wish {
    /// Reads what somebody asks for.
    pub(super) fn read(cx: &OpCx, asker: &Asker<'_>, mut wish: SessionWish) -> Result<Self, Error> {
        let key = certificate::read_key(&wish.public_key)?;
        // What is on the disk must not be enough to use what comes of it.
        if asker.has_key(&key) {
            return Err(Error::invalid("the key is that of your certificate; make a new one"));
        }
        // It stands on the page, where nothing else is to be said by it.
        check_name(&wish.app)
            .map_err(|error| Error::invalid(format!("this is no app's name: {error}")))?;
        wish.cluster = wish.cluster.filter(|cluster| *cluster != cx.core().cluster);
        if let Some(cluster) = &wish.cluster {
            clusters::require_remote(cx.core(), cluster)?;
        }
        Ok(Self { wish, key })
    }

    /// The same that was read before.
    pub(super) fn again(wish: SessionWish) -> Result<Self, Error> {
        let key = certificate::read_key(&wish.public_key)?;
        Ok(Self { wish, key })
    }

    pub(super) fn into_kept(self) -> SessionWish {
        self.wish
    }

    pub(super) const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// What the certificate is good for.
    pub(super) fn bound_app(&self) -> BoundApp {
        let app = self.wish.app.clone();
        match self.wish.cluster.clone() {
            None => BoundApp::Here(app),
            Some(cluster) => BoundApp::elsewhere(cluster, app),
        }
    }

    /// What is recorded.
    pub(super) fn event<'a>(
        &'a self,
        user: &'a UserMetadata,
        outcome: Outcome<'a>,
        client: Option<&'a str>,
    ) -> SessionMfa<'a> {
        SessionMfa {
            user,
            app_name: Text::new(&self.wish.app),
            target_cluster: self.wish.cluster.as_deref(),
            outcome,
            with_mfa: None,
            machine: None,
            expires: None,
            remote_addr: client,
        }
    }
}
