//! `limits` of a service: bounds that an operator may set, each within a range of its own.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

use resource::decode::{Reader, Table};
use resource::duration;

/// A number that may be set.
#[derive(Debug)]
pub(super) struct Count {
    pub(super) name: &'static str,
    range: RangeInclusive<u32>,
}

/// A length of time that may be set.
#[derive(Debug)]
pub(super) struct Time {
    pub(super) name: &'static str,
    range: RangeInclusive<Duration>,
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const fn count(name: &'static str, least: u32, most: u32) -> Count {
    Count { name, range: least..=most }
}

const fn time(name: &'static str, least: Duration, most: Duration) -> Time {
    Time { name, range: least..=most }
}

const CONNECTIONS: Count = count("connections", 1, 100_000);
const CONNECTIONS_PER_USER: Count = count("connections_per_user", 1, 100_000);
const SESSIONS_PER_USER: Count = count("sessions_per_user", 1, 100_000);
const SESSIONS_PER_APP: Count = count("sessions_per_app", 1, 100_000);
const PROCESSES: Count = count("processes", 1, 100_000);
const HELD_CALLS: Count = count("held_calls", 1, 1_024);
const HELD_CALL_TIMEOUT: Time = time("held_call_timeout", SECOND, DAY);
const START_TIMEOUT: Time = time("start_timeout", SECOND, HOUR);
const READ_TIMEOUT: Time = time("read_timeout", SECOND, DAY);
const CONNECT_TIMEOUT: Time = time("connect_timeout", SECOND, HOUR);
const ANSWER_TIMEOUT: Time = time("answer_timeout", SECOND, DAY);
const SERVER_IDLE_TIMEOUT: Time = time("server_idle_timeout", SECOND, HOUR);
const SESSION_IDLE_TIMEOUT: Time = time("session_idle_timeout", SECOND, DAY);
const PASSING_SESSION_IDLE_TIMEOUT: Time = time("passing_session_idle_timeout", SECOND, DAY);
const HELD_SESSION_IDLE_TIMEOUT: Time = time("held_session_idle_timeout", SECOND, DAY);

const PROXY_CONNECTIONS: Count = count("connections", 1, 1_000_000);
const SIGN_IN_ATTEMPTS: Count = count("sign_in_attempts_per_minute", 1, 10_000);

/// `app_service.limits`.
pub(super) fn of_agent(service: &mut Table<'_>) -> Option<agent::Limits> {
    let default = agent::Limits::DEFAULT;
    let Some(reader) = service.field("limits") else { return Some(default) };
    reader.table(|table| {
        // Every one is read, so that all mistakes are told.
        let connections = CONNECTIONS.read(table, default.connections);
        let connections_per_user = CONNECTIONS_PER_USER.read(table, default.connections_per_user);
        let sessions_per_user = SESSIONS_PER_USER.read(table, default.sessions_per_user);
        let sessions_per_app = SESSIONS_PER_APP.read(table, default.sessions_per_app);
        let processes = PROCESSES.read(table, default.processes);
        let held_calls = HELD_CALLS.read(table, default.held_calls);
        let held_call_timeout = HELD_CALL_TIMEOUT.read(table, default.held_call_timeout);
        let start_timeout = START_TIMEOUT.read(table, default.start_timeout);
        let read_timeout = READ_TIMEOUT.read(table, default.read_timeout);
        let connect_timeout = CONNECT_TIMEOUT.read(table, default.connect_timeout);
        let answer_timeout = ANSWER_TIMEOUT.read(table, default.answer_timeout);
        let server_idle_timeout = SERVER_IDLE_TIMEOUT.read(table, default.server_idle_timeout);
        let session_idle_timeout = SESSION_IDLE_TIMEOUT.read(table, default.session_idle_timeout);
        let passing =
            PASSING_SESSION_IDLE_TIMEOUT.read(table, default.passing_session_idle_timeout);
        let held = HELD_SESSION_IDLE_TIMEOUT.read(table, default.held_session_idle_timeout);
        Some(agent::Limits {
            connections: connections?,
            connections_per_user: connections_per_user?,
            sessions_per_user: sessions_per_user?,
            sessions_per_app: sessions_per_app?,
            processes: processes?,
            held_calls: held_calls?,
            held_call_timeout: held_call_timeout?,
            start_timeout: start_timeout?,
            read_timeout: read_timeout?,
            connect_timeout: connect_timeout?,
            answer_timeout: answer_timeout?,
            server_idle_timeout: server_idle_timeout?,
            session_idle_timeout: session_idle_timeout?,
            passing_session_idle_timeout: passing?,
            held_session_idle_timeout: held?,
        })
    })
}

/// `proxy_service.limits`.
pub(super) fn of_proxy(service: &mut Table<'_>) -> Option<proxy::Limits> {
    let default = proxy::Limits::DEFAULT;
    let Some(reader) = service.field("limits") else { return Some(default) };
    reader.table(|table| {
        let connections = PROXY_CONNECTIONS.read(table, default.connections);
        let attempts = match table.field(SIGN_IN_ATTEMPTS.name) {
            Some(reader) => SIGN_IN_ATTEMPTS.within(reader).and_then(NonZeroU32::new),
            None => Some(default.sign_in_attempts),
        };
        Some(proxy::Limits { connections: connections?, sign_in_attempts: attempts? })
    })
}

// === impl Count ===

impl Count {
    fn read(&self, table: &mut Table<'_>, default: usize) -> Option<usize> {
        match table.field(self.name) {
            Some(reader) => usize::try_from(self.within(reader)?).ok(),
            None => Some(default),
        }
    }

    fn within(&self, reader: Reader<'_>) -> Option<u32> {
        let (least, most) = (self.range.start(), self.range.end());
        let what = format!("a whole number from {least} to {most}");
        let number = reader.node().as_scalar().and_then(|scalar| scalar.integer());
        let number = number.and_then(|number| u32::try_from(number).ok());
        match number.filter(|number| self.range.contains(number)) {
            Some(number) => Some(number),
            None => reader.expected(&what),
        }
    }
}

// === impl Time ===

impl Time {
    fn read(&self, table: &mut Table<'_>, default: Duration) -> Option<Duration> {
        let Some(reader) = table.field(self.name) else { return Some(default) };
        let time: Duration = reader.read()?;
        if self.range.contains(&time) {
            return Some(time);
        }
        let (least, most) = (self.range.start(), self.range.end());
        let (least, most) = (duration::format(*least), duration::format(*most));
        reader.expected(&format!("a time from {least} to {most}"))
    }
}

#[cfg(test)]
mod tests;
