//! An app as it is registered once, and what is known of its server since.

use std::sync::Arc;

use parking_lot::Mutex;
use resource::App;

use crate::agent::Shared;
use crate::dial::Dialler;

/// An app as connections get it. Registering it anew makes another.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) app: Arc<App>,
    /// Guards the client for HTTP; held for a look or a copy.
    dialler: Mutex<Option<Arc<Dialler>>>,
}

// === impl Target ===

impl Target {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, dialler: Mutex::new(None) }
    }

    #[expect(dead_code, reason = "the ports come next")]
    /// The client for the app's server, made when it is first needed.
    ///
    /// # Errors
    /// What is wrong with the app, for its administrator.
    pub(crate) async fn dialler(&self, shared: &Shared) -> Result<Arc<Dialler>, String> {
        if let Some(dialler) = self.dialler.lock().clone()
            && !dialler.is_stale()
        {
            return Ok(dialler);
        }
        let (app, egress) = (self.app.clone(), shared.egress.clone());
        let tasks = shared.tasks.clone();
        let made = shared
            .tasks
            .spawn_blocking("agent.dial", move || Dialler::new(&app, &egress, &tasks))
            .await
            .map_err(|_broken_off| "the agent stops".to_owned())?;
        let made = Arc::new(made?);
        *self.dialler.lock() = Some(made.clone());
        Ok(made)
    }
}
