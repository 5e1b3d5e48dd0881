//! Other clusters: those whose users come here, and those where users of this one go.
//!
//! The proxies of a cluster that lets users of this one in keep tunnels to this one's, as agents do; what
//! is asked of it goes down one of them, with evidence for the visit ([`Visits`]) in the place of the
//! user's own certificate.

mod dial;
mod guests;
mod inlet;
mod stay;
mod visits;

use std::collections::HashMap;

use parking_lot::RwLock;
use tunnel::Registry;

pub(crate) use self::dial::run as dial;
pub(crate) use self::inlet::serve;
pub(crate) use self::stay::Stay;
pub(crate) use self::visits::{Visit, Visits};

/// The other clusters where users of this one go.
pub(crate) struct Clusters {
    /// Tunnels of each cluster's proxies: none is ever taken for another's. Held for a look-up.
    tunnels: RwLock<HashMap<String, Registry>>,
    pub(crate) visits: Visits,
}

// === impl Clusters ===

impl Clusters {
    pub(crate) fn new() -> Self {
        Self { tunnels: RwLock::default(), visits: Visits::new() }
    }

    /// The tunnels of a cluster that is known.
    pub(crate) fn tunnels_of(&self, cluster: &str) -> Registry {
        let known = self.tunnels.read().get(cluster).cloned();
        known.unwrap_or_else(|| self.tunnels.write().entry(cluster.to_owned()).or_default().clone())
    }
}
