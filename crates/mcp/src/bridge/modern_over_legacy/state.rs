//! `requestState`: what a client gives back so that its call goes on.
//!
//! It is sealed over who the client is, which app, which bridge, the method, and a digest of what is called
//! with what. Inside are the number of the call, the number of the round, and the time until which it is good;
//! a round is answered once. (Server requirements of the specification's page on multi round-trip requests.)

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::Request;
use crate::bridge::Seal;
use crate::json::Raw;

/// Bridges are numbered, so that what one sealed is of no use to another.
static BRIDGES: AtomicU64 = AtomicU64::new(0);

/// A digest of what is called with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Salient([u8; 32]);

/// What is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) sort: Sort,
    /// The call.
    pub(super) number: u64,
    pub(super) round: u64,
    pub(super) until: Duration,
}

/// What becomes of the call when the client repeats it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// It goes on.
    Held,
    /// It is sent anew.
    Again,
}

/// Seals states.
pub(super) struct States {
    seal: Arc<dyn Seal>,
    about: Vec<u8>,
}

// === impl Salient ===

impl Salient {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let params = &request.params;
        let text = |raw: Option<Raw<'_>>| {
            // However it is escaped, it is the same name.
            raw.map(|raw| raw.string().map_or_else(|| raw.as_str().to_owned(), Into::into))
        };
        let mut digest = Sha256::new();
        let parts =
            [Some(request.method.as_str().to_owned()), text(params.name()), text(params.uri())];
        let arguments = params.arguments().map(Raw::as_str);
        for part in parts.iter().map(Option::as_deref).chain([arguments]) {
            digest.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

// === impl States ===

impl States {
    pub(super) fn new(about: &[u8], seal: Arc<dyn Seal>) -> Self {
        let number = BRIDGES.fetch_add(1, Ordering::Relaxed);
        Self { seal, about: [&number.to_be_bytes(), about].concat() }
    }

    pub(super) fn seal(&self, state: State, salient: Salient) -> Option<String> {
        let millis = u64::try_from(state.until.as_millis()).ok()?;
        let sort = match state.sort {
            Sort::Held => 0,
            Sort::Again => 1,
        };
        let mut plain = vec![sort];
        for number in [state.number, state.round, millis] {
            plain.extend_from_slice(&number.to_be_bytes());
        }
        self.seal.seal(&plain, &self.about(salient))
    }

    pub(super) fn open(&self, sealed: &str, salient: Salient) -> Option<State> {
        let plain = self.seal.open(sealed, &self.about(salient))?;
        let (sort, rest) = plain.split_first()?;
        let sort = match sort {
            0 => Sort::Held,
            1 => Sort::Again,
            _ => return None,
        };
        let (numbers, rest) = rest.as_chunks::<8>();
        match (numbers, rest) {
            ([number, round, millis], []) => Some(State {
                sort,
                number: u64::from_be_bytes(*number),
                round: u64::from_be_bytes(*round),
                until: Duration::from_millis(u64::from_be_bytes(*millis)),
            }),
            _ => None,
        }
    }

    fn about(&self, salient: Salient) -> Vec<u8> {
        // Of one length, in front: there is one way to take it apart.
        [&salient.0[..], &self.about].concat()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States").finish_non_exhaustive()
    }
}
