//! The services that run in this process.

use std::fmt;

use agent::{Agent, Census};
use auth::Auth;
use proxy::Proxy;
use tunnel::{Registry, Up};

use super::{Labels, Metric, Sources, Writer, number};

/// The value of `app` for all apps that are not counted apart. No app can have such a name.
const OTHERS: &str = "/others";

const REGISTERED: Metric = Metric::new("tessera_auth_registered_apps", "Registered apps");
const RECORDS: Metric = Metric::new(
    "tessera_auth_app_servers",
    "Live records of agents that serve an app or try to, by state",
);
const AGENTS: Metric = Metric::new("tessera_auth_agents", "Agents that the auth service hears of");
const PROXY_CONNECTIONS: Metric =
    Metric::new("tessera_proxy_connections", "Connections to the proxy's port");
const PROXY_TUNNELS: Metric =
    Metric::new("tessera_proxy_tunnels", "Tunnels of agents that end at this proxy");
const CONNECTIONS: Metric = Metric::new(
    "tessera_agent_connections",
    "Connections, sessions and requests of clients that this agent serves",
);
const SESSIONS: Metric =
    Metric::new("tessera_agent_http_sessions", "Sessions of clients that speak HTTP");
const PROCESSES: Metric =
    Metric::new("tessera_agent_stdio_servers", "Processes that watch over stdio servers");
const TUNNELS: Metric = Metric::new("tessera_agent_tunnels", "Tunnels of this agent that are up");
const REQUESTS: Metric = Metric::new(
    "tessera_agent_requests",
    "Requests of clients that are recorded in the audit log, by app and decision",
);
const APPS: Metric = Metric::new("tessera_agent_apps", "Apps that this agent serves, by state");
const HEALTH: Metric = Metric::new(
    "tessera_agent_app_healthy",
    "Whether the last health check of an app's server went well (1) or not (0)",
);
const UNRECORDED: Metric = Metric::new(
    "tessera_audit_errors",
    "Records that could not be written; what they were of was refused",
);
const SPOOL: Metric =
    Metric::new("tessera_audit_spool_records", "Records that the auth service does not have yet");

pub(super) fn write(sources: &Sources, writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
    if let Some(auth) = &sources.auth {
        of_auth(auth, writer)?;
    }
    if let Some((proxy, registry)) = &sources.proxy {
        of_proxy(proxy, registry, writer)?;
    }
    if let Some((agent, up)) = &sources.agent {
        of_agent(agent, up, writer)?;
    }
    match &sources.spool {
        Some(spool) => writer.gauge(SPOOL, spool.waiting()),
        None => Ok(()),
    }
}

fn of_auth(auth: &Auth, writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
    let census = auth.census();
    writer.gauge(REGISTERED, number(census.apps))?;
    let servers = census.servers.iter();
    writer.gauges(RECORDS, servers.map(|(state, count)| (state_of(state), number(*count))))?;
    writer.gauge(AGENTS, number(census.agents))
}

fn of_proxy(proxy: &Proxy, registry: &Registry, writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
    writer.gauge(PROXY_CONNECTIONS, number(proxy.connections()))?;
    writer.gauge(PROXY_TUNNELS, number(registry.tunnels()))
}

fn of_agent(agent: &Agent, up: &Up, writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
    let Census { connections, sessions, processes, wanted, apps, well, unrecorded } =
        agent.census();
    writer.gauge(CONNECTIONS, number(connections))?;
    writer.gauge(SESSIONS, number(sessions))?;
    writer.gauge(PROCESSES, number(processes))?;
    writer.gauge(TUNNELS, number(up.count()))?;
    let requests = wanted.into_iter().flat_map(|wanted| {
        let app = wanted.app.unwrap_or_else(|| OTHERS.to_owned());
        let labels = |decision: &str| -> Labels {
            vec![("app", app.clone()), ("decision", decision.to_owned())]
        };
        [(labels("allowed"), wanted.allowed), (labels("refused"), wanted.refused)]
    });
    writer.counters(REQUESTS, requests)?;
    writer.gauges(APPS, apps.iter().map(|(state, count)| (state_of(state), number(*count))))?;
    writer.gauges(
        HEALTH,
        well.into_iter().map(|(app, well)| (vec![("app", app)], u64::from(well))),
    )?;
    writer.counters(UNRECORDED, [(Labels::new(), unrecorded)])
}

fn state_of(state: &str) -> Labels {
    vec![("state", state.to_owned())]
}
