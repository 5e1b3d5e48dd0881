//! An app as it is registered once, and what is known of its server since.

use std::sync::Arc;
use std::time::Duration;

use mcp::header::Learned;
use mcp::message::Message;
use mcp::{Body, Era, Outcome, Refused, Request, Revision};
use parking_lot::Mutex;
use resource::app::Protocol;
use resource::{App, Transport};
use tokio::time::Instant;

use crate::agent::Shared;
use crate::dial::Dialler;
use crate::tools::Book;

/// Servers change without being registered anew: what HTTP clients were told is asked again after so long,
const FRESH: Duration = Duration::from_mins(5);
/// and of one that said nothing in time after so long: it may only have been slow.
const FRESH_SILENCE: Duration = Duration::from_secs(15);

/// An app as connections get it. Registering it anew makes another.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) app: Arc<App>,
    /// How the app says that its server is reached: read once, asked for by every request.
    transport: Option<Transport>,
    /// Guards the client for HTTP; held for a look or a copy.
    dialler: Mutex<Option<Arc<Dialler>>>,
    /// Guards what was found out; held for a look or a change.
    speech: Mutex<Option<Speech>>,
    /// Guards what HTTP clients of both eras were told; held for a look or a change.
    direct: Mutex<Direct>,
    /// Guards which headers calls of its tools need; held for one message.
    learned: Mutex<Learned>,
    /// The tools that the app's server was seen to offer, however it was registered before.
    tools: Arc<Book>,
}

/// Whether clients can be passed on to a server that may well speak both eras, and when that was found out.
#[derive(Clone, Copy, Debug, Default)]
struct Direct {
    modern: Option<(bool, Instant)>,
    silent: Option<Instant>,
    refuses_initialize: Option<Instant>,
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
    pub(super) fn new(app: Arc<App>, tools: Arc<Book>) -> Self {
        Self {
            transport: app.transport(),
            app,
            dialler: Mutex::new(None),
            speech: Mutex::new(None),
            direct: Mutex::default(),
            learned: Mutex::default(),
            tools,
        }
    }

    /// How the server is reached; nothing when the app is no MCP server.
    pub(crate) const fn transport(&self) -> Option<&Transport> {
        self.transport.as_ref()
    }

    /// What the app says that the server speaks.
    fn pinned(&self) -> Option<Era> {
        match self.app.spec.mcp.as_ref().and_then(|mcp| mcp.protocol)? {
            Protocol::Legacy => Some(Era::Legacy),
            Protocol::Modern => Some(Era::Modern),
            Protocol::Revision(date) => Revision::parse(date).map(Revision::era),
        }
    }

    /// Whether requests of the modern era can be passed on, if that is known.
    pub(crate) fn takes_modern(&self) -> Option<bool> {
        let Direct { modern, silent, .. } = *self.direct.lock();
        let found = modern.filter(|(_, at)| at.elapsed() < FRESH).map(|(modern, _)| modern);
        let silent = silent.filter(|at| at.elapsed() < FRESH_SILENCE).map(|_| false);
        self.pinned().map(|era| era == Era::Modern).or(found).or(silent)
    }

    pub(crate) fn found_modern(&self, modern: bool) {
        let mut direct = self.direct.lock();
        direct.modern = Some((modern, Instant::now()));
        direct.silent = None;
    }

    /// It did not say in time whether it speaks the modern era. Nothing is learned from that.
    pub(crate) fn found_silent(&self) {
        self.direct.lock().silent = Some(Instant::now());
    }

    /// What was found out of it is not true any more: it is asked again.
    pub(crate) fn doubt(&self) {
        let mut direct = self.direct.lock();
        direct.modern = None;
        direct.silent = None;
    }

    /// Whether sessions of the legacy era can be passed on, as far as is known.
    pub(crate) fn takes_initialize(&self) -> bool {
        let refused = self.direct.lock().refuses_initialize;
        let refuses = refused.is_some_and(|at| at.elapsed() < FRESH);
        let older = self.speech() == Some(Speech::Sse);
        self.pinned().map_or(!refuses, |era| era == Era::Legacy) && !older
    }

    pub(crate) fn found_refusing_initialize(&self) {
        self.direct.lock().refuses_initialize = Some(Instant::now());
    }

    /// The era that the server speaks, as far as it is known: the app says so, or it was found out.
    pub(crate) fn era(&self) -> Option<Era> {
        self.pinned().or_else(|| self.speech().map(Speech::era))
    }

    /// What the server was found to speak.
    pub(crate) fn speech(&self) -> Option<Speech> {
        *self.speech.lock()
    }

    /// What it speaks was found out, or is not true any more.
    pub(crate) fn learn(&self, speech: Option<Speech>) {
        *self.speech.lock() = speech;
    }

    /// Notes what a message of the server's says of the headers that calls need.
    pub(crate) fn learn_headers(&self, message: &[u8]) {
        self.learned.lock().learn(message);
    }

    /// Takes note of a list of tools as the server gave it, before anything is left out.
    pub(crate) fn listed_tools(&self, message: &Message<'_>) {
        self.learn_headers(message.text.as_bytes());
        if let Body::Response(response) = &message.body
            && let Outcome::Result(answer) = &response.outcome
        {
            self.tools.saw(answer.raw());
        }
    }

    /// Checks what the headers of a call, those that repeat arguments, say of them as far as that is known.
    pub(crate) fn check_headers(
        &self,
        request: &Request<'_>,
        headers: &[(&str, &[u8])],
    ) -> Result<(), Refused> {
        self.learned.lock().check(request, headers)
    }

    /// The headers that a call needs beside those of every request.
    pub(crate) fn headers_of(&self, request: &Request<'_>) -> Vec<(String, String)> {
        self.learned.lock().headers(request)
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
        let (limits, tasks) = (shared.limits, shared.tasks.clone());
        let made = shared
            .tasks
            .spawn_blocking("agent.dial", move || Dialler::new(&app, &egress, &limits, &tasks))
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
