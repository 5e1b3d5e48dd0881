//! Joining where Kubernetes itself is asked whose a token is: what is believed of its answer, and when nobody is
//! asked. Its API is a stand-in, over TLS, in another language.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use api::{Error, ErrorKind};
use auth::KubernetesApi;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fetch::{Egress, Fetcher};
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use pki::{CaKind, CertificateAuthority, PrivateKey, Service, ServiceIdentity};
use resource::Token;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cluster::{Cluster, NAME, parse, refused};

const DAY: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
const OWN: &str = "the-auth-services-own-token";
const POD: &str = "authentication.kubernetes.io/pod-name";

/// A cluster whose auth service runs in a cluster of Kubernetes.
struct Kubernetes {
    cluster: Cluster,
    server: Child,
    port: u16,
    mounted: TempDir,
}

impl Drop for Kubernetes {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Kubernetes {
    async fn start() -> Self {
        let mounted = tempfile::tempdir().unwrap();
        let now = runtime::Clock::system().now();
        let authority =
            CertificateAuthority::generate(CaKind::Host, "kubernetes", now, DAY).unwrap();
        let key = PrivateKey::generate().unwrap();
        let identity = ServiceIdentity {
            host_id: "00000000-0000-4000-8000-000000000000".to_owned(),
            node_name: "api".to_owned(),
            services: [Service::Proxy].into(),
            cluster: "kubernetes".to_owned(),
            join_token: None,
            issued: now,
            expires: now + time::Duration::DAY,
        };
        let certificate =
            authority.issue_service(&key.public(), &identity, &["127.0.0.1".to_owned()]).unwrap();
        let put = |name: &str, text: &str| std::fs::write(mounted.path().join(name), text).unwrap();
        put("token", OWN);
        put("ca.crt", &authority.certificate().to_pem());
        put("server.pem", &format!("{}{}", certificate.to_pem(), &*key.to_pem()));
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/real/servers/kubernetes.py");
        let mut server = Command::new("python3")
            .arg(script)
            .arg(mounted.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
        let kubernetes = api(port, mounted.path());
        let cluster = Cluster::in_kubernetes(kubernetes).await;
        let kubernetes = Self { cluster, server, port, mounted };
        kubernetes.cluster.put(token("mcp:agent")).await;
        kubernetes
    }

    async fn ask(&self, body: &Value) -> Value {
        let authority = std::fs::read_to_string(self.mounted.path().join("ca.crt")).unwrap();
        let fetcher = Fetcher::trusting(Egress::default(), authority);
        let url = format!("https://127.0.0.1:{}/_ctl", self.port).parse().unwrap();
        let bearer = HeaderValue::from_static("Bearer the-auth-services-own-token");
        let headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
        let answer = fetcher.post_json(&url, headers, body.to_string()).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Makes a token known, and joins by it.
    async fn join(&self, said: Value) -> Result<(), Error> {
        let token = pod_token();
        let mut whose = json!({
            "username": "system:serviceaccount:mcp:agent", "audiences": [NAME],
            "extra": {POD: ["agent-0"], "authentication.kubernetes.io/credential-id": ["JTI=7"]},
        });
        whose.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let _asked = self.ask(&json!({"tokens": {token.as_str(): whose}})).await;
        self.join_by(&token).await
    }

    async fn join_by(&self, id_token: &str) -> Result<(), Error> {
        join(&self.cluster, Some(id_token)).await
    }
}

fn api(port: u16, mounted: &Path) -> KubernetesApi {
    KubernetesApi::from_environment(|name| match name {
        "KUBERNETES_SERVICE_HOST" => Some("127.0.0.1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some(port.to_string()),
        "KUBERNETES_SERVICE_ACCOUNT_PATH" => Some(mounted.to_str().unwrap().to_owned()),
        _ => None,
    })
    .unwrap()
}

fn token(account: &str) -> Token {
    parse(&json!({
        "kind": "token", "version": "v2", "metadata": {"name": "pods"},
        "spec": {
            "roles": ["App"], "join_method": "kubernetes",
            "kubernetes": {"type": "in_cluster", "allow": [{"service_account": account}]},
        },
    }))
}

/// What looks like a token of a service account; whose it is, the API says.
fn pod_token() -> String {
    pod_token_that(|_claims| {})
}

fn pod_token_that(change: impl FnOnce(&mut Value)) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = runtime::Clock::system().now().unix_timestamp();
    let mut claims = json!({
        "iss": "https://kubernetes.default.svc", "jti": rand::random::<u64>(),
        "aud": [NAME], "iat": now, "exp": now + 600,
    });
    change(&mut claims);
    format!("{}.{}.c2ln", part(&json!({"alg": "RS256", "kid": "k"})), part(&claims))
}

async fn join(cluster: &Cluster, id_token: Option<&str>) -> Result<(), Error> {
    let request = api::wire::JoinRequest {
        token: "pods".to_owned(),
        id_token: id_token.map(str::to_owned),
        node_name: "pod".to_owned(),
        services: vec!["app".to_owned()],
        public_key: PrivateKey::generate().unwrap().public().to_pem(),
        names: Vec::new(),
    };
    cluster.stranger().join(&request).await.map(drop)
}

#[tokio::test]
async fn a_pod_joins_whose_token_kubernetes_knows() {
    let kubernetes = Kubernetes::start().await;
    kubernetes.join(json!({})).await.unwrap();
    let record = kubernetes.cluster.records_of("instance.join").await.pop().unwrap();
    assert_eq!(record["workload"]["sub"], "system:serviceaccount:mcp:agent");
    assert_eq!(
        (&record["workload"]["jti"], &record["method"]),
        (&json!("JTI=7"), &json!("kubernetes"))
    );
    let asked = kubernetes.ask(&json!({})).await;
    let review = json!({
        "kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "audiences": [NAME],
    });
    assert_eq!(asked, json!([review]));
}

#[tokio::test]
async fn who_is_another_or_nobodys_pod_does_not() {
    let kubernetes = Kubernetes::start().await;
    for account in ["mcp:agent2", "other:agent", "mcp:agent:x"] {
        let username = format!("system:serviceaccount:{account}");
        refused(kubernetes.join(json!({"username": username})).await, ErrorKind::Denied);
    }
    for username in ["mcp:agent", "system:node:n", "alice", ""] {
        refused(kubernetes.join(json!({"username": username})).await, ErrorKind::Denied);
    }
    for said in [
        json!({"extra": {}}),
        json!({"audiences": ["https://kubernetes.default.svc"]}),
        json!({"audiences": ["other.test"]}),
        json!({"audiences": []}),
    ] {
        refused(kubernetes.join(said).await, ErrorKind::Unauthenticated);
    }
    refused(kubernetes.join_by(&pod_token()).await, ErrorKind::Unauthenticated);
    // What cannot be a token is not asked about.
    let before = kubernetes.ask(&json!({})).await.as_array().unwrap().len();
    let long = format!("{}{}", pod_token(), "A".repeat(16 << 10));
    for wrong in ["", "abc", "a.b.c", long.as_str()] {
        refused(kubernetes.join_by(wrong).await, ErrorKind::Unauthenticated);
    }
    // Nor is what could not be let in.
    let in_vain: [(&str, Value); 6] = [
        ("aud", json!("https://kubernetes.default.svc")),
        ("aud", json!(["other.test"])),
        ("aud", Value::Null),
        ("iss", json!(7)),
        ("exp", json!(1)),
        ("exp", Value::Null),
    ];
    for (claim, value) in in_vain {
        let token = pod_token_that(|claims| claims[claim] = value.clone());
        let error = refused(kubernetes.join_by(&token).await, ErrorKind::Unauthenticated);
        assert!(!format!("{error:?}").contains("Kubernetes does not"), "{claim} {value}");
    }
    refused(join(&kubernetes.cluster, None).await, ErrorKind::Unauthenticated);
    assert_eq!(kubernetes.ask(&json!({})).await.as_array().unwrap().len(), before);
    assert!(
        !kubernetes.cluster.records().await.iter().any(|record| record.to_string().contains(OWN))
    );
}

#[tokio::test]
async fn while_kubernetes_does_not_say_so_nobody_joins() {
    let kubernetes = Kubernetes::start().await;
    let fault = async |name: &str| {
        let _asked = kubernetes.ask(&json!({"fault": name})).await;
        kubernetes.join(json!({})).await
    };
    refused(fault("unaware").await, ErrorKind::Unauthenticated);
    for name in ["forbidden", "broken", "html", "redirect"] {
        refused(fault(name).await, ErrorKind::Unavailable);
    }
    let record = kubernetes.cluster.records_of("instance.join").await.remove(1);
    assert!(record["error"].as_str().unwrap().contains("system:auth-delegator"), "{record}");
    fault("none").await.unwrap();
    // By another authority, or without an own token: nobody is told anything.
    let put = |name: &str, text: &str| {
        std::fs::write(kubernetes.mounted.path().join(name), text).unwrap();
    };
    let known = pod_token();
    put("token", "another");
    refused(kubernetes.join_by(&known).await, ErrorKind::Unavailable);
    put("token", OWN);
    let now = runtime::Clock::system().now();
    let other = CertificateAuthority::generate(CaKind::Host, "kubernetes", now, DAY).unwrap();
    put("ca.crt", &other.certificate().to_pem());
    refused(kubernetes.join_by(&known).await, ErrorKind::Unavailable);
    std::fs::remove_file(kubernetes.mounted.path().join("ca.crt")).unwrap();
    refused(kubernetes.join_by(&known).await, ErrorKind::Unavailable);
}

#[tokio::test]
async fn an_auth_service_that_runs_elsewhere_asks_nobody() {
    let cluster = Cluster::start().await;
    cluster.put(token("mcp:agent")).await;
    let error = refused(join(&cluster, Some(&pod_token())).await, ErrorKind::Denied);
    assert!(error.message().contains("runs in no cluster of Kubernetes"), "{error}");
}
