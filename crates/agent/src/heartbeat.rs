//! Tells the cluster which apps this agent serves, and how that goes: a record for each, told within a
//! second when it changes, gone with the app. All of them live for as long as the agent is heard of.

use std::collections::BTreeMap;
use std::time::Duration;

use api::wire::{self, HeartbeatReceipt};
use api::{
    Client, ErrorKind, HEARTBEAT_INTERVAL, MAX_HEARTBEAT_BYTES, MAX_HEARTBEAT_ITEMS, Replica,
    app_domain,
};
use resource::{App, AppServer};
use runtime::{Backoff, Tasks};
use serde_json::value::{RawValue, to_raw_value};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep_until};

use crate::labels::{Told, ToldLabels};
use crate::served::{Observed, Table};

/// Something is told at most so often.
const CALM: Duration = Duration::from_millis(200);
/// A record of an app that is just being checked waits so long.
const PATIENCE: Duration = Duration::from_millis(500);
/// That a server was looked at once more, and is as it was, is told so often: with many apps and agents there
/// would be nothing else to write.
const CHECKED: Duration = Duration::from_mins(10);
/// How long leaving may take.
const FAREWELL: Duration = Duration::from_secs(3);
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(5);

/// Publishes what is observed.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) host_id: String,
    pub(crate) hostname: String,
    pub(crate) cluster: String,
    /// Knows the proxies, below whose name apps are offered.
    pub(crate) replica: Replica,
    pub(crate) client: Client,
    pub(crate) table: Table,
    pub(crate) labels: ToldLabels,
    /// Below which name apps are offered that say none themselves; empty before the first look.
    pub(crate) domain: String,
    /// What was published, and what is to be taken back.
    pub(crate) published: BTreeMap<String, Published>,
}

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Published {
    /// The last observation that was told; nothing before the first.
    observations: Option<u64>,
    /// Of which registration it was: what is registered anew counts anew.
    number: Option<u64>,
    /// The number of connections that was told.
    connections: u64,
    /// When the server was last looked at, as that was told.
    checked: Option<OffsetDateTime>,
    /// When it is told even if nothing was observed, if it was not told at all.
    due: Instant,
    /// Whether the app is served.
    wanted: bool,
}

/// What to tell now.
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
        let mut renewal = Instant::now();
        let mut recalled = false;
        while !tasks.is_cancelled() {
            let now = Instant::now();
            let due = now >= renewal;
            self.look_at_domain(now);
            let steps = self.steps(now, due);
            let mut until = self.first_due(renewal);
            if due || !steps.is_empty() {
                until = match self.tell(steps, !recalled).await {
                    Ok(mut receipt) => {
                        backoff.reset();
                        // Before the first time there was nothing to be forgotten.
                        receipt.lapsed &= std::mem::replace(&mut recalled, true);
                        renewal = Instant::now() + HEARTBEAT_INTERVAL;
                        self.take_note(receipt);
                        self.first_due(renewal)
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot tell the cluster which apps are served");
                        Instant::now() + backoff.next_delay()
                    }
                };
            }
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
        let farewell = wire::Heartbeat { leaving: true, ..wire::Heartbeat::default() };
        match tokio::time::timeout(FAREWELL, self.client.heartbeat(&farewell)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "records of served apps are left behind"),
            Err(_elapsed) => tracing::warn!("records of served apps are left behind"),
        }
    }

    /// Tells everything again once apps are offered below another name. That the proxies are gone for a
    /// moment is no reason.
    fn look_at_domain(&mut self, now: Instant) {
        let snapshot = self.replica.snapshot();
        if !self.domain.is_empty() && snapshot.proxies.is_empty() {
            return;
        }
        let domain = app_domain(&snapshot, &self.cluster);
        if domain != self.domain {
            self.domain = domain;
            for record in self.published.values_mut() {
                record.observations = None;
                record.due = now;
            }
        }
    }

    /// What has to be told now; when the agent is to be heard of anyway, how many connections there are
    /// as well.
    fn steps(&mut self, now: Instant, renewing: bool) -> Vec<Step> {
        for record in self.published.values_mut() {
            record.wanted = false;
        }
        let mut steps = Vec::new();
        for (name, served) in self.table.all() {
            let observed = served.observe();
            let record = self
                .published
                .entry(name.clone())
                .or_insert_with(|| Published::new(now + PATIENCE));
            record.wanted = true;
            if record.number.replace(observed.number).is_some_and(|told| told != observed.number) {
                record.observations = None;
                record.due = now + PATIENCE;
            }
            let news = match record.observations {
                Some(told) => {
                    told != observed.observations || (renewing && record.differs(&observed))
                }
                // Nothing is observed of an app before it was checked.
                None => observed.observations != 0 || record.due <= now,
            };
            if news {
                steps.push(Step::Write(name, observed));
            }
        }
        if self.table.is_complete() {
            let gone = self.published.iter().filter(|(_, record)| !record.wanted);
            steps.extend(gone.map(|(name, _)| Step::Remove(name.clone())));
        }
        steps
    }

    /// Tells what it can, at least that it is there; gives one of the errors when there were any.
    async fn tell(
        &mut self,
        steps: Vec<Step>,
        recall: bool,
    ) -> Result<HeartbeatReceipt, api::Error> {
        let mut all = HeartbeatReceipt::default();
        let mut outcome = Ok(());
        let mut batch = Batch { recall, ..Batch::default() };
        let mut batches = Vec::new();
        for step in steps {
            let record = match &step {
                Step::Write(_, observed) => {
                    let record = self.record(observed).to_json();
                    Some(to_raw_value(&record).map_err(api::Error::internal)?)
                }
                Step::Remove(_) => None,
            };
            if !batch.has_room(record.as_deref()) {
                batches.push(std::mem::take(&mut batch));
            }
            batch.push(step, record);
        }
        batches.push(batch);
        // What one of many records is refused for must not keep the others from being told.
        while let Some(batch) = batches.pop() {
            match self.client.heartbeat(&batch.heartbeat()).await {
                Ok(receipt) => {
                    all.lapsed |= receipt.lapsed;
                    all.apps.extend(receipt.apps);
                    batch.steps.into_iter().for_each(|step| self.told(step));
                }
                Err(error)
                    if error.kind() == ErrorKind::InvalidArgument && batch.steps.len() > 1 =>
                {
                    batches.extend(batch.split());
                }
                Err(error) if error.kind() == ErrorKind::InvalidArgument => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        outcome.map(|()| all)
    }

    /// Takes note of what was told.
    fn told(&mut self, step: Step) {
        match step {
            Step::Remove(name) => drop(self.published.remove(&name)),
            Step::Write(name, observed) => {
                if let Some(record) = self.published.get_mut(&name) {
                    record.observations = Some(observed.observations);
                    record.connections = observed.connections;
                    record.checked = checked(&observed);
                }
            }
        }
    }

    /// Takes note of an answer.
    fn take_note(&mut self, receipt: HeartbeatReceipt) {
        let now = Instant::now();
        // Records of an earlier run: they stay until it is known whether their apps are served.
        for name in receipt.apps {
            self.published.entry(name).or_insert_with(|| Published::new(now + PATIENCE));
        }
        if receipt.lapsed {
            tracing::info!(
                "the cluster had not heard of this agent for too long; telling all again"
            );
            for record in self.published.values_mut() {
                record.observations = None;
                record.due = now;
            }
        }
    }

    /// When something is to be told, if nothing happens.
    fn first_due(&self, renewal: Instant) -> Instant {
        let untold = self.published.values().filter(|record| record.observations.is_none());
        let dues = untold.filter(|record| record.wanted).map(|record| record.due);
        dues.chain([renewal]).min().unwrap_or(renewal)
    }

    fn record(&self, observed: &Observed) -> AppServer {
        let mut app = without_secrets(App::clone(&observed.app));
        // Decisions follow what is registered, even where its server cannot be had yet.
        let told = self.labels.of(app.name());
        let newest = observed.newest.with_results(told.as_deref().unwrap_or(&Told::new()));
        app.metadata.labels = newest.metadata.labels;
        app.spec.dynamic_labels = newest.spec.dynamic_labels;
        if app.spec.public_addr.is_empty() {
            app.spec.public_addr = app.host_below(&self.domain).unwrap_or_default();
        }
        let version = env!("CARGO_PKG_VERSION");
        let mut record = AppServer::new(&self.host_id, &self.hostname, version, app);
        record.spec.state = observed.state;
        record.spec.since = Some(observed.since);
        record.spec.connections = observed.connections;
        record.spec.last_error.clone_from(&observed.last_error);
        record.spec.health.clone_from(&observed.health);
        record
    }
}

/// What is told at a time.
#[derive(Debug, Default)]
struct Batch {
    steps: Vec<Step>,
    records: Vec<Option<Box<RawValue>>>,
    size: usize,
    recall: bool,
}

// === impl Batch ===

impl Batch {
    fn has_room(&self, record: Option<&RawValue>) -> bool {
        let size = self.size + record.map_or(0, |record| record.get().len());
        self.steps.is_empty()
            || (self.steps.len() < MAX_HEARTBEAT_ITEMS && size <= MAX_HEARTBEAT_BYTES)
    }

    fn push(&mut self, step: Step, record: Option<Box<RawValue>>) {
        self.size += record.as_ref().map_or(0, |record| record.get().len());
        self.steps.push(step);
        self.records.push(record);
    }

    fn heartbeat(&self) -> wire::Heartbeat {
        let gone = self.steps.iter().filter_map(|step| match step {
            Step::Remove(name) => Some(name.clone()),
            Step::Write(..) => None,
        });
        wire::Heartbeat {
            records: self.records.iter().flatten().cloned().collect(),
            gone: gone.collect(),
            recall: self.recall,
            leaving: false,
        }
    }

    /// The same as one batch for each step.
    fn split(self) -> impl Iterator<Item = Self> {
        let recall = self.recall;
        self.steps.into_iter().zip(self.records).map(move |(step, record)| {
            let mut batch = Self { recall, ..Self::default() };
            batch.push(step, record);
            batch
        })
    }
}

// === impl Published ===

impl Published {
    fn new(due: Instant) -> Self {
        Self { observations: None, number: None, connections: 0, checked: None, due, wanted: true }
    }

    /// Whether something differs that is no reason to tell of it at once.
    fn differs(&self, observed: &Observed) -> bool {
        let is_old = match (self.checked, checked(observed)) {
            (Some(told), Some(now)) => now - told >= CHECKED,
            (told, now) => told != now,
        };
        is_old || self.connections != observed.connections
    }
}

/// When the server was last looked at.
fn checked(observed: &Observed) -> Option<OffsetDateTime> {
    observed.health.as_ref().and_then(|health| health.checked)
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
