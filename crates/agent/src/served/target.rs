//! An app as it is registered once, and what is known of its server since.

use std::sync::Arc;

use mcp::{Era, Revision};
use parking_lot::Mutex;
use resource::App;
use resource::app::Protocol;

use crate::agent::Shared;
use crate::dial::Dialler;

/// An app as connections get it. Registering it anew makes another.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) app: Arc<App>,
    /// Guards the client for HTTP; held for a look or a copy.
    dialler: Mutex<Option<Arc<Dialler>>>,
    /// Guards what was found out; held for a look or a change.
    speech: Mutex<Option<Speech>>,
}

/// What a server was found to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speech {
    /// The legacy era; over HTTP, streamable.
    Legacy,
    /// The legacy era over HTTP with a stream of events beside it.
    Sse,
    Modern,
}

// === impl Target ===

impl Target {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, dialler: Mutex::new(None), speech: Mutex::new(None) }
    }

    /// The era that the server speaks, as far as it is known: the app says so, or it was found out.
    pub(crate) fn era(&self) -> Option<Era> {
        let pinned = self.app.spec.mcp.as_ref().and_then(|mcp| mcp.protocol);
        match pinned {
            Some(Protocol::Legacy) => Some(Era::Legacy),
            Some(Protocol::Modern) => Some(Era::Modern),
            Some(Protocol::Revision(date)) => Revision::parse(date).map(Revision::era),
            None => self.speech().map(Speech::era),
        }
    }

    /// What the server was found to speak.
    pub(crate) fn speech(&self) -> Option<Speech> {
        *self.speech.lock()
    }

    /// What it speaks was found out, or is not true any more.
    pub(crate) fn learn(&self, speech: Option<Speech>) {
        *self.speech.lock() = speech;
    }

    /// The client for the app's server, made when it is first needed.
    ///
    /// # Errors
    /// What is wrong with the app, for its administrator.
    pub(crate) async fn dialler(&self, shared: &Shared) -> Result<Arc<Dialler>, String> {
        if let Some(dialler) = self.dialler.lock().clone()
            && !dialler.is_stale()
        {
            return Ok(dialler);
        }
        let (app, egress) = (self.app.clone(), shared.egress.clone());
        let tasks = shared.tasks.clone();
        let made = shared
            .tasks
            .spawn_blocking("agent.dial", move || Dialler::new(&app, &egress, &tasks))
            .await
            .map_err(|_broken_off| "the agent stops".to_owned())?;
        let made = Arc::new(made?);
        *self.dialler.lock() = Some(made.clone());
        Ok(made)
    }
}

// === impl Speech ===

impl Speech {
    pub(crate) const fn era(self) -> Era {
        match self {
            Self::Legacy | Self::Sse => Era::Legacy,
            Self::Modern => Era::Modern,
        }
    }
}
