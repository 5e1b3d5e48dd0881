//! A bounded memory of certificates that were verified.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use super::path::Window;
use crate::identity::Identity;

/// Successes by the digest of the certificate, in two halves.
///
/// New and used entries are in the young half. When it is full it becomes the old half, and the
/// old one is forgotten: what is in use survives, and nothing needs a list to be kept in order.
#[derive(Default)]
pub(super) struct Cache {
    young: HashMap<Digest, Verified>,
    old: HashMap<Digest, Verified>,
}

type Digest = [u8; 32];
type Verified = (Arc<Identity>, Window);

/// Entries in each half. An identity is about a kilobyte, so 2,048 of them are two megabytes, for
/// as many users at once; one more costs a signature check of some 100 µs.
pub(super) const HALF: usize = 1024;

// === impl Cache ===

impl Cache {
    pub(super) fn find(&mut self, digest: &Digest) -> Option<Verified> {
        if let Some(found) = self.young.get(digest) {
            return Some(found.clone());
        }
        let found = self.old.remove(digest)?;
        self.insert(*digest, found.clone());
        Some(found)
    }

    pub(super) fn insert(&mut self, digest: Digest, verified: Verified) {
        if self.young.len() >= HALF {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(digest, verified);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
