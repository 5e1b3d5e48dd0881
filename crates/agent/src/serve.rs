//! Keeps what is served in step with what is registered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::Index;
use resource::App;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::agent::Shared;
use crate::health::HealthChecks;
use crate::labels::Commands;
use crate::reconcile::{Action, follow};
use crate::served::Served;
use crate::upstream;

/// How often it is looked whether what could not be served can be served by now.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// How often everything is compared, should a change have been missed by a fault of ours.
const LOOK_AT_ALL: Duration = Duration::from_mins(1);
/// So many apps are checked at a time. A check can hang, on a file system or an account database.
const CHECKS: usize = 8;

/// What is being served.
struct Serving {
    shared: Arc<Shared>,
    checks: Arc<Semaphore>,
    /// The commands that tell labels of apps.
    commands: BTreeMap<String, Commands>,
    /// Who looks whether the servers of apps are well.
    health: BTreeMap<String, HealthChecks>,
}

/// Serves until the agent stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut copies = shared.replica.changes();
    let mut followed = true;
    let checks = Arc::new(Semaphore::new(CHECKS));
    let (commands, health) = (BTreeMap::new(), BTreeMap::new());
    let mut serving = Serving { shared: shared.clone(), checks, commands, health };
    let (mut look_again, mut look_at_all) = (Instant::now() + LOOK_AGAIN, Instant::now());
    let mut registered = Index::<App>::default();
    loop {
        let now = Instant::now();
        let is_complete = shared.replica.is_ready();
        let apps = shared.replica.snapshot().apps.clone();
        let mut names: Vec<String> =
            registered.changed(&apps).into_iter().map(str::to_owned).collect();
        registered = apps;
        if now >= look_at_all {
            look_at_all = now + LOOK_AT_ALL;
            names = serving.every_name(&registered);
        }
        serving.follow(&names, &registered);
        if is_complete {
            shared.table.complete();
        }
        if now >= look_again {
            look_again = now + LOOK_AGAIN;
            serving.check_again();
        }
        tokio::select! {
            () = shared.tasks.cancelled() => return,
            changed = copies.changed(), if followed => followed = changed.is_ok(),
            () = sleep_until(look_again) => {}
        }
    }
}

// === impl Serving ===

impl Serving {
    /// Every name of which something is to be served, or is.
    fn every_name(&self, registered: &Index<App>) -> Vec<String> {
        let catalog = self.shared.authorizer.catalog();
        let fixed = catalog.fixed().cloned();
        let mut names: Vec<String> = registered.keys().map(str::to_owned).chain(fixed).collect();
        names.extend(self.shared.table.all().into_iter().map(|(name, _)| name));
        names.sort();
        names.dedup();
        names
    }

    /// Does what has to be done about these names.
    fn follow(&mut self, names: &[String], registered: &Index<App>) {
        let shared = self.shared.clone();
        let catalog = shared.authorizer.catalog();
        let serving = |name: &str| Some(shared.table.get(name)?.newest());
        for action in follow(catalog, registered, names, serving) {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Register(wanted) => {
                tracing::info!(app = wanted.app.name(), "serving an app");
                let served = self.shared.table.register(wanted.clone());
                self.attend(&served, &wanted.app);
            }
            Action::Update(wanted) => {
                let Some(served) = self.shared.table.get(wanted.app.name()) else { return };
                tracing::info!(app = wanted.app.name(), "an app was registered anew");
                served.update(wanted.clone());
                self.attend(&served, &wanted.app);
            }
            Action::Unregister(name) => {
                tracing::info!(app = name, "no longer serving an app");
                self.commands.remove(&name);
                self.health.remove(&name);
                self.shared.labels.forget(&name);
                self.shared.table.unregister(&name);
            }
        }
    }

    /// Asks the commands of an app that is new or new in some way, and checks it.
    fn attend(&mut self, served: &Arc<Served>, app: &Arc<App>) {
        let name = app.name();
        if !self.commands.get(name).is_some_and(|commands| commands.are_of(app)) {
            self.commands.remove(name);
            if let Some(commands) = Commands::start(&self.shared, served, app) {
                self.commands.insert(name.to_owned(), commands);
            }
        }
        self.health.remove(name);
        match HealthChecks::start(&self.shared, served, app) {
            Some(checks) => drop(self.health.insert(name.to_owned(), checks)),
            None => served.not_looked_at(),
        }
        self.check(served.clone(), app.clone());
    }

    fn check_again(&self) {
        for (_, served) in self.shared.table.all() {
            if let Some(app) = served.unchecked() {
                self.check(served, app);
            }
        }
    }

    /// Finds out, beside everything else, whether an app can be served. Its labels come first: before
    /// they have values, whoever they could shut out is shut out.
    fn check(&self, served: Arc<Served>, app: Arc<App>) {
        let heard = self.commands.get(app.name()).map(Commands::heard);
        let (shared, checks) = (self.shared.clone(), self.checks.clone());
        self.shared.tasks.spawn_until_cancelled("agent.check", async move {
            if let Some(heard) = heard {
                heard.await;
            }
            let Ok(_turn) = checks.acquire_owned().await else { return };
            let outcome = upstream::check(&app, &shared).await;
            served.checked(&app, outcome);
        });
    }
}
