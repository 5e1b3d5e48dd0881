//! The MCP servers that a user may reach, and what the user's roles let through of what they offer.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;
use api::Client;
use api::wire::{Permissions, Permitted};
use policy::{AccessState, AppAccess, AppRef, Decision, Patterns, RoleSet};
use resource::app::Health;
use resource::{App, Kind, Labels, Resource, Role, Secrets, Transport};
use runtime::Tasks;

use crate::exit::Usage;
use crate::filter::{LabelFilter, Query};
use crate::session::Session;

/// Which servers a command is about. All that is given must hold.
#[derive(Debug)]
pub(super) struct Selection {
    name: Option<String>,
    labels: LabelFilter,
    words: Vec<String>,
    query: Option<Query>,
}

/// A server that the user may reach.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) app: Arc<App>,
    pub(super) labels: Labels,
    pub(super) tools: Patterns,
    pub(super) prompts: Patterns,
    pub(super) resources: Patterns,
    /// Whether a second factor is asked for at each session.
    pub(super) second_factor: bool,
    /// How it is, where that is looked at.
    pub(super) health: Option<Health>,
}

// === impl Selection ===

impl Selection {
    pub(super) fn new(
        name: Option<String>,
        labels: Option<&str>,
        words: Vec<String>,
        query: Option<&str>,
    ) -> anyhow::Result<Self> {
        let labels = labels.map(LabelFilter::parse).transpose().map_err(Usage)?.unwrap_or_default();
        let query = query.map(Query::parse).transpose().map_err(Usage)?;
        Ok(Self { name, labels, words, query })
    }

    pub(super) fn fits(&self, app: &App, labels: &Labels) -> bool {
        self.name.as_deref().is_none_or(|name| name == app.name())
            && self.labels.fits(labels)
            && crate::filter::has_words(
                &self.words,
                &[app.name(), &app.metadata.description],
                labels,
            )
            && self.query.as_ref().is_none_or(|query| query.holds(app.name(), labels))
    }
}

// === impl Server ===

impl Server {
    pub(super) fn name(&self) -> &str {
        self.app.name()
    }

    /// Whether it is spoken to over HTTP.
    pub(super) fn is_over_http(&self) -> bool {
        let transport = self.app.transport();
        matches!(transport, Some(Transport::StreamableHttp { .. } | Transport::Sse { .. }))
    }
}

/// The servers that the user may reach and that fit, by name.
pub(super) async fn servers(
    session: &Session,
    tasks: &Tasks,
    selection: &Selection,
) -> anyhow::Result<Vec<Server>> {
    let client = session.auth(tasks)?;
    let listing = client.list_served().await?;
    let mut roles = Vec::new();
    for name in &session.user.roles {
        match client.get(Kind::Role, name, Secrets::Redact).await {
            Ok(Resource::Role(role)) => roles.push(Arc::new(role)),
            Ok(other) => {
                anyhow::bail!("asked for the role {name:?}, got a {}", other.kind().as_str())
            }
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read your role {name:?}"));
            }
        }
    }
    let role_set = compile(&roles, session);
    let cluster_requires_mfa = client.who_am_i().await?.second_factor_per_session;
    // What there is to see is told without one. It is asked for when a server is used.
    let shown = AccessState { mfa_verified: true, ..AccessState::default() };
    let unshown = AccessState { cluster_requires_mfa, ..AccessState::default() };
    // Several agents may serve one app: it is one server to its user.
    let mut found: BTreeMap<String, Server> = BTreeMap::new();
    for resource in listing.items {
        let Resource::AppServer(record) = resource else { continue };
        let (app, health) = (Arc::new(*record.spec.app), record.spec.health);
        if !app.is_mcp() || found.contains_key(app.name()) {
            continue;
        }
        let known = app.known_labels();
        if !selection.fits(&app, &known.labels) {
            continue;
        }
        let access = |state| role_set.access_with(AppRef::known(app.name(), &known), state);
        let second_factor = needs_second_factor(&access(unshown));
        let access = access(shown);
        let patterns = |kind| access.patterns(kind);
        let [tools, prompts, resources] = policy::Kind::ALL.map(patterns);
        let name = app.name().to_owned();
        let labels = known.labels;
        let server = Server { app, labels, tools, prompts, resources, second_factor, health };
        found.insert(name, server);
    }
    Ok(found.into_values().collect())
}

/// The servers of another cluster that the user may reach and that fit, by name. What is let through of them,
/// that cluster says: its roles decide.
pub(super) async fn servers_in(
    session: &Session,
    tasks: &Tasks,
    cluster: &str,
    selection: &Selection,
) -> anyhow::Result<Vec<Server>> {
    let client = Client::new(session.proxy_endpoint()?, tasks.clone());
    let mut found: BTreeMap<String, Server> = BTreeMap::new();
    let visited = client.list_in_cluster(cluster).await;
    // Refusals and their hints are in the words of that cluster.
    let mut visited = visited.with_context(|| format!("the cluster {cluster:?} answers"))?;
    for resource in visited.items {
        let Resource::AppServer(record) = resource else { continue };
        let (app, health) = (Arc::new(*record.spec.app), record.spec.health);
        let labels = app.known_labels().labels;
        if app.is_mcp() && !found.contains_key(app.name()) && selection.fits(&app, &labels) {
            let name = app.name().to_owned();
            let permissions = visited.permissions.remove(&name).unwrap_or_default();
            let Permissions { tools, prompts, resources, second_factor } = permissions;
            let [tools, prompts, resources] = [tools, prompts, resources].map(patterns);
            let server = Server { app, labels, tools, prompts, resources, second_factor, health };
            found.insert(name, server);
        }
    }
    Ok(found.into_values().collect())
}

/// Whether that is all that is missing.
fn needs_second_factor(access: &AppAccess) -> bool {
    matches!(access.connect(), Decision::Deny(denial) if denial.needs_second_factor())
}

fn patterns(permitted: Permitted) -> Patterns {
    Patterns { allowed: permitted.allowed, denied: permitted.denied }
}

fn compile(roles: &[Arc<Role>], session: &Session) -> RoleSet {
    let user = policy::User::new(&session.user.name, &session.user.traits);
    RoleSet::compile(roles, user)
}
