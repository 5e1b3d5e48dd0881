//! Users of other clusters, as they are seen here.

use std::collections::HashMap;
use std::sync::Arc;

use api::Snapshot;
use parking_lot::Mutex;
use pki::{Identity, UserIdentity};
use policy::{RoleMap, RoleMapError};
use resource::TrustedCluster;

use super::Refusal;

/// Role maps, compiled once for each version of a trusted cluster.
#[derive(Debug, Default)]
pub(super) struct RoleMaps {
    /// By the cluster's name. Guards the table; held for a look-up, never while compiling.
    known: Mutex<HashMap<String, Known>>,
}

#[derive(Clone, Debug)]
struct Known {
    /// What the map was made of.
    of: Arc<TrustedCluster>,
    map: Result<Arc<RoleMap>, RoleMapError>,
}

// === impl RoleMaps ===

impl RoleMaps {
    /// A user of another cluster, verified, with the roles that this cluster gives: those by which everything
    /// is decided and recorded here.
    ///
    /// # Errors
    ///
    /// The user's cluster is not trusted now, gives the user no role here, or calls the user what somebody else
    /// is called.
    pub(super) fn receive(
        &self,
        user: &UserIdentity,
        snapshot: &Snapshot,
        own: &str,
    ) -> Result<Arc<Identity>, Refusal> {
        // Verified evidence is nothing else. With other evidence, the user's cluster has not said so.
        if user.visit.as_ref().is_none_or(|visit| visit.cluster != own) {
            return Err(Refusal::no_visit());
        }
        let trusted = snapshot.trusted_clusters.get(&user.cluster);
        let trusted = trusted
            .filter(|cluster| cluster.spec.enabled)
            .ok_or_else(|| Refusal::not_trusted(&user.cluster))?;
        snapshot.visitor_name(user).map_err(|clash| Refusal::namesake(&clash))?;
        let map = self.compiled(trusted, snapshot);
        let roles = map
            .and_then(|map| map.apply(&user.roles))
            .map_err(|error| Refusal::unmapped(user, &error))?;
        if roles.is_empty() {
            return Err(Refusal::no_roles(user));
        }
        Ok(Arc::new(Identity::User(UserIdentity { roles, ..user.clone() })))
    }

    fn compiled(
        &self,
        cluster: &Arc<TrustedCluster>,
        snapshot: &Snapshot,
    ) -> Result<Arc<RoleMap>, RoleMapError> {
        let known = self.known.lock().get(cluster.name()).cloned();
        if let Some(known) = known.filter(|known| Arc::ptr_eq(&known.of, cluster)) {
            return known.map;
        }
        let map = RoleMap::for_trusted_cluster(&cluster.spec.role_map).map(Arc::new);
        let known = Known { of: cluster.clone(), map: map.clone() };
        let mut table = self.known.lock();
        table.retain(|name, _| snapshot.trusted_clusters.contains_key(name));
        table.insert(cluster.name().to_owned(), known);
        map
    }
}

#[cfg(test)]
mod tests;
