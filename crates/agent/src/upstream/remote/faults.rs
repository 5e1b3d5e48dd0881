//! Who is told what goes wrong with a server that is dialled.

use std::sync::Arc;

use http::StatusCode;
use parking_lot::Mutex;

use crate::served::Served;

/// Who is told.
#[derive(Debug)]
pub(crate) enum Faults {
    /// Whoever looks at the app.
    OfApp(Arc<Served>),
    /// Whoever checks how the server is, and knows what to make of it.
    OfCheck(Arc<Complaint>),
}

/// What went wrong first.
#[derive(Debug, Default)]
pub(crate) struct Complaint(Mutex<Option<(String, Option<StatusCode>)>>);

// === impl Faults ===

impl Faults {
    /// In words, and what the server answered if it was that.
    pub(super) fn note(&self, words: &str, status: Option<StatusCode>) {
        match self {
            Self::OfApp(served) => served.failed(words.to_owned()),
            Self::OfCheck(complaint) => {
                complaint.0.lock().get_or_insert_with(|| (words.to_owned(), status));
            }
        }
    }
}

// === impl Complaint ===

impl Complaint {
    /// What went wrong, if anything did.
    pub(crate) fn words(&self) -> Option<String> {
        self.0.lock().as_ref().map(|(words, _)| words.clone())
    }

    /// Whether the server wants to know who asks.
    pub(crate) fn is_about_who_asks(&self) -> bool {
        let status = self.0.lock().as_ref().and_then(|(_, status)| *status);
        matches!(status, Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN))
    }
}
