//! One statement: at hand, being fetched, or not to be had at the moment.

use std::sync::Arc;
use std::time::Duration;

use api::wire;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use runtime::{Clock, Tasks};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Assertion, NoAssertion, PATIENCE};

/// A statement is shown to nobody when it ends so soon: it has to arrive and be looked at.
const MARGIN: Duration = Duration::from_secs(5);
/// How long after a failure nothing is fetched.
pub(super) const PAUSE: Duration = Duration::from_secs(5);

/// One statement, and what is being done about it.
#[derive(Debug)]
pub(super) struct Cell {
    /// Guards the state; held for a look.
    state: Mutex<State>,
    /// Counts what was fetched, or was not.
    settled: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    current: Option<Arc<Assertion>>,
    is_fetching: bool,
    failure: Option<(NoAssertion, Instant)>,
}

/// A fetch under way. However it ends, those who wait are told.
struct Flight {
    cell: Arc<Cell>,
    outcome: Option<Result<Assertion, NoAssertion>>,
}

type Fetch = BoxFuture<'static, Result<wire::Assertion, api::Error>>;

// === impl Cell ===

impl Default for Cell {
    fn default() -> Self {
        Self { state: Mutex::default(), settled: watch::channel(0).0 }
    }
}

impl Cell {
    /// The statement at hand, or the one that `fetch` begins to fetch.
    pub(super) async fn get(
        self: &Arc<Self>,
        tasks: &Tasks,
        clock: &Clock,
        fetch: impl Fn() -> Result<Fetch, NoAssertion>,
    ) -> Result<Arc<Assertion>, NoAssertion> {
        let mut settled = self.settled.subscribe();
        loop {
            let (good, flight) = {
                let mut state = self.state.lock();
                let now = clock.now();
                let good = state.current.clone().filter(|found| found.valid_until - MARGIN > now);
                match good {
                    Some(found) if now < found.renew_at || !state.may_fetch() => return Ok(found),
                    None if !state.may_fetch() && !state.is_fetching => {
                        return Err(state.refusal());
                    }
                    good => (good, state.take_off(self)),
                }
            };
            if let Some(flight) = flight {
                let fetch = fetch()?;
                let clock = clock.clone();
                tasks.spawn_until_cancelled("agent.assertion", flight.run(fetch, clock));
            }
            if let Some(good) = good {
                return Ok(good);
            }
            // The sender lives in the cell.
            _ = settled.changed().await;
        }
    }

    fn land(&self, outcome: Result<Assertion, NoAssertion>) {
        let mut state = self.state.lock();
        state.is_fetching = false;
        match outcome {
            Ok(assertion) => {
                state.current = Some(Arc::new(assertion));
                state.failure = None;
            }
            Err(error) => state.failure = Some((error, Instant::now() + PAUSE)),
        }
        drop(state);
        self.settled.send_modify(|count| *count += 1);
    }
}

// === impl State ===

impl State {
    /// Whether nothing is being fetched, and the last failure is long enough ago.
    fn may_fetch(&self) -> bool {
        let is_paused = self.failure.as_ref().is_some_and(|(_, until)| Instant::now() < *until);
        !self.is_fetching && !is_paused
    }

    fn take_off(&mut self, cell: &Arc<Cell>) -> Option<Flight> {
        let may = self.may_fetch();
        self.is_fetching |= may;
        may.then(|| Flight { cell: cell.clone(), outcome: None })
    }

    fn refusal(&self) -> NoAssertion {
        let failure = self.failure.as_ref().map(|(error, _)| error.clone());
        failure.unwrap_or(NoAssertion::Stopped)
    }
}

// === impl Flight ===

impl Flight {
    async fn run(mut self, fetch: Fetch, clock: Clock) {
        let outcome = match timeout(PATIENCE, fetch).await {
            Ok(Ok(signed)) => Assertion::read(&signed, clock.now()),
            Ok(Err(error)) => Err(NoAssertion::Refused(error.message().to_owned())),
            Err(_elapsed) => Err(NoAssertion::Late),
        };
        if let Err(error) = &outcome {
            tracing::warn!(%error, "a user is not vouched for towards an upstream");
        }
        self.outcome = Some(outcome);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.cell.land(self.outcome.take().unwrap_or(Err(NoAssertion::Stopped)));
    }
}
