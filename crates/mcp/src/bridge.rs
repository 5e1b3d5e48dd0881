//! Bridges between the eras: a client of one and a server of the other speak with each other.
//!
//! A bridge is a state machine from lines to lines. It does no I/O and has no clock: whoever owns it hands in
//! what either side wrote, carries what comes out, and wakes it when it asks for that. Towards the client it
//! is a server of the client's era, towards the server a client of the server's.
//!
//! [`LegacyOverModern`] has a client that starts with `initialize` and a server that knows only requests that
//! stand alone; [`ModernOverLegacy`] the other way round. [`Finding`] finds out which of them is needed, if any. What is not about the era (names, arguments,
//! contents) is carried as it was written: members are put in, replaced or left out on the text.
//!
//! # What both promise
//!
//! * Every request of the client's is answered once, unless the client takes it back or the server never
//!   answers. Answers go to the request they belong to; what belongs to none goes nowhere.
//! * Ids are the bridge's own towards the other side, counted upwards and never used twice.
//! * Whatever either side sends, memory is bounded by the constants here and nothing panics.

mod capabilities;
mod finding;
mod kept;
mod legacy_over_modern;
mod level;
mod modern_over_legacy;
mod splice;
#[cfg(test)]
mod testing;
mod write;

use std::fmt;
use std::time::Duration;

use crate::Id;

pub use self::finding::{ASKING, Finding, Known};
pub use self::legacy_over_modern::LegacyOverModern;
pub use self::modern_over_legacy::ModernOverLegacy;

/// The most messages of a client that wait until the server has said what it is,
pub const WAITING_MESSAGES: usize = 256;
/// and so many bytes of them.
pub const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// How long a server may take to say what it is.
pub const GREETING: Duration = Duration::from_secs(30);

/// How often one call may ask for input before it is given up.
pub const ROUNDS: u32 = 32;

/// The most that one call may ask for at once.
pub const QUESTIONS: usize = 32;

/// So many bytes of calls, questions and answers are kept in case the server asks for input. A call above that is
/// carried all the same, but cannot be repeated.
pub const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The most calls of a modern client that wait for its input while the server waits for them. The one that
/// has waited longest makes room.
pub const HELD_CALLS: usize = 64;

/// How long a held call waits for the client to repeat it.
pub const HELD: Duration = Duration::from_secs(600);

/// How many calls are held, and for how long: [`HELD_CALLS`] and [`HELD`], unless the owner wants it otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holding {
    /// The most calls.
    pub calls: usize,
    /// How long each of them waits.
    pub time: Duration,
}

impl Default for Holding {
    fn default() -> Self {
        Self { calls: HELD_CALLS, time: HELD }
    }
}

/// Reports of progress that are kept for a call that is held, and how long one may be.
pub const MISSED_REPORTS: usize = 32;
/// See [`MISSED_REPORTS`]; in bytes.
pub const MISSED_BYTES: usize = 4 * 1024;

/// The most subscriptions of a client at once.
pub const SUBSCRIPTIONS: usize = 256;

/// The longest that a legacy client may be in saying who it is and what it can do, and a legacy server in saying
/// who it is: the other side is told with every message.
pub const INTRODUCTION_BYTES: usize = 64 * 1024;

/// The most resources that are watched at once, counted for each subscription of a client.
pub const WATCHED: usize = 4_096;

/// The first pause before something that a server put off or ended is tried again; it doubles
pub const PAUSE: Duration = Duration::from_millis(250);
/// up to this.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What is to be sent, in order: messages, each on one line, without line ends.
#[derive(Default)]
pub struct Effects {
    /// To the client.
    pub to_client: Vec<Vec<u8>>,
    /// To the server.
    pub to_server: Vec<Vec<u8>>,
}

/// A client of one era over a server of the other.
///
/// `now` is the time since a moment of the owner's choosing that stays the same, by a clock that does not run
/// backwards. Messages longer than [`crate::limits::MESSAGE_BYTES`] are refused.
pub trait Bridge: fmt::Debug + Send {
    /// A message from the client.
    fn client(&mut self, line: &[u8], now: Duration) -> Effects;

    /// A message from the server.
    fn server(&mut self, line: &[u8], now: Duration) -> Effects;

    /// A message from the server that came on the stream of a request of ours, where there are such streams: it is
    /// about that request.
    fn server_on(&mut self, line: &[u8], stream: &Id<'_>, now: Duration) -> Effects {
        _ = stream;
        self.server(line, now)
    }

    /// When to call [`Bridge::wake`], unless something else happens before.
    fn wake_at(&self) -> Option<Duration>;

    /// Does what is due.
    fn wake(&mut self, now: Duration) -> Effects;

    /// Whether no request of the client's is open and nothing waits to be sent: the client may as well have gone.
    fn is_settled(&self) -> bool;

    /// The server has lost its session with us, and a new one can be opened: begins it. `unsent` are messages
    /// of ours that the server refused for that reason, so that they can be sent again. Says whether that can
    /// be done at all.
    fn reopen(&mut self, unsent: Vec<Vec<u8>>, now: Duration) -> Option<Effects>;
}

/// Authenticated encryption by a key that nobody else has.
pub trait Seal: Send + Sync {
    /// Hides `plain` and binds it to `about`. The text is of characters that need no escape in JSON. Nothing
    /// when the system has no randomness to give.
    fn seal(&self, plain: &[u8], about: &[u8]) -> Option<String>;

    /// What was hidden; nothing when the text is not from here, was altered, or is about something else.
    fn open(&self, sealed: &str, about: &[u8]) -> Option<Vec<u8>>;
}

// === impl Effects ===

impl Effects {
    fn client(&mut self, line: Vec<u8>) {
        self.to_client.push(line);
    }

    fn server(&mut self, line: Vec<u8>) {
        self.to_server.push(line);
    }

    fn add(&mut self, mut other: Self) {
        self.to_client.append(&mut other.to_client);
        self.to_server.append(&mut other.to_server);
    }
}

/// Messages can be secret: only how many there are is shown.
impl fmt::Debug for Effects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Effects")
            .field("to_client", &self.to_client.len())
            .field("to_server", &self.to_server.len())
            .finish()
    }
}

/// The next pause after this one.
fn longer(pause: Duration) -> Duration {
    pause.saturating_mul(2).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
