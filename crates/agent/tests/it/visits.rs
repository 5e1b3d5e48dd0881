//! Users of another cluster at an agent of this one.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use pki::jwt::proof::{Asking, prove};
use pki::{
    BoundApp, CaKind, CertificateAuthority, Foreign, PrivateKey, UserIdentity, Visit, VisitTools,
};
use resource::{Kind, Resource};
use serde_json::{Value, json};
use tunnel::PROOF;

use crate::client::TestClient;
use crate::cluster::{CLUSTER, Cluster, document, evidence_of};
use crate::processes::wait_until;
use crate::web::Web;

const ROOT: &str = "root.example.com";

/// The other cluster, of which only the authorities exist.
struct Root {
    users: CertificateAuthority,
}

impl Root {
    /// One that `leaf` trusts: who holds `access` there is `dev` here.
    async fn trusted_by(leaf: &Cluster) -> Self {
        let (now, validity) = (leaf.clock.now(), Duration::from_secs(86_400));
        let authority = |kind| CertificateAuthority::generate(kind, ROOT, now, validity).unwrap();
        let (users, hosts) = (authority(CaKind::User), authority(CaKind::Host));
        let foreign = Foreign {
            cluster: ROOT.to_owned(),
            users: vec![users.certificate().clone()],
            hosts: vec![hosts.certificate().clone()],
        };
        let trust = leaf.trust.trust().with_foreign(vec![foreign]).unwrap();
        leaf.trust.replace(trust);
        leaf.put(trusted(true, &json!([{"remote": "access", "local": ["dev"]}])));
        leaf.copied().await;
        Self { users }
    }

    /// A user of the root on a visit, who has the name and the login of one here.
    fn visitor(leaf: &Cluster, allowed: &[&str]) -> UserIdentity {
        let allowed = allowed.iter().map(|tool| (*tool).to_owned()).collect();
        let tools = VisitTools { allowed, denied: Vec::new() };
        UserIdentity {
            cluster: ROOT.to_owned(),
            roles: vec!["access".to_owned()],
            visit: Some(Visit { cluster: CLUSTER.to_owned(), tools }),
            app: Some(BoundApp::Here("files".to_owned())),
            ..leaf.identity("dev")
        }
    }

    async fn connect(&self, leaf: &Cluster, allowed: &[&str]) -> TestClient {
        let evidence = evidence_of(&self.users, &Self::visitor(leaf, allowed));
        TestClient::connect(&leaf.handler, "files", &evidence).await
    }
}

fn trusted(enabled: bool, role_map: &Value) -> Resource {
    let spec =
        json!({"enabled": enabled, "web_proxy_addr": "root.example.com:443", "role_map": role_map});
    document("trusted_cluster", "v2", ROOT, json!({ "spec": spec }))
}

/// The answer to the first request of who shows this.
async fn refused(leaf: &Cluster, root: &Root, user: &UserIdentity) -> String {
    let mut client =
        TestClient::connect(&leaf.handler, "files", &evidence_of(&root.users, user)).await;
    let answer = client.initialize().await;
    answer["error"]["message"].as_str().unwrap().to_owned()
}

/// A leaf whose role `dev` allows what the root does.
async fn leaf() -> Cluster {
    Cluster::start(&[("dev", json!(["{{internal.mcp_tools}}"]))]).await
}

#[tokio::test]
async fn a_visitor_calls_what_the_root_allows_and_is_recorded_as_a_visitor() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let mut client = root.connect(&leaf, &["ec*"]).await;
    client.initialize().await;
    assert_eq!(client.tools().await, ["echo"]);
    assert!(client.call("echo").await["result"].is_object());
    assert_eq!(client.call_error("hang").await, -32602);
    assert!(!leaf.reached("files").contains("hang"));
    let refused = &leaf.records.of("TMCP003E")[0];
    assert_eq!((&refused["user"], &refused["user_cluster_name"]), (&json!("dev"), &json!(ROOT)));
    assert_eq!(refused["user_roles"], json!(["dev"]), "{refused}");
    assert_eq!(leaf.records.of("TMCP001I")[0]["user_cluster_name"], ROOT);
}

#[tokio::test]
async fn who_has_no_role_here_is_refused_in_words_and_recorded() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let guest = UserIdentity { roles: vec!["dev".to_owned()], ..Root::visitor(&leaf, &["*"]) };
    let words = refused(&leaf, &root, &guest).await;
    assert!(words.contains(r#"no roles mapped for remote user "dev""#), "{words}");
    assert!(words.contains(r#"came with roles "dev""#), "{words}");
    let [refused] = &leaf.records.of("TMCP003E")[..] else { panic!() };
    assert_eq!(refused["user_cluster_name"], ROOT);
    // It is a role of the root, and no role of this cluster.
    assert_eq!(refused["user_roles"], Value::Null, "{refused}");
}

#[tokio::test]
async fn a_connection_is_over_when_the_trust_is() {
    let map = json!([{"remote": "access", "local": ["dev"]}]);
    let nobody = json!([{"remote": "other", "local": ["dev"]}]);
    type Change<'c> = (&'c str, Box<dyn Fn(&Cluster) + 'c>);
    let changes: [Change<'_>; 5] = [
        ("does not trust", Box::new(|leaf| leaf.delete(Kind::TrustedCluster, ROOT))),
        ("does not trust", Box::new(|leaf| leaf.put(trusted(false, &map)))),
        ("no roles mapped", Box::new(|leaf| leaf.put(trusted(true, &nobody)))),
        (
            "no longer accepted",
            Box::new(|leaf| {
                leaf.trust.replace(leaf.trust.trust().with_foreign(Vec::new()).unwrap());
            }),
        ),
        (
            "lock targeting",
            Box::new(|leaf| {
                leaf.put(document("lock", "v2", "l", json!({"spec": {"target": {"role": "dev"}}})));
            }),
        ),
    ];
    for (words, change) in changes {
        let leaf = leaf().await;
        let root = Root::trusted_by(&leaf).await;
        let mut client = root.connect(&leaf, &["*"]).await;
        client.initialize().await;
        client.ask("tools/call", json!({"name": "hang"})).await;
        wait_until("the server has the call", || leaf.reached("files").contains("hang")).await;
        let began = tokio::time::Instant::now();
        change(&leaf);
        let error = client.read().await.expect("an error for the open request");
        assert!(error["error"]["message"].as_str().unwrap().contains(words), "{words}: {error}");
        client.end().await;
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        wait_until("nothing is left", || leaf.mark.alive().is_empty()).await;
    }
}

#[tokio::test]
async fn a_connection_ends_with_the_roots_word() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let mut client = root.connect(&leaf, &["*"]).await;
    client.initialize().await;
    leaf.clock.advance(Duration::from_secs(3_601));
    assert_eq!(client.end().await.0, "expired");
}

#[tokio::test]
async fn a_namesakes_session_is_somebody_elses() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let local = UserIdentity {
        traits: [("mcp_tools".to_owned(), vec!["*".to_owned()])].into(),
        ..leaf.identity("dev")
    };
    let mut own = Web::new(&leaf, "dev", "files");
    own.evidence = leaf.evidence(&local);
    let own = own.start().await;
    let mut guest = Web::new(&leaf, "dev", "files");
    guest.evidence = evidence_of(&root.users, &Root::visitor(&leaf, &["*"]));
    guest.session.clone_from(&own.session);
    assert_eq!(guest.call(2, "echo").await.status, 404);
    assert_eq!(guest.get().await.status, 404);
    assert_eq!(guest.delete().await.status, 404);
    let mut guest = {
        guest.session = None;
        guest
    }
    .start()
    .await;
    assert!(guest.call(2, "echo").await.json().await["result"].is_object());
    guest.evidence.clone_from(&own.evidence);
    assert_eq!(guest.call(3, "echo").await.status, 404, "the other way round");
    assert!(own.call(2, "echo").await.json().await["result"].is_object());
}

#[tokio::test]
async fn evidence_for_a_list_or_for_another_app_opens_none() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    for (app, words) in [(None, "good for listing"), (Some("other"), "another MCP server only")] {
        let app = app.map(|app| BoundApp::Here(app.to_owned()));
        let guest = UserIdentity { app, ..Root::visitor(&leaf, &["*"]) };
        let said = refused(&leaf, &root, &guest).await;
        assert!(said.contains(words), "{said}");
    }
}

#[tokio::test]
async fn modern_requests_of_namesakes_go_to_sessions_of_their_own() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let local = UserIdentity {
        traits: [("mcp_tools".to_owned(), vec!["*".to_owned()])].into(),
        ..leaf.identity("dev")
    };
    let mut own = Web::new(&leaf, "dev", "files");
    own.evidence = leaf.evidence(&local);
    assert!(own.modern_call(json!(1), "echo").await.json().await["result"].is_object());
    assert_eq!(leaf.agent.connections(), 1);
    let mut guest = Web::new(&leaf, "dev", "files");
    guest.evidence = evidence_of(&root.users, &Root::visitor(&leaf, &["*"]));
    assert!(guest.modern_call(json!(1), "echo").await.json().await["result"].is_object());
    assert_eq!(leaf.agent.connections(), 2);
}

#[tokio::test]
async fn evidence_that_is_not_for_a_visit_here_is_none() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let guest = Root::visitor(&leaf, &["*"]);
    let ordinary = UserIdentity { visit: None, ..guest.clone() };
    let elsewhere = Visit { cluster: "other.example.com".to_owned(), tools: VisitTools::default() };
    let elsewhere = UserIdentity { visit: Some(elsewhere), ..guest.clone() };
    assert_eq!(leaf.status("files", &evidence_of(&root.users, &guest)).await, 200);
    for user in [ordinary, elsewhere] {
        assert_eq!(leaf.status("files", &evidence_of(&root.users, &user)).await, 401);
    }
}

#[tokio::test]
async fn a_visitor_proves_to_this_cluster_that_it_asks() {
    let leaf = leaf().await;
    let root = Root::trusted_by(&leaf).await;
    let spec = json!({"spec": {"require_client_proof": true}});
    leaf.put(document("cluster_auth_preference", "v2", "cluster-auth-preference", spec));
    wait_until("the agent has the preference", || {
        leaf.replica.snapshot().auth_preference.is_some()
    })
    .await;
    let key = PrivateKey::generate().unwrap();
    let guest = root.users.issue_user(&key.public(), &Root::visitor(&leaf, &["*"])).unwrap();
    let evidence = STANDARD.encode(guest.der());
    let asks = async |cluster: &str| {
        let asking = Asking { cluster, app: "files" };
        let proof = prove(&key, &asking, leaf.clock.now()).unwrap();
        let mut request = TestClient::request("files", &evidence, api::empty());
        request.headers_mut().append(PROOF, proof.parse().unwrap());
        leaf.handler.call(request).await.status()
    };
    assert_eq!(asks(ROOT).await, StatusCode::UNAUTHORIZED, "a proof for an app of the root");
    assert_eq!(asks(CLUSTER).await, StatusCode::OK);
    let [refused] = &leaf.records.of("TMCP006E")[..] else { panic!() };
    assert_eq!(refused["user_cluster_name"], ROOT);
}
