//! Clusters that trust each other: a root, where users are, and a leaf, where they may go.

mod borders;
mod following;
mod joining;
mod races;
mod visitors;
mod visits;

use std::time::Duration;

use api::Error;
use resource::{JoinRole, Kind, Resource, Secret, Secrets, Token, TrustedCluster};
use serde_json::json;

use crate::cluster::{Cluster, parse};

pub(crate) const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PATIENCE: Duration = Duration::from_secs(10);

/// A root and a leaf that do not know each other.
pub(crate) async fn strangers() -> (Cluster, Cluster) {
    let (root, leaf) = (Cluster::named("root.test").await, Cluster::named("leaf.test").await);
    root.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    (root, leaf)
}

/// A root, and a leaf that has joined it and gives its `dev`s the role `guest`.
pub(crate) async fn friends() -> (Cluster, Cluster) {
    let (root, leaf) = strangers().await;
    leaf.admin.create(&document(&root, "root.test").into()).await.unwrap();
    (root, leaf)
}

/// The document by which a leaf joins.
pub(crate) fn document(root: &Cluster, name: &str) -> TrustedCluster {
    parse(&json!({
        "kind": "trusted_cluster", "version": "v2", "metadata": {"name": name},
        "spec": {
            "token": TOKEN,
            "web_proxy_addr": root.auth.address().to_string(),
            "ca_pins": root.auth.ca_pins().unwrap(),
            "role_map": [{"remote": "dev", "local": ["guest"]}],
        },
    }))
}

pub(crate) fn with_token(mut cluster: TrustedCluster, token: &str) -> TrustedCluster {
    cluster.spec.token = Secret::new(token.to_owned());
    cluster
}

/// The names of the authorities that a cluster knows, of whatever cluster.
pub(crate) async fn authorities(cluster: &Cluster) -> Vec<String> {
    cluster.names(&cluster.admin, Kind::CertAuthority).await
}

/// The clusters that a cluster believes somebody of.
pub(crate) fn believed(cluster: &Cluster) -> Vec<String> {
    cluster.auth.trust().trust().foreign_clusters().map(str::to_owned).collect()
}

/// Fails unless neither knows anything of the other.
pub(crate) async fn assert_strangers(root: &Cluster, leaf: &Cluster) {
    for cluster in [root, leaf] {
        assert_eq!(authorities(cluster).await.len(), 3, "only its own");
        assert_eq!(believed(cluster), [""; 0]);
        for kind in [Kind::TrustedCluster, Kind::RemoteCluster] {
            assert_eq!(cluster.names(&cluster.admin, kind).await, [""; 0]);
        }
    }
}

pub(crate) async fn get(cluster: &Cluster, kind: Kind, name: &str) -> Result<Resource, Error> {
    cluster.admin.get(kind, name, Secrets::Redact).await
}

/// Waits until something is so, while time goes on in both clusters.
pub(crate) async fn until(what: &str, clusters: [&Cluster; 2], is_so: impl AsyncFn() -> bool) {
    let wait = async {
        while !is_so().await {
            for cluster in clusters {
                cluster.clock.advance(Duration::from_millis(200));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_late| panic!("never: {what}"));
}
