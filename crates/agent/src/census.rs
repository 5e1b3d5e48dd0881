//! An agent in numbers.

use std::collections::BTreeMap;

use resource::ServerState;
use resource::app::HealthStatus;

use crate::agent::Agent;
use crate::tally::COUNTED_APPS;
pub use crate::tally::Wanted;

/// An agent at one moment.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// Connections, as they are counted against the most that there may be.
    pub connections: usize,
    /// Sessions of clients that speak HTTP.
    pub sessions: usize,
    /// Processes that watch over stdio servers.
    pub processes: usize,
    /// What clients wanted since the start.
    pub wanted: Vec<Wanted>,
    /// How many apps are in which state.
    pub apps: BTreeMap<&'static str, usize>,
    /// How the servers are that are looked after, app by app, as far as that is known; at most as many as are
    /// counted apart.
    pub well: BTreeMap<String, bool>,
    /// How many records could not be written since the start.
    pub unrecorded: u64,
}

// === impl Agent ===

impl Agent {
    /// The agent in numbers.
    #[must_use]
    pub fn census(&self) -> Census {
        let shared = self.shared();
        let states = [
            ServerState::Starting,
            ServerState::Serving,
            ServerState::Outdated,
            ServerState::Failed,
        ];
        let mut census = Census {
            connections: self.connections(),
            sessions: shared.http.sessions(),
            processes: shared.launcher.keepers(),
            wanted: shared.recording.tallies.all(),
            apps: states.map(|state| (state.as_str(), 0)).into(),
            well: BTreeMap::new(),
            unrecorded: shared.witness.failures(),
        };
        for (name, served) in shared.table.all() {
            let observed = served.observe();
            *census.apps.entry(observed.state.as_str()).or_default() += 1;
            let status = observed.health.map(|health| health.status);
            let well = match status {
                Some(HealthStatus::Healthy) => true,
                Some(HealthStatus::Unhealthy) => false,
                Some(HealthStatus::Unknown) | None => continue,
            };
            if census.well.len() < COUNTED_APPS {
                census.well.insert(name, well);
            }
        }
        census
    }
}
