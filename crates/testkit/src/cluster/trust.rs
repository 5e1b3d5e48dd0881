//! Clusters that trust each other, as their administrators make them do it.

use serde_json::{Value, json};

use super::Cluster;
use crate::wait;

// === impl Cluster ===

impl Cluster {
    /// Has this cluster let in the users of another, whose roles are mapped; returns when the other knows it.
    ///
    /// # Panics
    /// When it does not come to that.
    #[track_caller]
    pub fn trust(&self, root: &Self, role_map: &Value) {
        self.put(&root.trusted(role_map, true));
        root.await_online(&self.name);
    }

    /// The document by which other clusters let in the users of this one, with a token that was made for it.
    ///
    /// # Panics
    /// When no token is made.
    #[must_use]
    #[track_caller]
    pub fn trusted(&self, role_map: &Value, enabled: bool) -> Value {
        json!({
            "kind": "trusted_cluster", "version": "v2", "metadata": {"name": self.name},
            "spec": {
                "enabled": enabled, "token": self.cluster_token(),
                "tunnel_addr": self.proxy_addr, "web_proxy_addr": self.proxy_addr,
                "ca_pins": [self.ca_pin], "role_map": role_map,
            },
        })
    }

    /// A token by which another cluster joins this one.
    ///
    /// # Panics
    /// When none is made.
    #[must_use]
    #[track_caller]
    pub fn cluster_token(&self) -> String {
        let made = self.tctl_json(&["tokens", "add", "--type=trusted_cluster", "--format=json"]);
        let token = made.get("token").or_else(|| made.pointer("/metadata/name"));
        match token.and_then(Value::as_str) {
            Some(token) => token.to_owned(),
            None => panic!("no token: {made}"),
        }
    }

    /// Waits until a cluster that has joined this one is there.
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn await_online(&self, leaf: &str) {
        wait::until("the other cluster", wait::PATIENCE, || {
            let seen = self.get(&format!("rc/{leaf}"));
            let connection = seen.pointer("/status/connection").and_then(Value::as_str);
            if connection == Some("online") { Ok(()) } else { Err(seen.to_string()) }
        });
    }
}
