//! One connection of a client to an app: one task from beginning to end.

mod denied;
mod io;

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mcp::error::{self, code};
use mcp::framing::LineError;
use mcp::limits::{ADDED_BYTES, Limits};
use mcp::message::Message;
use mcp::method::name;
use policy::Permit;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

pub(crate) use self::denied::Denied;
use self::io::{Io, Moved};
use crate::agent::Shared;
use crate::authorize::Grant;
use crate::end::{End, Reason};
use crate::launch::{Ended, Outcome};
use crate::newest::Newest;
use crate::outbox::Outbox;
use crate::record::Recorder;
use crate::relay::{FromClient, FromServer, Relay, unrecorded};
use crate::served::{Connection, Served};
use crate::upstream::{self, By, Opening, Upstream};

/// A client that writes no more waits at most so long for the answers that are due,
const LAST_ANSWERS: Duration = Duration::from_secs(60);
/// and when none is due, the server has so long to end by itself.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// One connection.
pub(crate) struct Session {
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
    pub(crate) grant: Grant,
    pub(crate) served: Arc<Served>,
    pub(crate) recorder: Recorder,
    /// Tells of changes that decisions rest on.
    pub(crate) changes: watch::Receiver<u64>,
    /// Counted for as long as this lives.
    pub(crate) connection: Connection,
    way: Way,
    brought: Newest,
    io: Io,
    relay: Relay,
    /// When the client last wrote.
    active: Instant,
    /// Since when it writes no more.
    quiet_since: Option<Instant>,
}

/// Why a session is over.
enum Cause {
    End(End),
    /// How is to be found out.
    ServerEnded,
}

impl<E: Into<End>> From<E> for Cause {
    fn from(end: E) -> Self {
        Self::End(end.into())
    }
}

/// How the messages of a client come to its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As lines, as the client wrote them.
    Lines,
    /// Each in a request of its own, and from there as lines; names in them may be ours.
    Http,
}

/// What a session is made of, beside its ends.
pub(crate) struct Parts {
    pub(crate) way: Way,
    pub(crate) shared: Arc<Shared>,
    pub(crate) id: String,
    pub(crate) grant: Grant,
    pub(crate) served: Arc<Served>,
    pub(crate) recorder: Recorder,
    /// What the client has for the server itself.
    pub(crate) brought: Newest,
}

// === impl Session ===

impl Session {
    pub(crate) fn new(parts: Parts, body: api::Body, out: Outbox) -> Self {
        let Parts { way, shared, id, grant, served, recorder, brought } = parts;
        let added = match way {
            Way::Lines => 0,
            Way::Http => ADDED_BYTES,
        };
        Self {
            changes: shared.changes.clone(),
            connection: served.connect(),
            way,
            io: Io::new(body, out, added),
            relay: Relay::new(shared.tasks_of(&grant)),
            active: Instant::now(),
            quiet_since: None,
            shared,
            id,
            grant,
            served,
            recorder,
            brought,
        }
    }

    /// Serves the connection to its end, and ends what was started for it.
    pub(crate) async fn run(mut self) {
        let end = match self.serve().await {
            Cause::End(end) => end,
            Cause::ServerEnded => self.judge().await,
        };
        tracing::debug!(
            session = self.id,
            app = self.grant.app.name(),
            reason = end.reason.as_str(),
            message = end.message,
            "session ended"
        );
        for id in self.relay.abandon() {
            // `tsh mcp connect` reads the reason: another connection may answer instead.
            let data = Some(serde_json::json!({ "end": end.reason.as_str() }));
            let answer = error::response(Some(&id), code::INTERNAL_ERROR, &end.message, data);
            self.io.out.push_line(&answer);
        }
        if let Err(error) = self.record_end(&end).await {
            tracing::error!(%error, session = self.id, "cannot record the end of a session");
        }
        let Io { out, upstream, .. } = self.io;
        out.finish(end.trailers());
        if let Some(upstream) = upstream {
            upstream.end().await;
        }
        drop(self.connection);
    }

    async fn record_end(&mut self, end: &End) -> std::io::Result<()> {
        self.recorder.started(self.relay.handshake()).await?;
        self.recorder.ended(end).await
    }

    async fn serve(&mut self) -> Cause {
        let mut draining = pin!(self.shared.tasks.cancelled());
        loop {
            let over = self.deadlines();
            let moved = tokio::select! {
                biased;
                () = &mut draining => return End::draining().into(),
                end = over.passed(&self.shared.clock) => return end.into(),
                changed = self.changes.changed() => match changed {
                    Ok(()) => Moved::Nothing,
                    // Whoever tells of changes ends with the agent.
                    Err(_gone) => return End::draining().into(),
                },
                moved = std::future::poll_fn(|cx| self.io.poll(cx)) => moved,
            };
            if let Err(cause) = self.attend(moved).await {
                return cause;
            }
        }
    }

    async fn attend(&mut self, moved: Moved) -> Result<(), Cause> {
        match moved {
            Moved::Nothing => drop(self.decide_again()?),
            Moved::ClientWrote => {
                self.active = Instant::now();
                while let Some(line) = self.io.next_client_line() {
                    self.client_line(line).await?;
                }
            }
            Moved::ServerWrote => {
                while let Some(line) = self.io.upstream.as_mut().and_then(Upstream::next_line) {
                    self.server_line(line).await?;
                }
            }
            Moved::ClientEnded => {
                self.quiet_since = Some(Instant::now());
                if let Err(error) = self.io.finish_client_lines() {
                    let words = error.to_string();
                    self.io.out.push_line(&error::response(
                        None,
                        code::INVALID_REQUEST,
                        &words,
                        None,
                    ));
                }
                match &mut self.io.upstream {
                    Some(upstream) => upstream.end_input(),
                    None => return Err(End::client_done().into()),
                }
            }
            Moved::ClientGone => return Err(End::client_done().into()),
            Moved::ServerEnded => return Err(Cause::ServerEnded),
        }
        Ok(())
    }

    /// Every message is decided by what is known when it passes. Says whether that is not what was known.
    fn decide_again(&mut self) -> Result<bool, Cause> {
        let changed = self.shared.authorizer.renew(&mut self.grant)?;
        if changed {
            self.take_back();
        }
        Ok(changed)
    }

    /// What a bridge may send again, when its user has answered a question of the server's or after a while,
    /// ends if it would not be let through now. What the server has once goes on.
    fn take_back(&mut self) {
        let Some(upstream) = self.io.upstream.as_mut().filter(|one| one.sends_again()) else {
            return;
        };
        for (id, answer) in self.relay.revoked(&self.grant.access) {
            let params = serde_json::json!({"requestId": id.to_json()});
            upstream.answer(&error::notification(name::CANCELLED, params));
            self.io.out.push_line(&answer);
        }
    }

    async fn client_line(&mut self, line: Result<Bytes, LineError>) -> Result<(), Cause> {
        self.decide_again()?;
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                let words = error.to_string();
                let answer = error::response(None, code::INVALID_REQUEST, &words, None);
                let event = self.recorder.unreadable(&[], None, &words).ok();
                self.refuse(&answer, event).await;
                return Ok(());
            }
        };
        let messages = match self.relay.read(&line, &Limits::CLIENT) {
            Ok(messages) => messages,
            Err(refused) => {
                let words = refused.to_string();
                let event = self.recorder.unreadable(&line, refused.id.as_ref(), &words).ok();
                self.refuse(&refused.response(), event).await;
                return Ok(());
            }
        };
        for message in &messages {
            self.client_message(message).await?;
        }
        Ok(())
    }

    async fn client_message(&mut self, message: &Message<'_>) -> Result<(), Cause> {
        self.decide_again()?;
        match self.relay.client(message, &self.grant.access, &self.recorder) {
            FromClient::Drop => {}
            FromClient::Answer { answer, event } => self.refuse(&answer, event).await,
            FromClient::Forward { permit, event, begins } => {
                if let Err(error) = self.record(event, begins).await {
                    if let Some(id) = self.relay.withdraw(message) {
                        self.io.out.push_line(&unrecorded(&id, &error));
                    }
                    return Ok(());
                }
                self.upstream().await?;
                let Some(permit) = self.confirm(permit, message).await? else { return Ok(()) };
                let text = mcp::framing::line(message.text.as_bytes());
                self.upstream().await?.forward(permit, &text);
            }
        }
        Ok(())
    }

    /// Recording a message and starting a server take their time. What has become known meanwhile
    /// decides a request anew.
    async fn confirm(
        &mut self,
        permit: Permit<'static>,
        message: &Message<'_>,
    ) -> Result<Option<Permit<'static>>, Cause> {
        if !self.shared.authorizer.renew(&mut self.grant)? {
            return Ok(Some(permit));
        }
        // This one first: it is open and was not sent.
        let was_open = self.relay.withdraw(message).is_some();
        self.take_back();
        if !was_open {
            return Ok(Some(permit));
        }
        match self.relay.client(message, &self.grant.access, &self.recorder) {
            FromClient::Forward { permit, .. } => return Ok(Some(permit)),
            FromClient::Answer { answer, event } => self.refuse(&answer, event).await,
            FromClient::Drop => {}
        }
        Ok(None)
    }

    async fn refuse(&mut self, answer: &[u8], event: Option<audit::Event>) {
        if let Some(event) = event
            && let Err(error) = self.recorder.write(&event).await
        {
            tracing::error!(%error, "cannot record a refusal");
        }
        self.io.out.push_line(answer);
    }

    /// Records before anything happens. The record of the start comes first, but for the request that
    /// begins the session: it waits for what the server says of itself.
    async fn record(&mut self, event: Option<audit::Event>, begins: bool) -> std::io::Result<()> {
        if !begins {
            self.recorder.started(self.relay.handshake()).await?;
        }
        match event {
            Some(event) => self.recorder.write(&event).await,
            None => Ok(()),
        }
    }

    async fn server_line(&mut self, line: Result<Bytes, LineError>) -> Result<(), Cause> {
        self.decide_again()?;
        let line = match line {
            Ok(line) => line,
            Err(error) => return self.oversize(error),
        };
        // Servers print banners and worse; what is no message concerns no client.
        let messages = match self.relay.read(&line, &Limits::SERVER) {
            Ok(messages) => messages,
            Err(refused) => {
                let bytes = line.len();
                tracing::debug!(session = self.id, bytes, "the server wrote no message");
                if let Some(answer) = self.relay.unreadable(&line, &refused) {
                    self.io.out.push_line(&answer);
                }
                return Ok(());
            }
        };
        for message in &messages {
            if self.relay.lists_tools(message) {
                self.served.target().listed_tools(message);
            }
            match self.relay.server(message, &self.grant.access) {
                FromServer::Pass(bytes) => self.io.out.push_line(&mcp::framing::line(&bytes)),
                FromServer::Begun(bytes) => {
                    if self.recorder.started(self.relay.handshake()).await.is_err() {
                        return Err(End::not_recorded().into());
                    }
                    self.io.out.push_line(&mcp::framing::line(&bytes));
                }
                FromServer::Answer(answer) => {
                    if let Some(upstream) = &mut self.io.upstream {
                        upstream.answer(&answer);
                    }
                }
                FromServer::Drop => {
                    tracing::debug!(session = self.id, "a message of the server's was withheld");
                }
            }
        }
        Ok(())
    }

    /// The server wrote a line that is too long: nobody can tell which request it answers, unless
    /// there is only one.
    fn oversize(&mut self, error: LineError) -> Result<(), Cause> {
        let message = format!("the MCP server's answer cannot be passed on: {error}");
        match self.relay.take_only() {
            Some(id) => {
                let answer = error::response(Some(&id), code::INTERNAL_ERROR, &message, None);
                self.io.out.push_line(&answer);
                Ok(())
            }
            None if self.relay.is_settled() => Ok(()),
            None => Err(End::limit(message).into()),
        }
    }

    /// The server, started when it is first needed: by then there is a record of the session.
    async fn upstream(&mut self) -> Result<&mut Upstream, Cause> {
        if self.io.upstream.is_none() {
            let upstream = self.start().await?;
            self.io.upstream = Some(upstream);
        }
        self.io.upstream.as_mut().ok_or(Cause::ServerEnded)
    }

    async fn start(&mut self) -> Result<Upstream, End> {
        let opening = Opening {
            shared: &self.shared,
            served: &self.served,
            by: By::Client(&self.grant),
            session: &self.id,
            way: self.way,
            brought: &self.brought,
        };
        upstream::open(opening).await.map_err(|message| {
            self.served.failed(message.clone());
            End::new(Reason::StartFailed, message)
        })
    }

    /// The server has ended by itself: finds out how.
    async fn judge(&mut self) -> End {
        let Some(upstream) = self.io.upstream.take() else { return End::client_done() };
        if let Some((reason, message)) = upstream.over() {
            self.served.failed(message.clone());
            upstream.end().await;
            return End::new(reason, message);
        }
        let Ended { outcome, last_words } = upstream.end().await;
        let message = outcome.to_string();
        if outcome == (Outcome::Exited { code: 0 }) {
            return if self.quiet_since.is_some() {
                End::client_done()
            } else {
                End::new(Reason::ServerEnded, message)
            };
        }
        // What the server wrote to its error stream is for administrators.
        self.served.failed(match &last_words {
            Some(words) => format!("{message}; its last words: {words}"),
            None => message.clone(),
        });
        let reason = match outcome {
            Outcome::NotStarted { .. } => Reason::StartFailed,
            _ => Reason::ServerEnded,
        };
        End { detail: last_words, ..End::new(reason, message) }
    }

    fn deadlines(&self) -> Deadlines {
        let wait = if self.relay.is_settled() { LAST_WORDS } else { LAST_ANSWERS };
        Deadlines {
            ends: self.grant.ends,
            idle: self.grant.idle_timeout.map(|timeout| self.active + timeout),
            quiet: self.quiet_since.map(|since| since + wait),
        }
    }
}

/// When a connection ends whatever happens.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    ends: Option<OffsetDateTime>,
    idle: Option<Instant>,
    quiet: Option<Instant>,
}

// === impl Deadlines ===

impl Deadlines {
    /// Waits for the first; for ever, and at no cost, when there is none.
    async fn passed(self, clock: &runtime::Clock) -> End {
        let Self { ends, idle, quiet } = self;
        if ends.is_none() && idle.is_none() && quiet.is_none() {
            return std::future::pending().await;
        }
        let until: Pin<Box<dyn Future<Output = ()> + Send + '_>> = match ends {
            Some(end) => Box::pin(clock.sleep_until(end)),
            None => Box::pin(std::future::pending()),
        };
        tokio::select! {
            () = until => End::expired(),
            () = at(idle) => End::idle(),
            () = at(quiet) => End::client_done(),
        }
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
