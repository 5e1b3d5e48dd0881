//! Keeps what is served in step with what is registered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::Index;
use resource::App;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::agent::Shared;
use crate::catalog::Wanted;
use crate::reconcile::{Action, reconcile};
use crate::served::Served;
use crate::upstream;

/// How often it is looked whether what could not be served can be served by now.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// So many apps are checked at a time. A check can hang, on a file system or an account database.
const CHECKS: usize = 8;

/// Serves until the agent stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut copies = shared.replica.changes();
    let mut followed = true;
    let checks = Arc::new(Semaphore::new(CHECKS));
    let mut look_again = Instant::now() + LOOK_AGAIN;
    let catalog = shared.authorizer.catalog();
    let (mut registered, mut actual) = (Index::<App>::default(), BTreeMap::new());
    let mut names: Vec<String> = catalog.fixed().cloned().collect();
    loop {
        let is_complete = shared.replica.is_ready();
        let apps = shared.replica.snapshot().apps.clone();
        names.extend(registered.changed(&apps).into_iter().map(str::to_owned));
        registered = apps;
        let wanted = pick(&names, |name| catalog.find(&registered, name));
        for action in reconcile(&wanted, &pick(&names, |name| actual.get(name).cloned())) {
            carry_out(&shared, action, &checks);
        }
        names.drain(..).for_each(|name| drop(actual.remove(&name)));
        actual.extend(wanted);
        if is_complete {
            shared.table.complete();
        }
        if Instant::now() >= look_again {
            look_again = Instant::now() + LOOK_AGAIN;
            check_again(&shared, &checks);
        }
        tokio::select! {
            () = shared.tasks.cancelled() => return,
            changed = copies.changed(), if followed => followed = changed.is_ok(),
            () = sleep_until(look_again) => {}
        }
    }
}

/// The part of a table that changes concern.
fn pick(names: &[String], find: impl Fn(&str) -> Option<Wanted>) -> BTreeMap<String, Wanted> {
    names.iter().filter_map(|name| Some((name.clone(), find(name)?))).collect()
}

fn carry_out(shared: &Arc<Shared>, action: Action, checks: &Arc<Semaphore>) {
    match action {
        Action::Register(wanted) => {
            tracing::info!(app = wanted.app.name(), "serving an app");
            let served = shared.table.register(wanted.clone());
            check(shared, served, wanted.app, checks);
        }
        Action::Update(wanted) => update(shared, wanted, checks),
        Action::Unregister(name) => {
            tracing::info!(app = name, "no longer serving an app");
            shared.table.unregister(&name);
        }
    }
}

fn update(shared: &Arc<Shared>, wanted: Wanted, checks: &Arc<Semaphore>) {
    let Some(served) = shared.table.get(wanted.app.name()) else { return };
    tracing::info!(app = wanted.app.name(), "an app was registered anew");
    served.update(wanted.clone());
    check(shared, served, wanted.app, checks);
}

fn check_again(shared: &Arc<Shared>, checks: &Arc<Semaphore>) {
    // Checks that hang must not pile up.
    if checks.available_permits() < CHECKS {
        return;
    }
    for (_, served) in shared.table.all() {
        if let Some(app) = served.unchecked() {
            check(shared, served, app, checks);
        }
    }
}

/// Finds out, beside everything else, whether an app can be served.
fn check(shared: &Arc<Shared>, served: Arc<Served>, app: Arc<App>, checks: &Arc<Semaphore>) {
    let (inner, checks) = (shared.clone(), checks.clone());
    shared.tasks.spawn_until_cancelled("agent.check", async move {
        let Ok(_turn) = checks.acquire_owned().await else { return };
        let examined = app.clone();
        let tasks = inner.tasks.clone();
        let outcome =
            tasks.spawn_blocking("agent.check", move || upstream::check(&examined, &inner)).await;
        match outcome {
            Ok(outcome) => served.checked(&app, outcome),
            Err(error) => tracing::error!(app = app.name(), ?error, "cannot check an app"),
        }
    });
}
