//! The way to an app's server: starts or dials it, and puts a bridge before it in case it is of another
//! era than its client.

use std::sync::Arc;

use mcp::Era;
use mcp::bridge::{Finding, Holding, Known};
use resource::{App, Transport};

use super::check::program;
use super::demo::{DemoUpstream, Visitor};
use super::remote::{Complaint, Dialect, Faults, Line, Logs, Remote};
use super::{Bridged, Stdio, Upstream};
use crate::agent::Shared;
use crate::authorize::Grant;
use crate::dial::Caller;
use crate::newest::Newest;
use crate::served::{Served, Speech, Target};
use crate::session::Way;

/// Who has a server opened.
#[derive(Clone, Copy, Debug)]
pub(crate) enum By<'o> {
    /// A client that may use it.
    Client(&'o Grant),
    /// A health check, which is nobody. Whatever goes wrong is told here.
    Check(&'o Arc<Complaint>),
}

/// For whom a server is opened.
#[derive(Debug)]
pub(crate) struct Opening<'o> {
    pub(crate) shared: &'o Arc<Shared>,
    pub(crate) served: &'o Arc<Served>,
    pub(crate) by: By<'o>,
    /// The session's id.
    pub(crate) session: &'o str,
    /// How its client's messages come.
    pub(crate) way: Way,
    /// What the client has for the server itself; means nothing to one that is not dialled.
    pub(crate) brought: &'o Newest,
}

/// Opens a server.
///
/// # Errors
/// Why there is none, for the client and the app's administrator.
pub(crate) async fn open(opening: Opening<'_>) -> Result<Upstream, String> {
    let target = opening.served.target();
    let app = &target.app;
    let (port, is_old) = match app.transport() {
        _ if app.is_demo() => return Ok(opening.demo(app.clone())),
        Some(Transport::StreamableHttp { .. }) if target.speech() == Some(Speech::Sse) => {
            (opening.remote(&target, Dialect::Sse).await?, false)
        }
        Some(Transport::StreamableHttp { .. }) => {
            (opening.remote(&target, Dialect::Legacy).await?, false)
        }
        Some(Transport::Sse { .. }) => (opening.remote(&target, Dialect::Sse).await?, true),
        Some(Transport::Stdio) | None => (opening.process(&target).await?, false),
    };
    let known = if is_old { Known::Pinned(Era::Legacy) } else { known(&target) };
    let (cluster, user) = match opening.by {
        By::Client(Grant { identity, .. }) => (identity.cluster(), identity.name()),
        By::Check(_) => ("", String::new()),
    };
    // Of use to one user, and to no namesake of another cluster.
    let about = [opening.session, cluster, &user, app.name()].map(str::as_bytes);
    let mut bridge = Finding::new(&pki::digest_of(&about), opening.shared.seal.clone(), known);
    let limits = &opening.shared.limits;
    let holding = Holding { calls: limits.held_calls, time: limits.held_call_timeout };
    bridge = bridge.holding(holding);
    if opening.way == Way::Http {
        bridge = bridge.beside_sessions();
    }
    Ok(Upstream::Bridged(Box::new(Bridged::new(port, bridge, target.clone()))))
}

/// What is known of the era of a server: what its app says holds, what was found out may have changed.
fn known(target: &Target) -> Known {
    let pinned = target.app.spec.mcp.as_ref().is_some_and(|mcp| mcp.protocol.is_some());
    match target.era() {
        None => Known::Unknown,
        Some(era) if pinned => Known::Pinned(era),
        Some(era) => Known::Once(era),
    }
}

// === impl Opening ===

impl Opening<'_> {
    fn demo(&self, app: Arc<App>) -> Upstream {
        let identity = match self.by {
            By::Client(grant) => Some(grant.identity.clone()),
            By::Check(_) => None,
        };
        let visitor = Visitor { identity, app, session: self.session.to_owned() };
        Upstream::Demo(Box::new(DemoUpstream::new(visitor)))
    }

    async fn remote(&self, target: &Arc<Target>, dialect: Dialect) -> Result<Upstream, String> {
        let shared = self.shared;
        let (caller, faults) = match self.by {
            By::Client(grant) => {
                let app = target.app.clone();
                let (identity, evidence) = (grant.identity.clone(), grant.evidence().clone());
                let caller = Caller::new(identity, evidence, app, shared.assertions.clone());
                (caller, Faults::OfApp(self.served.clone()))
            }
            By::Check(complaint) => (Caller::nobody(), Faults::OfCheck(complaint.clone())),
        };
        let dialler = target.dialler(shared).await?;
        let (target, brought) = (target.clone(), self.brought.clone());
        let line = Line { dialler, caller, target, faults, brought, logs: Logs::default() };
        Ok(Upstream::Remote(Box::new(Remote::new(line, dialect, &shared.tasks))))
    }

    async fn process(&self, target: &Arc<Target>) -> Result<Upstream, String> {
        let app = target.app.clone();
        let program = self.shared.tasks.spawn_blocking("agent.start", move || program(&app));
        let program = program.await.map_err(|_broken_off| "the agent stops".to_owned())??;
        let process = self.shared.launcher.start(program).await;
        let process =
            process.map_err(|fault| format!("the MCP server could not be started: {fault}"))?;
        let patience = target.app.spec.mcp.as_ref().and_then(|mcp| mcp.start_timeout);
        let limits = &self.shared.limits;
        let patience = patience.unwrap_or(limits.start_timeout);
        let stdio = Stdio::new(target.app.name(), process, patience, limits.read_timeout);
        Ok(Upstream::Stdio(Box::new(stdio)))
    }
}
