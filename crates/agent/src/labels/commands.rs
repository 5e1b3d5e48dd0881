//! The tasks that ask the commands of an app, again and again.

use std::sync::Arc;
use std::time::Duration;

use resource::App;
use runtime::tasks::TaskScope;
use tokio::sync::Semaphore;

use super::run;
use crate::agent::Shared;
use crate::served::Served;

/// So many commands run at a time, of all apps.
pub(crate) const RUNNING: usize = 16;

/// The commands of one app. They end when this is dropped, and what they started with them.
#[derive(Debug)]
pub(crate) struct Commands {
    app: Arc<App>,
    /// Has a permit for each label whose command has been run.
    heard: Arc<Semaphore>,
    _scope: TaskScope,
}

// === impl Commands ===

impl Commands {
    /// Begins to ask the commands of an app, if it has any.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        served: &Arc<Served>,
        app: &Arc<App>,
    ) -> Option<Self> {
        if app.spec.dynamic_labels.is_empty() {
            return None;
        }
        let epoch = shared.labels.begin(app);
        let scope = shared.tasks.scope();
        let heard = Arc::new(Semaphore::new(0));
        for (key, label) in &app.spec.dynamic_labels {
            let (shared, served) = (shared.clone(), served.clone());
            let (app, heard) = (app.clone(), heard.clone());
            let (key, period) = (key.clone(), label.period);
            let label = label.clone();
            scope.spawn_until_cancelled("agent.label", async move {
                let mut first = Some(heard);
                loop {
                    let turn = shared.label_runs.acquire().await;
                    let said = run::run(&shared.launcher, &app, &label).await;
                    drop(turn);
                    if let Err(message) = &said {
                        tracing::warn!(app = app.name(), label = key, message, "a label's command");
                    }
                    let now = shared.clock.now();
                    if shared.labels.tell(app.name(), &key, epoch, said, now) {
                        served.touch();
                    }
                    if let Some(heard) = first.take() {
                        heard.add_permits(1);
                    }
                    tokio::time::sleep(period.max(Duration::from_secs(1))).await;
                }
            });
        }
        Some(Self { app: app.clone(), heard, _scope: scope })
    }

    /// Whether these are the commands of the app as it is now, run as the same user.
    pub(crate) fn are_of(&self, app: &App) -> bool {
        self.app.spec.dynamic_labels == app.spec.dynamic_labels
            && run::host_user(&self.app) == run::host_user(app)
    }

    /// Waits, later, until each was run once, or the commands are gone.
    pub(crate) fn heard(&self) -> impl Future<Output = ()> + Send + use<> {
        let heard = self.heard.clone();
        let labels = u32::try_from(self.app.spec.dynamic_labels.len()).unwrap_or(u32::MAX);
        async move {
            // An error means that they are gone.
            _ = heard.acquire_many(labels).await;
        }
    }
}

impl Drop for Commands {
    fn drop(&mut self) {
        self.heard.close();
    }
}
