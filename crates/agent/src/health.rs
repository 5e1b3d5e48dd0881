//! Whether servers are well: looked at now and then, as their apps say.
//!
//! A server is opened as it is for a client, and asked what it offers. Nobody asks: there is no user, so no
//! tool can be used, nothing that users bring or that is filled in for them is sent, and what the server makes
//! of that is told with it.

mod look;

use std::sync::Arc;

use resource::App;
use resource::app::{Health, HealthStatus};
use runtime::tasks::TaskScope;

use self::look::look;
use crate::agent::Shared;
use crate::served::Served;

/// So many servers are looked at at a time, of all apps.
pub(crate) const RUNNING: usize = 4;

/// The checks of one app. They end when this is dropped, and what they started with them.
#[derive(Debug)]
pub(crate) struct HealthChecks {
    _scope: TaskScope,
}

/// What came of a look.
#[derive(Debug)]
enum Found {
    /// The server said what it offers.
    Well,
    /// It did not, for this reason.
    Unwell(String),
    /// It may only not want to tell nobody.
    Unclear(String),
}

// === impl HealthChecks ===

impl HealthChecks {
    /// Begins to look after an app's server, if it is to be looked after.
    pub(crate) fn start(
        shared: &Arc<Shared>,
        served: &Arc<Served>,
        app: &Arc<App>,
    ) -> Option<Self> {
        let check = app.spec.mcp.as_ref()?.health_check?;
        let scope = shared.tasks.scope();
        let (shared, served) = (shared.clone(), served.clone());
        scope.spawn_until_cancelled("agent.health", async move {
            loop {
                // What was served before is none of this app's as it is registered.
                served.settled().await;
                // An error means that the agent ends.
                let Ok(turn) = shared.health_checks.acquire().await else { return };
                let (found, latency) = look(&shared, &served, check.timeout).await;
                drop(turn);
                let (status, message) = match found {
                    Found::Well => (HealthStatus::Healthy, None),
                    Found::Unwell(why) => (HealthStatus::Unhealthy, Some(why)),
                    Found::Unclear(why) => (HealthStatus::Unknown, Some(why)),
                };
                let now = Some(shared.clock.now());
                let is_well = status == HealthStatus::Healthy;
                served.looked_at(Health {
                    status,
                    since: now,
                    checked: now,
                    latency: is_well.then(|| std::time::Duration::from_micros(micros(latency))),
                    message,
                });
                tokio::time::sleep(check.interval).await;
            }
        });
        Some(Self { _scope: scope })
    }
}

/// More than that is noise.
fn micros(latency: std::time::Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(u64::MAX)
}
