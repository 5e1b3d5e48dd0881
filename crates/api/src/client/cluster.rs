//! What clusters that trust each other ask of one another, and services of their own cluster about them.

use std::collections::BTreeMap;

use http::Method;
use resource::Resource;

use super::{Client, parse_resource};
use crate::error::Error;
use crate::{path, wire};

/// What a user can reach in another cluster.
#[derive(Clone, Debug)]
pub struct Visited {
    /// Live records of apps, of several agents of one app one.
    pub items: Vec<Resource>,
    /// What that cluster lets through of what they offer, by app.
    pub permissions: BTreeMap<String, wire::Permissions>,
}

// === impl Client ===

impl Client {
    /// Makes the caller's cluster one where users of this one may go. Auth services of other clusters call
    /// this.
    ///
    /// # Errors
    /// The token is not good, the names or keys collide, or the server cannot be reached.
    pub async fn join_cluster(
        &self,
        request: &wire::ClusterJoin,
    ) -> Result<wire::ClusterWelcome, Error> {
        self.call(Method::POST, "/v1/clusters/join", Some(request)).await
    }

    /// Tells that the caller's cluster is there and what its authorities are, and learns this one's. Auth
    /// services of clusters that joined call this.
    ///
    /// # Errors
    /// The caller's cluster is not one that joined, or the server cannot be reached.
    pub async fn exchange_cluster(
        &self,
        request: &wire::ClusterExchange,
    ) -> Result<wire::ClusterWelcome, Error> {
        self.call(Method::POST, "/v1/clusters/exchange", Some(request)).await
    }

    /// The clusters that users of this one can reach.
    ///
    /// # Errors
    /// As the server answers, or it cannot be reached.
    pub async fn clusters(&self) -> Result<wire::ClusterList, Error> {
        self.call(Method::GET, "/v1/clusters", None::<&()>).await
    }

    /// The apps of another cluster that the caller can reach, as the proxy that is called says, and what may be
    /// used of them.
    ///
    /// # Errors
    /// The caller may not go there, or the cluster cannot be reached.
    pub async fn list_in_cluster(&self, cluster: &str) -> Result<Visited, Error> {
        let path = format!("/mcp/sites/{}/apps", path::escape(cluster));
        read_visited(self.call(Method::GET, &path, None::<&()>).await?)
    }

    /// What lets a user into another cluster. Proxies call this.
    ///
    /// # Errors
    /// The user's certificate is not good, there is no such cluster, or the server cannot be reached.
    pub async fn visit(
        &self,
        cluster: &str,
        request: &wire::VisitRequest,
    ) -> Result<wire::VisitEvidence, Error> {
        self.call(Method::POST, &path::visits(cluster), Some(request)).await
    }

    /// The same for whom a client's token names, and for one app. Proxies call this.
    ///
    /// # Errors
    /// The token is not accepted there, there is no such cluster, or the server cannot be reached.
    pub async fn visit_by_token(
        &self,
        cluster: &str,
        request: &wire::AppTokenRequest,
    ) -> Result<wire::VisitEvidence, Error> {
        self.call(Method::POST, &path::cluster_tokens(cluster), Some(request)).await
    }

    /// The apps that are served and that a user of another cluster can reach, and what may be used of them.
    /// Proxies call this.
    ///
    /// # Errors
    /// The user may not come in, or the server cannot be reached.
    pub async fn list_for_visitor(&self, request: &wire::VisitorRequest) -> Result<Visited, Error> {
        read_visited(self.list_body_for_visitor(request).await?)
    }

    /// The same as it travels, to be passed on.
    ///
    /// # Errors
    /// As [`Client::list_for_visitor`].
    pub async fn list_body_for_visitor(
        &self,
        request: &wire::VisitorRequest,
    ) -> Result<wire::VisitorApps, Error> {
        self.call(Method::POST, "/v1/visitors/apps", Some(request)).await
    }
}

fn read_visited(body: wire::VisitorApps) -> Result<Visited, Error> {
    let items = body.items.iter().map(|item| parse_resource(item.get().as_bytes()));
    Ok(Visited { items: items.collect::<Result<_, _>>()?, permissions: body.permissions })
}
