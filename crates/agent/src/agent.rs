//! The app service of one process.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use api::{Client, Replica};
use audit::{Sink, Stamper};
use pki::{Sealer, TrustStore};
use resource::agent::FixedApp;
use resource::{App, LabelSelector, Transport};
use runtime::{Clock, Tasks};
use tokio::sync::{Semaphore, watch};

use crate::assertion::Assertions;
use crate::authorize::{Authorizer, Grant};
use crate::catalog::Catalog;
use crate::dial::Egress;
use crate::handler::Ingress;
use crate::heartbeat::Heartbeat;
use crate::http::Http;
use crate::inventory::Inventory;
use crate::labels::{self, ToldLabels};
use crate::launch::{Binary, Launcher};
use crate::limits::Limits;
use crate::places::Places;
use crate::record::Recording;
use crate::relay::{KnownTasks, TaskBook};
use crate::seal::Sealed;
use crate::served::Table;
use crate::witness::Witness;
use crate::{changes, health, serve, tools};

/// What an agent is told at its start.
#[derive(Debug)]
pub struct AgentConfig {
    /// The identity under which the process joined.
    pub host_id: String,
    /// By what it joined, as its certificate says.
    pub join_token: Option<String>,
    /// What its machine calls itself.
    pub node_name: String,
    /// Which registered apps it serves. None: only those below.
    pub selectors: Vec<LabelSelector>,
    /// Apps of its configuration file, served whatever the selectors say.
    pub static_apps: Vec<App>,
    /// Whether the built-in demo server is served.
    pub demo_server: bool,
    /// Which addresses servers may have that are dialled.
    pub egress: Egress,
    /// The bounds within which it serves.
    pub limits: Limits,
    /// What watches over stdio servers.
    pub keeper_binary: Binary,
    /// Where what happens is recorded, before it happens.
    pub audit: Arc<dyn Sink>,
    /// What time it is.
    pub clock: Clock,
}

/// An app service that runs.
#[derive(Clone, Debug)]
pub struct Agent {
    shared: Arc<Shared>,
}

/// What every connection of an agent shares.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tasks: Tasks,
    pub(crate) clock: Clock,
    pub(crate) replica: Replica,
    pub(crate) trust: TrustStore,
    pub(crate) authorizer: Arc<Authorizer>,
    pub(crate) table: Table,
    /// What commands told of labels.
    pub(crate) labels: ToldLabels,
    /// A permit for each command of a label that may run now.
    pub(crate) label_runs: Semaphore,
    /// A permit for each server that may be looked at now.
    pub(crate) health_checks: Semaphore,
    pub(crate) launcher: Launcher,
    pub(crate) egress: Arc<Egress>,
    pub(crate) limits: Limits,
    pub(crate) recording: Recording,
    /// Whether what happens can be recorded now.
    pub(crate) witness: Witness,
    /// Who users are, in words for upstreams.
    pub(crate) assertions: Arc<Assertions>,
    pub(crate) changes: watch::Receiver<u64>,
    pub(crate) http: Http,
    /// Seals what clients are to give back.
    pub(crate) seal: Arc<Sealed>,
    /// Which tools the tasks of servers are calls of.
    task_book: Arc<TaskBook>,
    /// The connections that there are.
    pub(crate) places: Places,
}

// === impl Agent ===

impl Agent {
    /// Starts to serve, as tasks of `tasks`.
    ///
    /// `replica` must follow apps, roles, users, locks and the cluster's preferences, and `trust` its
    /// authorities. When `tasks` are cancelled, connections are told and ended, records of served apps
    /// taken back, and servers ended: that takes up to ten seconds if they are stubborn.
    ///
    /// # Errors
    /// The system refuses what starting servers needs.
    pub fn start(
        config: AgentConfig,
        client: Client,
        replica: Replica,
        trust: TrustStore,
        tasks: &Tasks,
    ) -> io::Result<Self> {
        let tasks = tasks.child();
        let mut fixed = config.static_apps;
        fixed.extend(config.demo_server.then(App::demo));
        let (clock, limits) = (config.clock, config.limits);
        let inventory = Inventory::new(
            client.clone(),
            clock.clone(),
            (&config.host_id, &config.node_name),
            &config.selectors,
            fixed.iter().map(FixedApp::of).collect(),
        );
        let (table, labels) = (Table::new(clock.clone()), ToldLabels::new());
        let authorizer = Arc::new(Authorizer::new(
            replica.clone(),
            trust.clone(),
            clock.clone(),
            Catalog::new(fixed, &config.selectors),
            labels.clone(),
            (config.host_id.clone(), config.join_token),
        ));
        let (tell, changes) = watch::channel(0);
        let witness = Witness::new(config.audit);
        let recording = Recording {
            sink: Arc::new(witness.clone()),
            stamper: Stamper::new(&trust.cluster(), clock.clone()),
            host_id: config.host_id.as_str().into(),
            hostname: config.node_name.as_str().into(),
            tallies: Arc::default(),
        };
        let assertions = Assertions::new(Arc::new(client.clone()), tasks.clone(), clock.clone());
        let assertions = Arc::new(assertions);
        let host_id = config.host_id.clone();
        let tools_client = client.clone();
        let heartbeat = Heartbeat {
            host_id: config.host_id,
            hostname: config.node_name,
            cluster: trust.cluster(),
            replica: replica.clone(),
            client,
            table: table.clone(),
            labels: labels.clone(),
            domain: String::new(),
            published: BTreeMap::new(),
        };
        let shared = Arc::new(Shared {
            launcher: Launcher::bounded(config.keeper_binary, limits.processes)?,
            egress: Arc::new(config.egress),
            limits,
            tasks: tasks.clone(),
            clock,
            replica: replica.clone(),
            trust: trust.clone(),
            authorizer: authorizer.clone(),
            table,
            labels: labels.clone(),
            label_runs: Semaphore::new(labels::RUNNING),
            health_checks: Semaphore::new(health::RUNNING),
            recording,
            witness,
            assertions,
            changes,
            http: Http::new(&limits),
            seal: Arc::new(Sealed::new(Sealer::new().map_err(io::Error::other)?, &host_id)),
            task_book: Arc::default(),
            places: Places::new(&limits),
        });
        let changes = changes::run(replica, trust, authorizer, labels, tell);
        tasks.spawn_until_cancelled("agent.changes", changes);
        tasks.spawn("agent.http.sweep", crate::http::sweep(shared.clone()));
        tasks.spawn("agent.serve", serve::run(shared.clone()));
        tasks.spawn("agent.heartbeat", heartbeat.run(tasks.clone()));
        tasks.spawn("agent.inventory", inventory.run(tasks.clone()));
        tasks.spawn_until_cancelled("agent.tools", tools::tell(shared.clone(), tools_client));
        Ok(Self { shared })
    }

    /// What answers the requests that come through tunnels.
    #[must_use]
    pub fn handler(&self) -> Arc<dyn tunnel::Handler> {
        Arc::new(Ingress { shared: self.shared.clone() })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How many connections are open.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.places.taken()
    }
}

// === impl Shared ===

impl Shared {
    /// Whether another connection can be served.
    pub(crate) fn has_room(&self) -> bool {
        !self.tasks.is_cancelled() && self.places.has_room()
    }

    /// The tasks that a user made of an app's tools. A process that lives as long as its connection has
    /// tasks of its own; those of a server over HTTP outlive a session.
    pub(crate) fn tasks_of(&self, grant: &Grant) -> KnownTasks {
        let user = grant.identity.as_user().map_or("", |user| &user.name);
        let cluster = grant.identity.cluster();
        let app = &grant.app;
        if app.is_demo() || app.transport() == Some(Transport::Stdio) {
            return KnownTasks::default();
        }
        KnownTasks::of(self.task_book.clone(), &[cluster, user, app.name()])
    }
}
