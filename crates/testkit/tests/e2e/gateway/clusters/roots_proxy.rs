//! What a proxy of the root tries in the leaves, whose tunnels it has: it sees what its users come with.

use api::wire::VisitRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, Request};
use pki::{CaKind, Certificate, Credentials};
use serde_json::json;
use testkit::cluster::CLUSTER;
use testkit::{Cluster, Real};
use tunnel::{CLIENT_ADDRESS, EVIDENCE};

use super::villain::{Answer, FalseProxy, Keys, Villain, hello, identity};
use super::{DEMO, LEAF, OTHER, way, way_to};
use crate::gateway::{await_connection, call};

const CLIENT: &str = "127.0.0.1:4711";
/// Another app of the leaf.
const ANOTHER: &str = "another";

/// The first message to an app, with this evidence.
fn with(app: &str, evidence: &str) -> Request<api::Body> {
    let headers = [(EVIDENCE, evidence), (CLIENT_ADDRESS, CLIENT)];
    hello(&format!("https://agent/v1/mcp/apps/{app}"), &headers)
}

fn told(certificate: &Certificate) -> String {
    STANDARD.encode(certificate.der())
}

fn of(credentials: &Credentials) -> String {
    STANDARD.encode(credentials.chain().first().unwrap())
}

#[track_caller]
fn assert_status(answer: &Answer, wanted: u16, what: &str) {
    let status = answer.as_ref().map(|(status, _)| *status);
    assert_eq!(status.as_ref().ok(), Some(&wanted), "{what}: {answer:?}");
    let is_served = answer.as_ref().is_ok_and(|(_, said)| said.contains("serverInfo"));
    assert_eq!(is_served, wanted == 200, "{what}: {answer:?}");
}

#[test]
fn a_proxy_of_the_root_gets_into_a_leaf_by_what_is_for_that_leaf_and_app_alone() {
    let (real, villain) = (Real::locate(), Villain::new());
    let mut root = Cluster::apart();
    let (mut leaf, mut other) = (Cluster::single_called(LEAF), Cluster::single_called(OTHER));
    for cluster in [&leaf, &other] {
        cluster.tools_role("guest", &["*"]);
        cluster.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    }
    leaf.app(ANOTHER, &real.logging_server(&leaf.scratch().join("asked.log")));
    let alice = root.identity("alice", &["mcp-user"]);
    let own = identity(&leaf.identity("own", &["mcp-user"])).0;
    for there in [way(&root, &alice), way_to(&root, &alice, OTHER, DEMO)] {
        assert!(call(&mut await_connection(&there), "tessera_demo_info").is_ok());
    }
    let leafs = Keys::stolen(&real, &mut leaf);
    let others = Keys::stolen(&real, &mut other);
    let roots = Keys::stolen(&real, &mut root);

    // What it is given for a user who asks.
    let (certificate, _) = identity(&alice);
    let (proxy, proxy_key) = identity(&root.proxy().data().join("identity.pem"));
    let api = villain.api(root.proxy_addr(), Credentials::alone(&proxy, &proxy_key).ok());
    let visit = |site: &str, app: Option<&str>| {
        let request = VisitRequest {
            certificate: certificate.to_pem(),
            app: app.map(str::to_owned),
            client_addr: Some(CLIENT.to_owned()),
        };
        let given = villain.run(api.visit(site, &request)).unwrap().certificate;
        told(&Certificate::from_pem(&given).unwrap())
    };
    let (here, there, listing) =
        (visit(LEAF, Some(DEMO)), visit(OTHER, Some(DEMO)), visit(LEAF, None));
    let clock = &villain.clock;
    let proxy = FalseProxy::instead(&villain, &mut root, &[&leafs, &others]);

    // What it is for is allowed: what follows is not refused for how it is sent.
    assert_status(&proxy.sends(LEAF, with(DEMO, &here)), 200, "a visit to the leaf");
    assert_status(&proxy.sends(OTHER, with(DEMO, &there)), 200, "a visit to the other");

    assert_status(&proxy.sends(OTHER, with(DEMO, &here)), 401, "for the leaf, at the other");
    assert_status(&proxy.sends(LEAF, with(DEMO, &there)), 401, "for the other, at the leaf");
    assert_status(&proxy.sends(LEAF, with(ANOTHER, &here)), 403, "for another app");
    assert_status(&proxy.sends(LEAF, with(DEMO, &listing)), 403, "for a list");
    // What is none: of the root's user at home, of the leaf's own, of services.
    assert_status(&proxy.sends(LEAF, with(DEMO, &told(&certificate))), 401, "alice's own");
    assert_status(&proxy.sends(LEAF, with(DEMO, &told(&own))), 401, "one of the leaf's");
    let host = leafs.service(&[pki::Service::Proxy], clock);
    assert_status(&proxy.sends(LEAF, with(DEMO, &of(&host))), 401, "a service of the leaf's");
    // Made up: by keys of its own under the root's name, and by another leaf's.
    let made_up = Keys::made_up(CLUSTER, clock);
    let cases = [
        ("the root's by a new key", made_up.user(Some(LEAF), clock)),
        ("the other's own user", others.user(Some(LEAF), clock)),
        ("the root's by the other's key", others.user_of(CLUSTER, Some(LEAF), CaKind::User, clock)),
        (
            "the root's by the other's host",
            others.user_of(CLUSTER, Some(LEAF), CaKind::Host, clock),
        ),
        // The leaf's own key, but nobody who comes down this tunnel is one of the leaf's.
        ("the leaf's own by its own key", leafs.user(None, clock)),
        ("the root's by the leaf's key", leafs.user_of(CLUSTER, Some(LEAF), CaKind::User, clock)),
    ];
    for (what, who) in &cases {
        assert_status(&proxy.sends(LEAF, with(DEMO, &of(who))), 401, what);
    }
    // It is the key that is missing, and nothing else: this one is believed, and is for no app.
    let who = roots.user_of(CLUSTER, Some(LEAF), CaKind::User, clock);
    assert_status(&proxy.sends(LEAF, with(DEMO, &of(&who))), 403, "the root's by the root's key");
    // A good one beside another, or behind it.
    let twice = [(EVIDENCE, here.as_str()), (EVIDENCE, there.as_str()), (CLIENT_ADDRESS, CLIENT)];
    let path = format!("https://agent/v1/mcp/apps/{DEMO}");
    assert_status(&proxy.sends(LEAF, hello(&path, &twice)), 401, "two");
    let chain = format!("{},{here}", told(&certificate));
    assert_status(&proxy.sends(LEAF, with(DEMO, &chain)), 401, "a chain");
    assert_status(&proxy.sends(LEAF, hello(&path, &[(EVIDENCE, &here)])), 401, "no address");
    assert_status(&proxy.sends(LEAF, hello(&path, &[])), 401, "none");
    // And nothing but apps is asked for.
    for path in ["/v1/users", "/v1/clusters", "/v1/mcp", "/v1/mcp/apps/../../users", "/web/login"] {
        let request = Request::builder().method(Method::GET).uri(format!("https://agent{path}"));
        let request = request.header(EVIDENCE, &here).header(CLIENT_ADDRESS, CLIENT);
        let answer = proxy.sends(LEAF, request.body(api::empty()).unwrap());
        assert_status(&answer, 404, path);
    }
}

#[test]
fn what_a_proxy_of_the_root_has_seen_is_not_enough_where_a_leaf_wants_proofs() {
    let (real, villain) = (Real::locate(), Villain::new());
    let (mut root, mut leaf) = (Cluster::apart(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    leaf.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    let mut preference = leaf.get("cluster_auth_preference");
    preference["spec"]["require_client_proof"] = json!(true);
    leaf.put(&preference);
    let alice = root.identity("alice", &["mcp-user"]);
    // Who holds the key is let in.
    assert!(call(&mut await_connection(&way(&root, &alice)), "tessera_demo_info").is_ok());
    let leafs = Keys::stolen(&real, &mut leaf);
    let (proxy, proxy_key) = identity(&root.proxy().data().join("identity.pem"));
    let api = villain.api(root.proxy_addr(), Credentials::alone(&proxy, &proxy_key).ok());
    let request = VisitRequest {
        certificate: identity(&alice).0.to_pem(),
        app: Some(DEMO.to_owned()),
        client_addr: Some(CLIENT.to_owned()),
    };
    let given = villain.run(api.visit(LEAF, &request)).unwrap().certificate;
    let given = told(&Certificate::from_pem(&given).unwrap());
    let proxy = FalseProxy::instead(&villain, &mut root, &[&leafs]);
    assert_status(&proxy.sends(LEAF, with(DEMO, &given)), 401, "without a proof");
}
