//! A change of a user's devices that is under way.

use api::Error;
use api::wire::{MfaDeviceKind, TotpEnrolment};
use bytes::Bytes;
use resource::Secret;
use serde::{Deserialize, Serialize};
use store::{Item, Revision, Write};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::core::Core;
use crate::credentials::Credentials;
use crate::factors::Holder;
use crate::{fault, keys, totp};

/// How long a change may take.
const LIFE: Duration = Duration::minutes(10);
/// The longest text that is looked up.
const MAX_TOKEN: usize = 128;

/// A change of a user's devices that is under way.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) user: String,
    /// What names the user's credentials: a reset makes others.
    handle: Uuid,
    /// Where it was begun.
    pub(super) client: Option<String>,
    pub(super) action: Action,
    /// The device that comes of it.
    new_id: String,
    place: Place,
    /// Whether one of the user's factors was shown.
    pub(super) verified: bool,
    /// The device that was shown, if it was one.
    shown_by: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    pub(super) expires: OffsetDateTime,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) enum Action {
    Add {
        kind: MfaDeviceKind,
        name: Option<String>,
        /// The secret of the new authenticator app, if it is one, base32.
        secret: String,
    },
    Remove {
        device: String,
        name: String,
    },
}

/// Where a change goes on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Its page was not opened yet.
    Nowhere,
    /// In the browser with this cookie, hashed.
    Browser(String),
    /// In a terminal, by the certificate of this sign-in.
    Terminal(String),
}

// === impl Change ===

impl Change {
    pub(super) fn new(
        core: &Core,
        holder: &Holder,
        client: Option<String>,
        action: Action,
        place: Place,
    ) -> Self {
        let new_id = Uuid::new_v4().to_string();
        let expires = core.clock.now() + LIFE;
        let (user, handle) = (holder.user.name().to_owned(), holder.credentials.handle);
        let (verified, shown_by) = (false, None);
        Self { user, handle, client, action, new_id, place, verified, shown_by, expires }
    }

    /// Keeps it; gives what names it.
    pub(super) async fn create(&self, core: &Core) -> Result<String, Error> {
        let token = hex::encode(rand::random::<[u8; 32]>());
        let kept = core
            .records
            .store()
            .create(&keys::mfa_change(&token)?, self.encode()?, Some(self.expires))
            .await;
        kept.map(|_revision| token).map_err(|error| fault::store(&error))
    }

    /// The change at a page. Whoever opens the page first has it; others are told that it is over.
    pub(super) async fn at_page(
        core: &Core,
        token: &str,
        binding: &str,
    ) -> Result<(Self, Revision), Error> {
        let (mut change, item) = find(core, token).await?;
        let here = Place::Browser(keys::digest(&["browser", binding]));
        match &change.place {
            place if *place == here => Ok((change, item.revision)),
            Place::Nowhere => {
                change.place = here;
                let revision = change.replace(core, token, item.revision).await?;
                Ok((change, revision))
            }
            Place::Browser(_) | Place::Terminal(_) => Err(dead()),
        }
    }

    /// The change in the terminal where it was begun.
    pub(super) async fn at_terminal(
        core: &Core,
        token: &str,
        session: &str,
    ) -> Result<Self, Error> {
        let (change, _item) = find(core, token).await?;
        match &change.place {
            Place::Terminal(begun) if begun == session => Ok(change),
            _ => Err(dead()),
        }
    }

    /// Notes that one of the user's factors was shown.
    pub(super) async fn verified(
        mut self,
        core: &Core,
        token: &str,
        device: Option<String>,
        revision: Revision,
    ) -> Result<(), Error> {
        self.verified = true;
        self.shown_by = device;
        self.replace(core, token, revision).await.map(drop)
    }

    async fn replace(
        &self,
        core: &Core,
        token: &str,
        revision: Revision,
    ) -> Result<Revision, Error> {
        let key = keys::mfa_change(token)?;
        let expires = Some(self.expires);
        match core.records.store().compare_and_swap(&key, &revision, self.encode()?, expires).await
        {
            Ok(revision) => Ok(revision),
            Err(store::Error::Conflict { .. } | store::Error::NotFound { .. }) => Err(dead()),
            Err(error) => Err(fault::store(&error)),
        }
    }

    /// The write that ends it: of all that try, one does.
    pub(super) async fn removal(&self, core: &Core, token: &str) -> Result<Write, Error> {
        let (_change, item) = find(core, token).await?;
        Ok(Write::delete_if(item.key, item.revision))
    }

    /// The device that was shown when that was asked for.
    pub(super) const fn shown_by(&self) -> Option<&String> {
        self.shown_by.as_ref()
    }

    /// Whether it was begun under these credentials.
    pub(super) fn is_of(&self, credentials: &Credentials) -> bool {
        self.handle == credentials.handle
    }

    /// The device that is added or removed.
    pub(super) fn device_id(&self) -> &str {
        match &self.action {
            Action::Add { .. } => &self.new_id,
            Action::Remove { device, .. } => device,
        }
    }

    /// What it is called, if it has a name.
    pub(super) fn device_name(&self) -> &str {
        match &self.action {
            Action::Add { name, .. } => name.as_deref().unwrap_or_default(),
            Action::Remove { name, .. } => name,
        }
    }

    /// What to set up the new authenticator app with.
    pub(super) fn enrolment(&self, core: &Core, secret: &str) -> Result<TotpEnrolment, Error> {
        let secret = Secret::new(secret.to_owned());
        totp::shown(&secret, &core.cluster, &self.user)
    }

    fn encode(&self) -> Result<Bytes, Error> {
        serde_json::to_vec(self).map(Bytes::from).map_err(Error::internal)
    }
}

/// Questions to keys are for this change alone.
pub(super) fn scope(token: &str) -> String {
    format!("mfa {token}")
}

async fn find(core: &Core, token: &str) -> Result<(Change, Item), Error> {
    if token.len() > MAX_TOKEN {
        return Err(dead());
    }
    match core.records.store().get(&keys::mfa_change(token)?).await {
        Ok(item) => {
            let change = serde_json::from_slice(&item.value).map_err(Error::internal)?;
            Ok((change, item))
        }
        Err(store::Error::NotFound { .. }) => Err(dead()),
        Err(error) => Err(fault::store(&error)),
    }
}

/// Done, expired, or never begun: nobody is told which.
pub(super) fn dead() -> Error {
    Error::not_found("this change of devices is over: it was done, has expired, or is another's")
        .hint("begin again with `tsh mfa`")
}
