//! Tells the cluster which apps this agent serves, and how that goes: a record for each, renewed
//! before it expires, changed within a second, gone with the app.

use std::collections::BTreeMap;
use std::time::Duration;

use api::{Client, ErrorKind, Write};
use futures_util::StreamExt;
use futures_util::stream;
use resource::{App, AppServer, Kind, Resource};
use runtime::{Backoff, Clock, Tasks};
use tokio::time::{Instant, sleep_until};

use crate::served::{Observed, Table};

/// How often a record is renewed, for an agent of up to a thousand apps.
const RENEW: Duration = Duration::from_secs(20);
/// With more apps than that, records are renewed less often: fifty writes a second are enough for
/// the auth service.
const RENEW_PER_APP: Duration = Duration::from_millis(20);
/// A record outlives so many renewals.
const LIVES: u32 = 3;
/// A record is written at most so often.
const CALM: Duration = Duration::from_millis(200);
/// A record of an app that is just being checked waits so long.
const PATIENCE: Duration = Duration::from_millis(500);
/// So many records are written at a time.
const CONCURRENCY: usize = 16;
/// How long leaving may take.
const FAREWELL: Duration = Duration::from_secs(3);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(5);

/// Publishes what is observed.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) host_id: String,
    pub(crate) hostname: String,
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) table: Table,
    /// What was published, and what is to be taken back.
    pub(crate) published: BTreeMap<String, Published>,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// The last observation that was written; nothing before the first.
    observations: Option<u64>,
    /// When it is to be written again whatever happens.
    due: Instant,
    /// Whether the app is served.
    wanted: bool,
}

/// What to do now.
#[derive(Debug)]
enum Step {
    Write(String, Observed),
    Remove(String),
}

// === impl Heartbeat ===

impl Heartbeat {
    /// Publishes until the group is cancelled, then takes the records back.
    pub(crate) async fn run(mut self, tasks: Tasks) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        while !tasks.is_cancelled() {
            let steps = self.steps(Instant::now());
            let until = match self.carry_out(steps).await {
                Ok(()) => {
                    backoff.reset();
                    self.next_due()
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot tell the cluster which apps are served");
                    Instant::now() + backoff.next_delay()
                }
            };
            tokio::select! {
                () = tasks.cancelled() => break,
                () = sleep_until(until) => {}
                () = self.table.observed() => {}
            }
            tokio::select! {
                () = tasks.cancelled() => break,
                () = tokio::time::sleep(CALM) => {}
            }
        }
        if tokio::time::timeout(FAREWELL, self.leave()).await.is_err() {
            tracing::warn!("records of served apps were left behind; they expire by themselves");
        }
    }

    /// What has to be written and removed now.
    fn steps(&mut self, now: Instant) -> Vec<Step> {
        for record in self.published.values_mut() {
            record.wanted = false;
        }
        let mut steps = Vec::new();
        for (name, served) in self.table.all() {
            let observed = served.observe();
            let first = Published { observations: None, due: now + PATIENCE, wanted: true };
            let record = self.published.entry(name.clone()).or_insert(first);
            record.wanted = true;
            // Nothing is observed of an app before it was checked.
            let news = record.observations.unwrap_or(0) != observed.observations;
            if news || record.due <= now {
                steps.push(Step::Write(name, observed));
            }
        }
        let gone = self.published.iter().filter(|(_, record)| !record.wanted);
        steps.extend(gone.map(|(name, _)| Step::Remove(name.clone())));
        steps
    }

    /// Does what it can; gives one of the errors when there were any.
    async fn carry_out(&mut self, steps: Vec<Step>) -> Result<(), api::Error> {
        let renew = renew_interval(self.published.len());
        let this = &*self;
        let done: Vec<_> = stream::iter(steps)
            .map(|step| async move {
                let outcome = this.attempt(&step, renew).await;
                (step, outcome)
            })
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut failure = Ok(());
        for (step, outcome) in done {
            match (step, outcome) {
                (_, Err(error)) => failure = Err(error),
                (Step::Remove(name), Ok(())) => drop(self.published.remove(&name)),
                (Step::Write(name, observed), Ok(())) => {
                    if let Some(record) = self.published.get_mut(&name) {
                        record.observations = Some(observed.observations);
                        record.due = Instant::now() + renew;
                    }
                }
            }
        }
        failure
    }

    async fn attempt(&self, step: &Step, renew: Duration) -> Result<(), api::Error> {
        match step {
            Step::Write(_, observed) => {
                let record = Resource::AppServer(self.record(observed, renew));
                self.client.put(&record, Write::Upsert).await.map(drop)
            }
            Step::Remove(name) => self.remove(name).await,
        }
    }

    async fn remove(&self, app: &str) -> Result<(), api::Error> {
        let name = format!("{}/{app}", self.host_id);
        match self.client.delete(Kind::AppServer, &name).await {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn leave(&self) {
        stream::iter(self.published.keys())
            .for_each_concurrent(CONCURRENCY, |app| async move {
                if let Err(error) = self.remove(app).await {
                    tracing::debug!(app, %error, "cannot take a record back");
                }
            })
            .await;
    }

    fn record(&self, observed: &Observed, renew: Duration) -> AppServer {
        let app = without_secrets(App::clone(&observed.app));
        let version = env!("CARGO_PKG_VERSION");
        let mut record = AppServer::new(&self.host_id, &self.hostname, version, app);
        record.metadata.expires = Some(self.clock.now() + renew * LIVES);
        record.spec.state = observed.state;
        record.spec.since = Some(observed.since);
        record.spec.connections = observed.connections;
        record.spec.last_error.clone_from(&observed.last_error);
        record
    }

    fn next_due(&self) -> Instant {
        let dues = self.published.values().map(|record| record.due);
        dues.min().unwrap_or_else(|| Instant::now() + RENEW)
    }
}

fn renew_interval(apps: usize) -> Duration {
    RENEW.max(RENEW_PER_APP.saturating_mul(u32::try_from(apps).unwrap_or(u32::MAX)))
}

/// The record tells what is served. What the server is given in confidence is in the app resource,
/// and read there by those who may.
fn without_secrets(mut app: App) -> App {
    if let Some(mcp) = &mut app.spec.mcp {
        mcp.env.clear();
    }
    if let Some(rewrite) = &mut app.spec.rewrite {
        rewrite.headers.clear();
    }
    app
}

#[cfg(test)]
mod tests;
