//! What decisions depend on, read from a cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{Client, ErrorKind};
use policy::AccessState;
use resource::app::KnownLabels;
use resource::{ClusterAuthPreference, Kind, MfaRequirement, Resource, Secrets, User, suggest};

use super::case::{Holder, Roles};
use super::target::Target;
use crate::exit::Refused;

/// Every role.
pub(super) async fn roles(client: &Client) -> Result<Roles, api::Error> {
    let found = client.list(Kind::Role, Secrets::Redact).await?.items;
    Ok(found
        .into_iter()
        .filter_map(|resource| match resource {
            Resource::Role(role) => Some((role.name().to_owned(), Arc::new(role))),
            _ => None,
        })
        .collect())
}

/// Every user.
pub(super) async fn users(client: &Client) -> Result<BTreeMap<String, Holder>, api::Error> {
    let found = client.list(Kind::User, Secrets::Redact).await?.items;
    Ok(found
        .into_iter()
        .filter_map(|resource| match resource {
            Resource::User(user) => Some((user.name().to_owned(), holder(user))),
            _ => None,
        })
        .collect())
}

/// One user.
pub(super) async fn user(client: &Client, name: &str) -> anyhow::Result<Holder> {
    let found = client.get(Kind::User, name, Secrets::Redact).await?;
    Ok(holder(User::try_from(found)?))
}

/// The labels of every app: those that agents serve, with the values that agents see, and those that
/// nobody serves.
pub(super) async fn apps(client: &Client) -> Result<BTreeMap<String, KnownLabels>, api::Error> {
    let mut labels = BTreeMap::new();
    for resource in client.list(Kind::App, Secrets::Redact).await?.items {
        if let Resource::App(app) = resource {
            labels.insert(app.name().to_owned(), app.known_labels());
        }
    }
    for resource in client.list(Kind::AppServer, Secrets::Redact).await?.items {
        if let Resource::AppServer(server) = resource {
            let app = &server.spec.app;
            labels.insert(app.name().to_owned(), app.known_labels());
        }
    }
    Ok(labels)
}

/// The labels of one app.
pub(super) async fn app(client: &Client, name: &str) -> anyhow::Result<KnownLabels> {
    let mut apps = apps(client).await?;
    if let Some(labels) = apps.remove(name) {
        return Ok(labels);
    }
    let refused = Refused::new(Kind::App.not_found(name));
    Err(match suggest::nearest(name, apps.keys().map(String::as_str)) {
        Some(near) => refused.hint(format!("did you mean {near:?}?")),
        None => refused,
    }
    .into())
}

/// A resource that a right is asked about; nothing of a kind that only rules know.
pub(super) async fn target(
    client: &Client,
    kind: &str,
    name: &str,
) -> Result<Option<Target>, api::Error> {
    let Ok(kind) = Kind::parse(kind) else { return Ok(None) };
    match client.get(kind, name, Secrets::Redact).await {
        Ok(found) => Ok(Some(Target::found(&found))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Target::unknown(name))),
        Err(error) => Err(error),
    }
}

/// What the cluster demands of sessions, and what one session has shown.
pub(super) async fn state(client: &Client, mfa_verified: bool) -> anyhow::Result<AccessState> {
    let demand = match client
        .get(Kind::ClusterAuthPreference, resource::cluster_auth_preference::NAME, Secrets::Redact)
        .await
    {
        Ok(found) => ClusterAuthPreference::try_from(found)?.spec.require_session_mfa,
        // A cluster demands nothing until somebody says so.
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    Ok(AccessState {
        mfa_verified,
        cluster_requires_mfa: demand.is_some_and(MfaRequirement::is_required),
        ..AccessState::default()
    })
}

fn holder(user: User) -> Holder {
    Holder { roles: user.spec.roles, traits: user.spec.traits }
}
