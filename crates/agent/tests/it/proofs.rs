//! A certificate alone is not its holder, where the cluster says so.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use pki::PrivateKey;
use pki::jwt::proof::{Asking, prove};
use serde_json::json;
use tunnel::PROOF;

use crate::client::TestClient;
use crate::cluster::{CLUSTER, Cluster, document};
use crate::processes::wait_until;

/// Somebody who has a certificate, and its key.
struct Holder {
    evidence: String,
    key: PrivateKey,
}

impl Holder {
    fn new(cluster: &Cluster) -> Self {
        let key = PrivateKey::generate().unwrap();
        let identity = cluster.identity("dev");
        let certificate = cluster.users.issue_user(&key.public(), &identity).unwrap();
        Self { evidence: STANDARD.encode(certificate.der()), key }
    }

    fn proof(&self, cluster: &Cluster, app: &str) -> String {
        prove(&self.key, &Asking { cluster: CLUSTER, app }, cluster.clock.now()).unwrap()
    }

    /// What a request for `files` with these proofs is answered with.
    async fn asks(&self, cluster: &Cluster, proofs: &[String]) -> (StatusCode, String) {
        let mut request = TestClient::request("files", &self.evidence, api::empty());
        for proof in proofs {
            request.headers_mut().append(PROOF, proof.parse().unwrap());
        }
        answer(cluster, request).await
    }
}

async fn answer(cluster: &Cluster, request: Request<api::Body>) -> (StatusCode, String) {
    let response = cluster.handler.call(request).await;
    let status = response.status();
    if status == StatusCode::OK {
        return (status, String::new());
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn strict_cluster() -> Cluster {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let spec = json!({"spec": {"require_client_proof": true}});
    cluster.put(document("cluster_auth_preference", "v2", "cluster-auth-preference", spec));
    wait_until("the agent has the preference", || {
        cluster.replica.snapshot().auth_preference.is_some()
    })
    .await;
    cluster
}

#[tokio::test]
async fn without_a_proof_nobody_is_let_in_where_one_is_wanted() {
    let cluster = strict_cluster().await;
    let holder = Holder::new(&cluster);
    let (status, body) = holder.asks(&cluster, &[]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("wants clients to prove"), "{body}");
    assert_eq!(holder.asks(&cluster, &[holder.proof(&cluster, "files")]).await.0, StatusCode::OK);
    let [refused] = &cluster.records.of("TMCP006E")[..] else { panic!() };
    assert_eq!((&refused["user"], &refused["app_name"]), (&json!("dev"), &json!("files")));

    // Neither over HTTP.
    let mut request = TestClient::request("files", &holder.evidence, api::empty());
    request.headers_mut().insert("content-type", "application/json".parse().unwrap());
    assert_eq!(answer(&cluster, request).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn who_saw_a_certificate_and_its_proofs_gets_little_of_them() {
    let cluster = strict_cluster().await;
    let (holder, other) = (Holder::new(&cluster), Holder::new(&cluster));
    let genuine = holder.proof(&cluster, "files");
    let shown = [
        (vec![other.proof(&cluster, "files")], "not made with the certificate's key"),
        (vec![holder.proof(&cluster, "mail")], "another app"),
        (vec![genuine.clone(), genuine.clone()], "wants clients to prove"),
        (vec!["no proof".to_owned()], "not made with"),
    ];
    for (proofs, expected) in shown {
        let (status, body) = holder.asks(&cluster, &proofs).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{proofs:?}");
        assert!(body.contains(expected), "{body}");
    }
    cluster.clock.advance(Duration::from_secs(61));
    let (status, body) = holder.asks(&cluster, &[genuine]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("do the clocks agree?"), "{body}");
    assert!(!cluster.reached("files").contains("start"), "no server was started");
}

#[tokio::test]
async fn where_none_is_wanted_none_is_looked_at() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let holder = Holder::new(&cluster);
    for proofs in [vec![], vec!["no proof".to_owned()]] {
        assert_eq!(holder.asks(&cluster, &proofs).await.0, StatusCode::OK);
    }
}
