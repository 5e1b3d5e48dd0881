//! The roles that somebody holds: all of them, or nothing.

use std::sync::Arc;

use api::{Error, Snapshot};
use resource::{Kind, Resource, Role, User};

use crate::core::Core;

/// The roles with these names. A certificate that names a role which is gone gives nothing: the
/// role may have been the one that denied.
pub(crate) fn of_names(snapshot: &Snapshot, names: &[String]) -> Result<Vec<Arc<Role>>, Error> {
    names
        .iter()
        .map(|name| snapshot.roles.get(name).cloned().ok_or_else(|| missing(name)))
        .collect()
}

/// The roles of a user as they are in the store.
pub(crate) async fn of_user(core: &Core, user: &User) -> Result<Vec<Role>, Error> {
    let mut roles = Vec::with_capacity(user.spec.roles.len());
    for name in &user.spec.roles {
        match core.records.find(Kind::Role, name).await? {
            Some(Resource::Role(role)) => roles.push(role),
            _ => return Err(missing(name)),
        }
    }
    Ok(roles)
}

fn missing(name: &str) -> Error {
    Error::denied("one of your roles does not exist any more")
        .hint("ask your administrator to correct your roles, then sign in again")
        .because(format!("role {name:?} does not exist"))
}
