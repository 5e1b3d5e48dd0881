//! Which configs are about what a client wants to use.

use std::sync::Arc;

use api::{Error, ErrorKind};
use policy::LabelMatcher;
use resource::{AppAuthConfig, Kind, LabelSelector, Labels, Resource};

use super::{Asked, denied};
use crate::core::Core;

/// The configs that are about what is asked for, by name; at least one.
pub(super) async fn configs_for(
    core: &Core,
    asked: Asked<'_>,
) -> Result<Vec<Arc<AppAuthConfig>>, Error> {
    let configs = match asked.cluster {
        Some(_) => for_any_app(core),
        None => for_labels(core, &labels_of(core, &asked.request.app).await?),
    };
    if !configs.is_empty() {
        return Ok(configs);
    }
    Err(match asked.cluster {
        Some(_) => Error::new(
            ErrorKind::Unauthenticated,
            "no tokens are accepted here for MCP servers of other clusters: use `tsh mcp connect`",
        )
        .because("no app_auth_config has the app_labels '*': '*' and nothing else"),
        None => denied("no app_auth_config is about this app"),
    })
}

/// Those about every app there is, which alone are about apps of other clusters: what labels those have is not
/// known here, and whoever wrote down labels did not mean them.
fn for_any_app(core: &Core) -> Vec<Arc<AppAuthConfig>> {
    let (snapshot, any) = (core.replica.snapshot(), LabelSelector::wildcard());
    let configs = snapshot.app_auth_configs.values();
    configs.filter(|config| config.spec.app_labels == any).cloned().collect()
}

/// Those about an app with these labels.
fn for_labels(core: &Core, labels: &Labels) -> Vec<Arc<AppAuthConfig>> {
    let snapshot = core.replica.snapshot();
    let is_about = |config: &&Arc<AppAuthConfig>| {
        let matcher = LabelMatcher::compile(&config.spec.app_labels);
        matcher.matches(labels).unwrap_or_else(|error| {
            tracing::warn!(config = config.name(), %error, "the labels of an app_auth_config cannot be evaluated");
            false
        })
    };
    snapshot.app_auth_configs.values().filter(is_about).cloned().collect()
}

/// The labels of an app: as it is registered, or as an agent serves it from its own configuration.
async fn labels_of(core: &Core, name: &str) -> Result<Labels, Error> {
    if let Some(Resource::App(app)) = core.records.find(Kind::App, name).await? {
        return Ok(app.all_labels());
    }
    let served = core.catalog.snapshot().servers_of(name).first().cloned();
    served.map(|server| server.spec.app.all_labels()).ok_or_else(|| denied("there is no such app"))
}
