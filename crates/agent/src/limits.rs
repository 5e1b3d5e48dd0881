//! The bounds of an agent that its operator may set. What a bound is about is said by its name in the configuration
//! file too; the others are constants, each beside what it bounds. `docs/reference/limits.md` lists all.

use std::time::Duration;

/// The bounds that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that the agent serves at a time.
    pub connections: usize,
    /// The most of them that one user has, whatever the apps: the others are for everybody else.
    pub connections_per_user: usize,
    /// So many sessions over HTTP one user may have, whatever the logins and apps: clients that end none of theirs
    /// leave room for what the user does now. One more takes the place of the one that was not used for longest.
    pub sessions_per_user: usize,
    /// So many of them with one app by one login.
    pub sessions_per_app: usize,
    /// The most servers that run at a time.
    pub processes: usize,
    /// The most calls of one session that wait for input of the client's. The one that has waited longest makes
    /// room.
    pub held_calls: usize,
    /// How long such a call waits.
    pub held_call_timeout: Duration,
    /// How long a process may take until it says something, unless its app says otherwise.
    pub start_timeout: Duration,
    /// How long a process may leave unread what it is sent. One that does its calls one after another reads nothing
    /// meanwhile, and tools may take long.
    pub read_timeout: Duration,
    /// How long it may take to connect to a server.
    pub connect_timeout: Duration,
    /// How long a server over HTTP may take to begin its answer, and how long to send what is no stream. Those that
    /// answer as JSON are done with the work by then, and tools may take long.
    pub answer_timeout: Duration,
    /// How long a connection to a server is kept that nobody uses: shorter than common servers keep theirs (Node:
    /// 5 s). A call that meets the server's end of the connection on its way is lost, as it may have been read.
    pub server_idle_timeout: Duration,
    /// A session over HTTP in which nothing happens, and to which nobody listens, ends after so long,
    pub session_idle_timeout: Duration,
    /// or so long when the server has the session itself and the agent keeps little of it.
    pub passing_session_idle_timeout: Duration,
    /// One that is held for clients of the modern era is begun again when it is needed.
    pub held_session_idle_timeout: Duration,
}

// === impl Limits ===

impl Limits {
    /// What holds where the operator says nothing.
    pub const DEFAULT: Self = Self {
        connections: 10_000,
        connections_per_user: 1_000,
        sessions_per_user: 256,
        sessions_per_app: 64,
        processes: 10_000,
        held_calls: mcp::bridge::HELD_CALLS,
        held_call_timeout: mcp::bridge::HELD,
        start_timeout: Duration::from_mins(2),
        read_timeout: Duration::from_mins(10),
        connect_timeout: Duration::from_secs(15),
        answer_timeout: Duration::from_mins(10),
        server_idle_timeout: Duration::from_secs(4),
        session_idle_timeout: Duration::from_hours(2),
        passing_session_idle_timeout: Duration::from_hours(12),
        held_session_idle_timeout: Duration::from_mins(10),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
