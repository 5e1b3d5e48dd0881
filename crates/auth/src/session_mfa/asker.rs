//! Who may ask for a session certificate.

use std::sync::Arc;

use api::Error;
use pki::{PublicKey, UserIdentity, UserKind};
use rustls::pki_types::CertificateDer;

use crate::caller::Caller;
use crate::core::Core;
use crate::cx::OpCx;
use crate::factors::Holder;

/// A person with the certificate of a sign-in.
pub(super) struct Asker<'a> {
    pub(super) user: &'a Arc<UserIdentity>,
    certificate: &'a CertificateDer<'static>,
}

// === impl Asker ===

impl<'a> Asker<'a> {
    /// The caller. Refused: who has no devices, and whose certificate is for less than a sign-in's.
    pub(super) fn of(cx: &'a OpCx) -> Result<Self, Error> {
        let Caller::User(user) = cx.caller() else {
            return Err(Error::denied("only users show a second factor"));
        };
        if user.kind == UserKind::Bot {
            return Err(Error::denied("a bot has no second factor to show").hint(
                "an administrator can give it roles that do not ask for one (require_session_mfa)",
            ));
        }
        if user.app.is_some() || user.visit.is_some() {
            return Err(Error::denied("this certificate is good for one thing only"));
        }
        let certificate = cx.chain().first();
        let certificate = certificate.ok_or_else(|| Error::internal("a user of no certificate"))?;
        Ok(Self { user, certificate })
    }

    /// What tells this certificate from all others.
    pub(super) fn digest(&self) -> String {
        hex::encode(pki::digest_of(&[b"asker", self.certificate.as_ref()]))
    }

    /// Whether a key is that of the certificate.
    pub(super) fn has_key(&self, key: &PublicKey) -> bool {
        let certificate = pki::Certificate::from_der(self.certificate.clone());
        certificate.is_ok_and(|one| one.public_key().is_ok_and(|own| own == *key))
    }

    /// The user with the devices.
    pub(super) async fn holder(&self, core: &Core) -> Result<Holder, Error> {
        Holder::find(core, &self.user.name).await?.ok_or_else(|| {
            Error::denied("this cluster keeps no devices of yours that could be shown as a second factor")
                .hint("your identity provider keeps them; an administrator can give you roles that do not ask for one")
        })
    }
}
