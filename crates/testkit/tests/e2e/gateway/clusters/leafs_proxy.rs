//! What a proxy of a leaf, to which users of the root come, learns of them, and what it can do with that.

use api::wire::VisitRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::HeaderValue;
use pki::{Certificate, Credentials, Service};
use serde_json::json;
use testkit::{Cluster, Real, wait};
use tunnel::{APP_NOT_SERVED, CLIENT_ADDRESS, EVIDENCE, HELD_BY};

use super::villain::{FalseLeaf, Keys, Villain, identity};
use super::{DEMO, LEAF, OTHER, way_to};
use crate::gateway::{await_connection, call, connect};

/// The identifier of the host of a cluster of one process.
pub(super) fn host_id(cluster: &mut Cluster) -> String {
    let (certificate, _) = identity(&cluster.auth().data().join("identity.pem"));
    let identity = certificate.unverified_identity().unwrap();
    identity.as_service().unwrap().host_id.clone()
}

#[test]
fn a_leaf_learns_of_a_visit_what_is_good_nowhere_else() {
    let villain = Villain::new();
    let (mut root, mut leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    let mut other = Cluster::single_called(OTHER);
    for cluster in [&leaf, &other] {
        cluster.tools_role("guest", &["*"]);
        cluster.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    }
    let alice = root.identity("alice", &["mcp-user"]);
    assert!(call(&mut await_connection(&super::way(&root, &alice)), "tessera_demo_info").is_ok());
    let keys = Keys::stolen(&Real::locate(), &mut leaf);
    let hosts = [host_id(&mut root), host_id(&mut other)];
    // From here on, nobody but the villain is the leaf; also under the names that hosts of others have.
    leaf.auth().kill();
    let clock = &villain.clock;
    let mut who = vec![keys.service(&[Service::Proxy], clock)];
    who.extend(hosts.iter().map(|host| keys.service_at(host, &[Service::Proxy], clock)));
    let mut says = HeaderMap::new();
    says.insert(HELD_BY, HeaderValue::try_from(&hosts[0]).unwrap());
    let false_leaf = FalseLeaf::new(&villain, root.proxy_addr(), &who, says);

    // To the root's own server, and to the other leaf's, nothing has changed.
    let (own, key) = identity(&alice);
    let as_alice = Credentials::alone(&own, &key).unwrap();
    let headers = [("authorization", "Bearer of-alice"), ("cookie", "a=b")];
    let at = |path: &str, who: Option<&Credentials>, headers: &[(&str, &str)]| {
        villain.asks(root.proxy_addr(), path, who.cloned(), headers)
    };
    for path in [format!("/mcp/apps/{DEMO}"), format!("/mcp/sites/{OTHER}/apps/{DEMO}")] {
        for _ in 0..5 {
            let (status, said) = at(&path, Some(&as_alice), &[]).unwrap();
            assert!(status == 200 && said.contains("serverInfo"), "{path}: {status} {said}");
        }
    }
    assert!(call(&mut connect(&way_to(&root, &alice, OTHER, DEMO)), "tessera_demo_info").is_ok());
    assert_eq!(false_leaf.seen().len(), 0, "{:?}", false_leaf.seen());

    // The tunnel of the process that was killed is gone at some time.
    let path = format!("/mcp/sites/{LEAF}/apps/{DEMO}");
    wait::until("the villain's answer", wait::PATIENCE, || {
        match at(&path, Some(&as_alice), &headers) {
            Ok((200, said)) if said == FalseLeaf::MARK => Ok(()),
            answer => Err(format!("{answer:?}")),
        }
    });
    let seen = false_leaf.seen();
    let seen = seen.last().unwrap();
    assert_eq!(seen.path, format!("/v1/mcp/apps/{DEMO}"));
    for secret in ["authorization", "cookie"] {
        assert!(!seen.headers.contains_key(secret), "{seen:?}");
    }
    let evidence = seen.headers[EVIDENCE].to_str().unwrap();
    let der = STANDARD.decode(evidence).unwrap();
    let visit = Certificate::from_der(der.into()).unwrap();
    let user = visit.unverified_identity().unwrap().as_user().unwrap().clone();
    assert_eq!(user.visit.as_ref().map(|visit| visit.cluster.as_str()), Some(LEAF));
    assert_eq!(user.app, Some(pki::BoundApp::Here(DEMO.to_owned())));

    // As who it is, and as nobody: what it has seen opens nothing.
    let brought = [(EVIDENCE, evidence), (CLIENT_ADDRESS, "127.0.0.1:4711")];
    for proxy in [root.proxy_addr(), other.proxy_addr()] {
        for path in
            [format!("/mcp/apps/{DEMO}"), format!("/mcp/sites/{OTHER}/apps/{DEMO}"), path.clone()]
        {
            for who in [None, who.first().cloned()] {
                let answer = villain.asks(proxy, &path, who, &brought);
                let is_refused = answer.as_ref().map_or(true, |(status, _)| *status == 401);
                assert!(is_refused, "{proxy} {path}: {answer:?}");
            }
        }
    }
    // Nor does it get evidence for more, by what it is at the root.
    let everything = keys.service(&[Service::Auth, Service::Proxy, Service::App], clock);
    let api = villain.api(root.proxy_addr(), Some(everything));
    for (site, certificate) in [(OTHER, &visit), (LEAF, &visit), (OTHER, &own), (LEAF, &own)] {
        let request = VisitRequest {
            certificate: certificate.to_pem(),
            app: None,
            client_addr: Some("127.0.0.1:4711".to_owned()),
        };
        let error = villain.run(api.visit(site, &request)).unwrap_err();
        assert_eq!(error.kind(), api::ErrorKind::Denied, "{site}: {error}");
    }
}

#[test]
fn a_leaf_that_takes_no_request_is_away_and_nothing_worse() {
    let villain = Villain::new();
    let (root, mut leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    leaf.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    let alice = root.identity("alice", &["mcp-user"]);
    let keys = Keys::stolen(&Real::locate(), &mut leaf);
    leaf.auth().kill();
    let who = [keys.service(&[Service::Proxy], &villain.clock)];
    // As an agent of the root's own may, which is then passed over.
    let mut says = HeaderMap::new();
    says.insert(APP_NOT_SERVED, HeaderValue::from_static("1"));
    let false_leaf = FalseLeaf::new(&villain, root.proxy_addr(), &who, says);
    let (own, key) = identity(&alice);
    let as_alice = Credentials::alone(&own, &key).unwrap();
    let path = format!("/mcp/sites/{LEAF}/apps/{DEMO}");
    wait::until("the refusal", wait::PATIENCE, || {
        let answer = villain.asks(root.proxy_addr(), &path, Some(as_alice.clone()), &[]);
        let is_away = matches!(&answer, Ok((503, said)) if said.contains("cannot be reached now"));
        if is_away && !false_leaf.seen().is_empty() { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    let own = villain.asks(root.proxy_addr(), &format!("/mcp/apps/{DEMO}"), Some(as_alice), &[]);
    assert_eq!(own.map(|(status, _)| status), Ok(200));
}
