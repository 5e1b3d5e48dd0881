//! Making calls, one after the other on each connection, and noting how long each takes.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::upstream::{Exchange, FIRST_ID};

/// A connection that is used.
#[derive(Debug)]
pub(crate) struct Client {
    connection: Connection,
    next_id: u64,
}

/// How calls went.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// How long each took, in nanoseconds.
    latencies: Vec<u64>,
    /// For how long calls were made.
    elapsed: Duration,
}

// === impl Client ===

impl Client {
    /// Begins a session.
    pub(crate) async fn new(mut connection: Connection) -> anyhow::Result<Self> {
        connection.shake_hands().await?;
        Ok(Self::ready(connection))
    }

    /// Of a connection that needs no session, or has begun one.
    pub(crate) fn ready(connection: Connection) -> Self {
        Self { connection, next_id: FIRST_ID }
    }

    /// The process at the other end, if it is one.
    pub(crate) fn pid(&self) -> Option<u32> {
        self.connection.pid()
    }

    async fn call_until(
        &mut self,
        exchange: &Exchange,
        end: Instant,
        left: &Cell<usize>,
    ) -> anyhow::Result<Vec<u64>> {
        let mut latencies = Vec::new();
        let mut start = Instant::now();
        while start < end && left.get() > 0 {
            left.set(left.get() - 1);
            let id = self.next_id;
            self.next_id += 1;
            let request = exchange.request(id);
            start = Instant::now();
            let answer = self.connection.call(&request).await?;
            let took = start.elapsed();
            latencies.push(u64::try_from(took.as_nanos())?);
            exchange.check(id, &answer)?;
        }
        Ok(latencies)
    }
}

// === impl Tally ===

impl Tally {
    /// Lets every client make calls, each the next when the last is answered, for some time and no
    /// more than some calls in all.
    pub(crate) async fn round(
        &mut self,
        clients: &mut [Client],
        exchange: &Exchange,
        time: Duration,
        most: usize,
    ) -> anyhow::Result<()> {
        let (start, left) = (Instant::now(), Cell::new(most));
        let calls = clients.iter_mut().map(|one| one.call_until(exchange, start + time, &left));
        let latencies = try_join_all(calls).await?;
        self.elapsed += start.elapsed();
        self.latencies.extend(latencies.into_iter().flatten());
        Ok(())
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> usize {
        self.latencies.len()
    }

    /// Calls per second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// The latencies, in microseconds, that these parts in a hundred of the calls did not exceed.
    pub(crate) fn percentiles<const N: usize>(&mut self, percents: [usize; N]) -> [f64; N] {
        self.latencies.sort_unstable();
        let last = self.latencies.len().saturating_sub(1);
        percents.map(|percent| {
            let at = (last * percent).div_ceil(100);
            self.latencies.get(at).copied().unwrap_or_default() as f64 / 1000.0
        })
    }
}
