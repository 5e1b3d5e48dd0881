//! That a token, or the proof that was shown with it, is good for so many joins and no more: the last step
//! before a certificate is handed out.
//!
//! A use is counted in the very write that the token is compared in, so that of two who come at once for
//! the last use one is let in. What is counted cannot be given back: an answer may be lost on its way. So it
//! is remembered for a while for whom it was counted, and who asks again, for the same key, is let in as who
//! it became before. Nobody else can use what is certified for that key.

use std::time::Duration;

use api::{Error, ErrorKind};
use bytes::Bytes;
use resource::{Kind, Resource, Token};
use store::Write;

use super::admission::{Admission, Refusal};
use crate::core::Core;
use crate::records::Condition;
use crate::{fault, keys};

/// For how long whoever joined may ask again: a service that lost the answer tries every half minute.
const AGAIN: Duration = Duration::from_secs(10 * 60);
/// How often a use is tried to be counted while others are being counted.
const MAX_RETRIES: usize = 32;

/// A join that was counted.
pub(crate) struct Counted {
    pub(crate) admission: Admission,
    /// Who it is: whom it was counted for, the first time.
    pub(crate) id: String,
}

// === impl Admission ===

impl Admission {
    /// Counts a join of somebody, who is to be known as `id`, by the digest of the key that is certified.
    pub(crate) async fn spend(
        mut self,
        core: &Core,
        key: &str,
        id: &str,
    ) -> Result<Counted, Refusal> {
        let store = core.records.store();
        for _ in 0..MAX_RETRIES {
            let (writes, known) = match self.writes(core, key, id).await {
                Ok(writes) => writes,
                Err(error) => return Err(self.refuse(error)),
            };
            let id = known.unwrap_or_else(|| id.to_owned());
            if writes.is_empty() {
                return Ok(Counted { admission: self, id });
            }
            match store.write(writes).await {
                Ok(_revisions) => return Ok(Counted { admission: self, id }),
                Err(store::Error::AlreadyExists { key }) if self.is_proof(&key) => {
                    return Err(self.refuse(used_proof()));
                }
                // Somebody else was counted, or the token is not what it was.
                Err(
                    store::Error::AlreadyExists { .. }
                    | store::Error::Conflict { .. }
                    | store::Error::NotFound { .. },
                ) => match read_again(core, &self.token).await {
                    Ok(token) => self.token = token,
                    Err(error) => return Err(self.refuse(error)),
                },
                Err(error) => return Err(self.refuse(fault::store(&error))),
            }
        }
        Err(self.refuse(Error::unavailable("too many join with this token at the moment")))
    }

    /// What is to be written for the use to count, and who it was counted for before.
    async fn writes(
        &self,
        core: &Core,
        key: &str,
        id: &str,
    ) -> Result<(Vec<Write>, Option<String>), Error> {
        let mut writes = Vec::new();
        if let Some((proof, until)) = self.workload.as_ref().and_then(|found| found.once.clone()) {
            writes.push(Write::create(proof, Bytes::new(), Some(until)));
        }
        let Some(left) = self.token.uses_left() else { return Ok((writes, None)) };
        let store = core.records.store();
        let mark = keys::join_use(&self.token.metadata.name, key)?;
        match store.get(&mark).await {
            Ok(item) => {
                let id = String::from_utf8(item.value.to_vec()).map_err(Error::internal)?;
                return Ok((writes, Some(id)));
            }
            Err(store::Error::NotFound { .. }) => {}
            Err(error) => return Err(fault::store(&error)),
        }
        if left == 0 {
            return Err(used_up(&self.token));
        }
        let mut counted = self.token.clone();
        counted.status.used = counted.status.used.saturating_add(1);
        let Some(revision) = counted.metadata.revision.clone() else {
            return Err(Error::internal("a stored token has no revision"));
        };
        writes.push(core.records.writing(&counted.into(), Condition::At(revision))?);
        let until = core.clock.now() + AGAIN;
        writes.push(Write::create(mark, Bytes::from(id.to_owned()), Some(until)));
        Ok((writes, None))
    }

    fn is_proof(&self, key: &store::Key) -> bool {
        let once = self.workload.as_ref().and_then(|workload| workload.once.as_ref());
        once.is_some_and(|(proof, _until)| proof == key)
    }
}

/// The token, if it still is what somebody was let in by.
async fn read_again(core: &Core, before: &Token) -> Result<Token, Error> {
    let found = core.records.find(Kind::Token, &before.metadata.name).await?;
    let Some(Resource::Token(token)) = found else {
        return Err(Error::new(ErrorKind::Unauthenticated, "the join token is not valid any more"));
    };
    if token.spec != before.spec || token.metadata.expires != before.metadata.expires {
        return Err(Error::unavailable("the join token was changed meanwhile"));
    }
    Ok(token)
}

fn used_up(token: &Token) -> Error {
    let uses = token.spec.uses.unwrap_or_default();
    let times = if uses == 1 { "once".to_owned() } else { format!("{uses} times") };
    Error::new(
        ErrorKind::Unauthenticated,
        format!("the join token is used up: it was good for joining {times}"),
    )
    .hint("`tctl tokens add` on the auth host makes a new one")
}

fn used_proof() -> Error {
    Error::new(
        ErrorKind::Unauthenticated,
        "the workload's token was used before, and each is good for one join",
    )
}
