//! Starting the two services at the edge: the proxy and the agent.

use std::sync::Arc;

use agent::launch::Binary;
use agent::{Agent, AgentConfig};
use anyhow::Context;
use api::wire::AuditBatch;
use api::{Client, Replica};
use audit::{Batch, Spool};
use pki::tls::ServerCredentials;
use runtime::{Clock, Tasks};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tunnel::Registry;

use crate::config::AppSection;
use crate::identity::HostIdentity;

/// `mcp-keeper`, made by `build.rs`; empty if it could not be.
const KEEPER_IMAGE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/mcp-keeper"));
/// What runs, even if the file was replaced meanwhile.
const OWN_BINARY: &str = "/proc/self/exe";

/// What a proxy is made of.
pub(super) struct ProxyParts<'a> {
    pub(super) listener: TcpListener,
    pub(super) limits: proxy::Limits,
    pub(super) public_addr: String,
    pub(super) node_name: String,
    pub(super) auth_addresses: Vec<String>,
    pub(super) identity: &'a HostIdentity,
    pub(super) client: Client,
    pub(super) replica: Replica,
    pub(super) registry: Registry,
    pub(super) trust_changes: watch::Receiver<u64>,
    pub(super) clock: Clock,
    pub(super) tasks: &'a Tasks,
}

/// What an agent is made of.
pub(super) struct AgentParts<'a> {
    pub(super) section: AppSection,
    pub(super) node_name: String,
    pub(super) spool: Arc<Spool>,
    pub(super) identity: &'a HostIdentity,
    pub(super) client: Client,
    pub(super) replica: Replica,
    pub(super) clock: Clock,
    pub(super) tasks: &'a Tasks,
}

/// Starts a proxy.
pub(super) fn start_proxy(parts: ProxyParts<'_>) -> anyhow::Result<proxy::Proxy> {
    let mut tls = pki::tls::server_config(
        &ServerCredentials::new(parts.identity.slot.clone()),
        &parts.identity.trust,
        pki::ClientAuth::Optional,
        &proxy::Config::alpn(),
    )?;
    let clock = parts.clock.clone();
    tls.time_provider = pki::tls::time_provider(move || clock.now());
    let proxy = proxy::Proxy::start(
        proxy::Config {
            listener: parts.listener,
            limits: parts.limits,
            tls: Arc::new(tls),
            credentials: parts.identity.slot.clone(),
            host_id: parts.identity.host_id.clone(),
            node_name: parts.node_name,
            cluster: parts.identity.trust.cluster(),
            public_addr: parts.public_addr,
            auth_addresses: parts.auth_addresses,
            trust: parts.identity.trust.clone(),
            trust_changes: parts.trust_changes,
            renewals: parts.identity.reissues(),
            client: parts.client,
            replica: parts.replica,
            registry: parts.registry,
            clock: parts.clock,
        },
        parts.tasks,
    )?;
    Ok(proxy)
}

/// Starts an agent.
pub(super) fn start_agent(parts: AgentParts<'_>) -> anyhow::Result<Agent> {
    let config = AgentConfig {
        host_id: parts.identity.host_id.clone(),
        join_token: parts.identity.join_token(),
        node_name: parts.node_name,
        selectors: parts.section.selectors,
        static_apps: parts.section.static_apps,
        demo_server: parts.section.mcp_demo_server,
        egress: parts.section.egress,
        limits: parts.section.limits,
        keeper_binary: keeper_binary(),
        audit: parts.spool,
        clock: parts.clock,
    };
    let trust = parts.identity.trust.clone();
    Agent::start(config, parts.client, parts.replica, trust, parts.tasks)
        .context("the app service cannot start")
}

/// The program for keepers that this binary carries. It can be a keeper itself, where the host does
/// not execute what is in memory only; that does the same and takes much more memory.
fn keeper_binary() -> Binary {
    Binary::in_memory(KEEPER_IMAGE).unwrap_or_else(|error| {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the small keeper cannot be executed; each stdio server takes megabytes more"
        );
        Binary::from(OWN_BINARY)
    })
}

/// Brings a batch of audit records to the auth service.
pub(super) async fn ship(client: &Client, batch: &Batch) -> Result<(), api::Error> {
    let events = batch
        .lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect::<Result<Vec<_>, _>>()
        .map_err(api::Error::internal)?;
    let batch = AuditBatch { source: batch.source.to_string(), first: batch.first, events };
    client.ship_audit(&batch).await.map(drop)
}

#[cfg(test)]
mod tests;
