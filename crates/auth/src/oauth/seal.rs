//! Texts that only the auth services of this cluster can have made. The key is in the store, made by whoever needs it
//! first: without it, all that was ever made is good for nothing.

use api::{
    Error, MAX_OAUTH_TOKEN, OAUTH_ACCESS_PREFIX, OAUTH_CLIENT_PREFIX, OAUTH_CODE_PREFIX,
    OAUTH_REFRESH_PREFIX,
};
use bytes::Bytes;
use pki::Sealer;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use store::Key;
use time::OffsetDateTime;

use super::MAX_CLIENT_ID;
use crate::core::Core;
use crate::{fault, keys};

/// What a text is for. One is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sealed {
    Code,
    Access,
    Refresh,
    Client,
}

/// What codes and tokens say.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ticket {
    /// The grant that it is of.
    #[serde(rename = "g")]
    pub(super) grant: String,
    /// Which one of the grant it is: codes and refresh tokens are good in their turn.
    #[serde(rename = "t")]
    pub(super) turn: u64,
    /// Unix time in seconds.
    #[serde(rename = "e")]
    ends: i64,
}

/// Makes such texts, and reads them.
pub(super) struct Seal(Sealer);

/// Has another key seal codes and tokens from now on: those that were made are good for nothing.
pub(crate) async fn renew(core: &Core) -> Result<(), Error> {
    match core.records.store().delete(&keys::oauth_seal()?).await {
        Ok(()) | Err(store::Error::NotFound { .. }) => Ok(()),
        Err(error) => Err(fault::store(&error)),
    }
}

// === impl Sealed ===

impl Sealed {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Code => OAUTH_CODE_PREFIX,
            Self::Access => OAUTH_ACCESS_PREFIX,
            Self::Refresh => OAUTH_REFRESH_PREFIX,
            Self::Client => OAUTH_CLIENT_PREFIX,
        }
    }

    const fn longest(self) -> usize {
        match self {
            Self::Client => MAX_CLIENT_ID,
            Self::Code | Self::Access | Self::Refresh => MAX_OAUTH_TOKEN,
        }
    }
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(grant: &str, turn: u64, ends: OffsetDateTime) -> Self {
        Self { grant: grant.to_owned(), turn, ends: ends.unix_timestamp() }
    }

    /// When it ends.
    pub(super) fn ends(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.ends).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

// === impl Seal ===

impl Seal {
    /// By the cluster's key for codes and tokens as it is now. It changes when the cluster's keys have.
    pub(super) async fn of(core: &Core) -> Result<Self, Error> {
        Self::by(core, keys::oauth_seal()?).await
    }

    /// By the cluster's key for what clients register, which outlasts that: what is sealed opens nothing.
    pub(super) async fn of_clients(core: &Core) -> Result<Self, Error> {
        Self::by(core, keys::oauth_clients()?).await
    }

    async fn by(core: &Core, place: Key) -> Result<Self, Error> {
        let store = core.records.store();
        let found = match store.get(&place).await {
            Ok(item) => item.value,
            Err(store::Error::NotFound { .. }) => {
                let made = Bytes::from(rand::random::<[u8; 32]>().to_vec());
                match store.create(&place, made.clone(), None).await {
                    Ok(_revision) => made,
                    // Somebody else was first.
                    Err(store::Error::AlreadyExists { .. }) => {
                        store.get(&place).await.map_err(|error| fault::store(&error))?.value
                    }
                    Err(error) => return Err(fault::store(&error)),
                }
            }
            Err(error) => return Err(fault::store(&error)),
        };
        let key: &[u8; 32] = found
            .as_ref()
            .try_into()
            .map_err(|_error| Error::internal("the key of OAuth is none"))?;
        Sealer::with_key(key).map(Self).map_err(Error::internal)
    }

    pub(super) fn close(&self, kind: Sealed, what: &impl Serialize) -> Result<String, Error> {
        let plain = serde_json::to_vec(what).map_err(Error::internal)?;
        let prefix = kind.prefix();
        let sealed = self.0.seal(&plain, prefix.as_bytes()).map_err(Error::internal)?;
        Ok(format!("{prefix}{sealed}"))
    }

    /// What a text says; nothing if it was not made here, or for something else.
    pub(super) fn open<T: DeserializeOwned>(&self, kind: Sealed, text: &str) -> Option<T> {
        let prefix = kind.prefix();
        let sealed = text.strip_prefix(prefix).filter(|_| text.len() <= kind.longest())?;
        let plain = self.0.open(sealed, prefix.as_bytes())?;
        serde_json::from_slice(&plain).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(key: u8) -> Seal {
        Seal(Sealer::with_key(&[key; 32]).unwrap())
    }

    #[test]
    fn a_text_is_good_for_what_it_was_made_for_by_the_key_that_it_was_made_by() {
        let grant = uuid::Uuid::new_v4().to_string();
        let ticket = Ticket::new(&grant, u64::MAX, OffsetDateTime::UNIX_EPOCH);
        let text = seal(1).close(Sealed::Access, &ticket).unwrap();
        assert!(text.len() <= MAX_OAUTH_TOKEN && !text.contains('.'), "{text}");
        assert_eq!(seal(1).open::<Ticket>(Sealed::Access, &text).unwrap().grant, grant);
        assert!(seal(2).open::<Ticket>(Sealed::Access, &text).is_none(), "of another key");
        for (kind, prefix) in [
            (Sealed::Code, OAUTH_CODE_PREFIX),
            (Sealed::Refresh, OAUTH_REFRESH_PREFIX),
            (Sealed::Client, OAUTH_CLIENT_PREFIX),
        ] {
            let renamed = text.replace(OAUTH_ACCESS_PREFIX, prefix);
            assert!(seal(1).open::<Ticket>(kind, &text).is_none());
            assert!(seal(1).open::<Ticket>(kind, &renamed).is_none(), "{kind:?}");
        }
        let mut shorter = text;
        while shorter.pop().is_some() {
            assert!(seal(1).open::<Ticket>(Sealed::Access, &shorter).is_none());
        }
    }
}
