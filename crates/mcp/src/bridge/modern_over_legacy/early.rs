//! Questions for roots that came before there was a call: servers ask as soon as a session begins.

use std::time::Duration;

use super::ModernOverLegacy;
use super::held::{Question, question};
use crate::bridge::{Effects, QUESTIONS, write};
use crate::error::code;
use crate::method::name;
use crate::{Id, Request};

/// A question for roots that came before there was a call.
#[derive(Debug)]
pub(super) struct Early {
    /// The server's id.
    id: Id<'static>,
    /// When it is refused.
    until: Duration,
}

/// How long it waits for one: a little less than servers wait for an answer.
const EARLY: Duration = Duration::from_secs(50);

/// The number of no call.
const NO_CALL: u64 = 0;

const UNOWNED: &str = "no request of the client's is open that this could be for";

// === impl ModernOverLegacy ===

impl ModernOverLegacy {
    /// Servers ask for roots as soon as a session begins: that waits for the first call. What else is asked
    /// while there is no call is for nobody.
    pub(super) fn put_off(&mut self, request: &Request<'_>, now: Duration, out: &mut Effects) {
        let method = request.method.as_str();
        let id = request.id.to_static();
        let offered = self.server.offers().allow(method, None).is_ok();
        if method == name::LIST_ROOTS && offered && self.early.len() < QUESTIONS {
            self.by_server.insert(id.clone(), NO_CALL);
            self.early.push(Early { id, until: now + EARLY });
        } else {
            out.server(write::refusal(&id, code::INVALID_REQUEST, UNOWNED));
        }
    }

    /// Asks the client what was asked before there was a call.
    pub(super) fn adopt(&mut self, number: u64, now: Duration, out: &mut Effects) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.salient.is_some()) else {
            return;
        };
        if call.offers.allow(name::LIST_ROOTS, None).is_err() {
            return;
        }
        for early in std::mem::take(&mut self.early) {
            let Some(text) = question(name::LIST_ROOTS, None) else { continue };
            self.kept += text.len();
            self.last += 1;
            self.by_server.insert(early.id.clone(), number);
            let key = format!("input-{}", self.last);
            call.questions.push(Question { id: early.id, key, text });
        }
        if !call.questions.is_empty() {
            self.hold(number, now, out);
        }
    }

    pub(super) fn forget_early(&mut self, id: &Id<'_>) {
        self.early.retain(|early| early.id != *id);
    }

    pub(super) fn early_until(&self) -> impl Iterator<Item = Duration> {
        self.early.iter().map(|early| early.until)
    }

    /// Refuses what has waited long enough.
    pub(super) fn refuse_early(&mut self, now: Duration, out: &mut Effects) {
        let late = |early: &mut Early| early.until <= now;
        for early in self.early.extract_if(.., late) {
            self.by_server.remove(&early.id);
            out.server(write::refusal(&early.id, code::INVALID_REQUEST, UNOWNED));
        }
    }
}
