//! Whether an app can be served, as far as that can be told beforehand.

use std::sync::Arc;

use resource::{App, Transport};

use crate::agent::Shared;
use crate::dial::Dialler;
use crate::given;
use crate::launch::{Fault, Launcher, Program};

/// How to start an app's server. Blocks on files.
///
/// # Errors
/// What is missing, for the app's administrator.
pub(super) fn program(app: &App) -> Result<Program, String> {
    let stdio = app.spec.mcp.as_ref().filter(|_| app.transport() == Some(Transport::Stdio));
    let mcp = stdio.ok_or("the app does not say how its MCP server is started or dialled")?;
    let mut env = Vec::with_capacity(mcp.env.len());
    for (name, value) in &mcp.env {
        let cannot =
            |reason| format!("the variable {name:?} (spec.mcp.env) cannot be set: {reason}");
        env.push((name.clone(), given::find(value).map_err(cannot)?.expose().clone()));
    }
    let set = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Ok(Program {
        command: mcp.command.clone(),
        args: mcp.args.clone(),
        user: set(&mcp.run_as_host_user),
        env,
        cwd: set(&mcp.cwd),
    })
}

/// Whether an app can be served, as far as that can be told without saying anything to its server: the
/// host user and the command are there, or a connection is accepted by who should accept it.
///
/// # Errors
/// Why not, for the app's administrator.
pub(crate) async fn check(app: &Arc<App>, shared: &Shared) -> Result<(), String> {
    if app.is_demo() {
        return Ok(());
    }
    let (app, egress, tasks) = (app.clone(), shared.egress.clone(), shared.tasks.clone());
    let limits = shared.limits;
    let dialled = match app.transport() {
        Some(Transport::StreamableHttp { .. } | Transport::Sse { .. }) => true,
        Some(Transport::Stdio) | None => false,
    };
    // Both read files and may hang.
    let examined = shared.tasks.spawn_blocking("agent.check", move || {
        if dialled {
            return Dialler::new(&app, &egress, &limits, &tasks).map(Some);
        }
        Launcher::check(&program(&app)?).map_err(|fault: Fault| fault.to_string())?;
        Ok(None)
    });
    match examined.await.map_err(|_broken_off| "the check broke off".to_owned())?? {
        Some(dialler) => dialler.reach().await.map_err(|error| error.to_string()),
        None => Ok(()),
    }
}
