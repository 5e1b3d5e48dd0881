//! What is of another cluster opens nothing but what is for it.

use api::{Access, Client, ENDPOINTS, ErrorKind, Operation, ServiceClass};
use pki::{Certificate, Credentials, Service};
use serde_json::{Value, json};

use super::friends;
use super::visits::Asker;
use crate::cluster::{Cluster, client_of, role_with};

/// A caller of `at` with credentials of another cluster.
fn caller(at: &Cluster, credentials: Credentials) -> Client {
    let address = at.auth.address().to_string();
    client_of(&address, &at.auth.trust(), &at.clock, Some(credentials), &at.tasks)
}

/// The endpoints of `at` that do not refuse a caller at their door.
async fn opened(client: &Client) -> Vec<Operation> {
    let mut opened = Vec::new();
    for row in ENDPOINTS {
        let path =
            row.path.replace("{kind}", "user").replace("{name}", "x").replace("{token}", "x");
        let body = (row.method != http::Method::GET).then(|| json!({}));
        let answer: Result<Value, _> = client.call(row.method.clone(), &path, body.as_ref()).await;
        let at_the_door = |kind| {
            matches!(kind, ErrorKind::Denied | ErrorKind::Unauthenticated | ErrorKind::Unavailable)
        };
        if !answer.is_err_and(|error| at_the_door(error.kind())) {
            opened.push(row.operation);
        }
    }
    opened
}

#[tokio::test]
async fn an_auth_service_of_the_leaf_opens_the_exchange_and_what_anybody_does() {
    let (root, leaf) = friends().await;
    let (_, credentials) = leaf.host_credentials(&[Service::Auth]).await;
    let mut opened = opened(&caller(&root, credentials)).await;
    let is_public = |operation: &Operation| {
        ENDPOINTS.iter().any(|row| row.operation == *operation && row.access == Access::Public)
    };
    opened.retain(|operation| !is_public(operation));
    assert_eq!(opened, [Operation::ExchangeCluster]);
    // Nobody of the cluster itself does: not by any identity, nor by being on its machine.
    let row = ENDPOINTS.iter().find(|row| row.operation == Operation::ExchangeCluster).unwrap();
    assert_eq!(row.access, Access::Service(ServiceClass::ForeignAuth));
    let own = root.host(&[Service::Auth, Service::Proxy, Service::App]).await.client;
    let exchange = api::wire::ClusterExchange { authorities: leaf.auth.authorities() };
    for caller in [own, root.admin.clone(), root.user("alice", &["access"]).await] {
        let error = caller.exchange_cluster(&exchange).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{error}");
    }
    assert!(root.stranger().exchange_cluster(&exchange).await.is_err());
}

#[tokio::test]
async fn nobody_else_of_another_cluster_gets_in() {
    let (root, leaf) = friends().await;
    root.put(role_with("dev", |_allow| {})).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let visit = Certificate::from_pem(&alice.visit(None).await.unwrap().certificate).unwrap();
    let visiting = || Credentials::alone(&visit, &alice.key).unwrap();
    let own = Certificate::from_pem(&alice.certificate).unwrap();
    // Proxies and agents of the leaf at the root; users of the root, visiting or not, at the leaf; visits at
    // home; the root's services at the leaf.
    let proxy = leaf.host_credentials(&[Service::Proxy]).await.1;
    let agent = leaf.host_credentials(&[Service::App]).await.1;
    let roots_proxy = root.host_credentials(&[Service::Proxy, Service::App]).await.1;
    for (at, credentials) in [
        (&root, proxy),
        (&root, agent),
        (&leaf, visiting()),
        (&leaf, Credentials::alone(&own, &alice.key).unwrap()),
        (&root, visiting()),
        (&leaf, roots_proxy),
    ] {
        assert_eq!(opened(&caller(at, credentials)).await, []);
    }
    // The root's auth service gets as far as the leaf's: its exchange is for clusters that joined, and the
    // root did not.
    let (_, auth) = root.host_credentials(&[Service::Auth]).await;
    let exchange = api::wire::ClusterExchange { authorities: root.auth.authorities() };
    let error = caller(&leaf, auth).exchange_cluster(&exchange).await.unwrap_err();
    assert!(error.message().contains("has not joined"), "{error}");
}
