//! The agent's own record: who wants to know why nobody serves an app reads it.

use std::time::Duration;

use api::{Client, Write};
use resource::agent::{AgentSpec, FixedApp};
use resource::{Agent, Kind, LabelSelector, Resource};
use runtime::{Backoff, Clock, Tasks};

/// How often the record is renewed, and how long it lasts without.
const INTERVAL: Duration = Duration::from_secs(20);
const LIFETIME: Duration = Duration::from_secs(60);
/// Delays after a renewal that failed.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_MOST: Duration = Duration::from_secs(10);
/// How long leaving may take.
const FAREWELL: Duration = Duration::from_secs(3);

/// Publishes what an agent was told to serve.
#[derive(Debug)]
pub(crate) struct Inventory {
    client: Client,
    clock: Clock,
    agent: Agent,
}

// === impl Inventory ===

impl Inventory {
    pub(crate) fn new(
        client: Client,
        clock: Clock,
        host: (&str, &str),
        resources: &[LabelSelector],
        apps: Vec<FixedApp>,
    ) -> Self {
        let agent = Agent::new(AgentSpec {
            host_id: host.0.to_owned(),
            hostname: host.1.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            resources: resources.to_vec(),
            apps,
        });
        Self { client, clock, agent }
    }

    /// Renews the record until the group is cancelled, then deletes it.
    pub(crate) async fn run(mut self, tasks: Tasks) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        while !tasks.is_cancelled() {
            self.agent.metadata.expires = Some(self.clock.now() + LIFETIME);
            let record = Resource::Agent(self.agent.clone());
            let delay = match self.client.put(&record, Write::Upsert).await {
                Ok(_) => {
                    backoff.reset();
                    INTERVAL
                }
                Err(error) => {
                    tracing::debug!(error = error.message(), "cannot renew the agent's record");
                    backoff.next_delay()
                }
            };
            tokio::select! {
                () = tasks.cancelled() => break,
                () = tokio::time::sleep(delay) => {}
            }
        }
        let leaving = self.client.delete(Kind::Agent, &self.agent.spec.host_id);
        if !matches!(tokio::time::timeout(FAREWELL, leaving).await, Ok(Ok(_))) {
            tracing::debug!("the agent's record was left behind; it expires by itself");
        }
    }
}
