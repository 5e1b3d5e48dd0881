//! What a leaf, or somebody with a leaf's keys, tries at the root and at another leaf.

use api::wire::{ClusterExchange, ClusterJoin, VisitRequest};
use api::{ErrorKind, Operation};
use pki::{CaKind, Credentials, Service};
use serde_json::json;
use testkit::cluster::CLUSTER;
use testkit::{Cluster, Real};
use tunnel::{ALPN_CLUSTER, ALPN_TUNNEL, CLIENT_ADDRESS, EVIDENCE};

use super::villain::{Answer, Keys, Villain, identity};
use super::{DEMO, LEAF, OTHER, reached};
use crate::gateway::{call, connect};

const ALL: [Service; 3] = [Service::Auth, Service::Proxy, Service::App];

/// Three clusters, and the keys of one of them.
struct Scene {
    root: Cluster,
    leaf: Cluster,
    other: Cluster,
    /// A user of the root, whom both leaves let in.
    alice: std::path::PathBuf,
    /// The leaf's.
    keys: Keys,
    villain: Villain,
}

// === impl Scene ===

impl Scene {
    #[track_caller]
    fn new() -> Self {
        let (root, mut leaf) = (Cluster::single(), Cluster::single_called(LEAF));
        let other = Cluster::single_called(OTHER);
        for cluster in [&leaf, &other] {
            cluster.tools_role("guest", &["*"]);
            cluster.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
        }
        let alice = root.identity("alice", &["mcp-user"]);
        let keys = Keys::stolen(&Real::locate(), &mut leaf);
        Self { root, leaf, other, alice, keys, villain: Villain::new() }
    }

    /// Who asks at the port of a cluster's proxy gets to no server, by whatever path.
    #[track_caller]
    fn is_shut_out(&self, at: &Cluster, who: &Credentials, what: &str) {
        let sites = [CLUSTER, LEAF, OTHER].map(|site| format!("/mcp/sites/{site}/apps/{DEMO}"));
        let others = [LEAF, OTHER].into_iter().filter(|site| *site != at.name());
        let lists = others.map(|site| format!("/mcp/sites/{site}/apps"));
        for path in [format!("/mcp/apps/{DEMO}")].into_iter().chain(sites).chain(lists) {
            let answer = self.villain.asks(at.proxy_addr(), &path, Some(who.clone()), &[]);
            assert!(is_refused(&answer), "{what} at {}, {path}: {answer:?}", at.name());
        }
    }

    /// Nor anything of its auth service.
    #[track_caller]
    fn is_nobody(&self, at: &Cluster, who: &Credentials, what: &str) {
        self.is_shut_out(at, who, what);
        assert_eq!(self.villain.opens(at.proxy_addr(), who), [], "{what} at {}", at.name());
    }

    #[track_caller]
    fn gets_no_tunnel(&self, at: &Cluster, who: &Credentials, what: &str) {
        for alpn in [ALPN_TUNNEL, ALPN_CLUSTER] {
            let taken = self.villain.gets_a_tunnel(at.proxy_addr(), who, alpn);
            let alpn = String::from_utf8_lossy(alpn);
            assert!(!taken, "{what} at {} by {alpn}", at.name());
        }
    }
}

/// There is no connection, or who asks is not believed.
fn is_refused(answer: &Answer) -> bool {
    answer.as_ref().is_err() || answer.as_ref().is_ok_and(|(status, _)| *status == 401)
}

#[test]
fn what_a_leaf_certifies_as_a_service_opens_its_tunnel_and_the_exchange_and_nothing_else() {
    let scene = Scene::new();
    let Scene { root, leaf, other, keys, villain, .. } = &scene;
    let clock = &villain.clock;
    let cases: [(&[Service], &[Operation]); 4] = [
        (&[Service::Auth], &[Operation::ExchangeCluster]),
        (&[Service::Proxy], &[]),
        (&[Service::App], &[]),
        (&ALL, &[Operation::ExchangeCluster]),
    ];
    for (services, opened) in cases {
        let who = keys.service(services, clock);
        let what = format!("{services:?}");
        assert_eq!(villain.opens(root.proxy_addr(), &who), opened, "{what}");
        scene.is_shut_out(root, &who, &what);
        let proxy = root.proxy_addr();
        assert!(!villain.gets_a_tunnel(proxy, &who, ALPN_TUNNEL), "{what} became an agent");
        let is_proxy = services.contains(&Service::Proxy);
        assert_eq!(villain.gets_a_tunnel(proxy, &who, ALPN_CLUSTER), is_proxy, "{what}");
        // The other leaf has never heard of this one.
        scene.is_nobody(other, &who, &what);
        scene.gets_no_tunnel(other, &who, &what);
    }
    // What these certificates are at home, they are nowhere else; that they are good there is not in doubt.
    for who in [keys.service(&ALL, clock), keys.service_of(LEAF, &ALL, clock)] {
        assert!(villain.gets_a_tunnel(leaf.proxy_addr(), &who, ALPN_TUNNEL));
    }
    for cluster in [CLUSTER, OTHER] {
        let who = keys.service_of(cluster, &ALL, clock);
        let what = format!("a service of {cluster} by the leaf's key");
        for at in [root, other] {
            scene.is_nobody(at, &who, &what);
            scene.gets_no_tunnel(at, &who, &what);
        }
        let who = Keys::made_up(cluster, clock).service(&ALL, clock);
        let what = format!("a service of {cluster} by a new key");
        for at in [root, other] {
            scene.is_nobody(at, &who, &what);
            scene.gets_no_tunnel(at, &who, &what);
        }
    }
}

#[test]
fn users_whom_a_leaf_makes_up_are_nobody_at_the_root_and_in_the_other_leaf() {
    let scene = Scene::new();
    let Scene { root, other, alice, keys, villain, .. } = &scene;
    let clock = &villain.clock;
    let mut cases = Vec::new();
    for visit in [None, Some(CLUSTER), Some(OTHER)] {
        cases.push((format!("the leaf's own, {visit:?}"), keys.user(visit, clock)));
    }
    for visit in [None, Some(LEAF), Some(OTHER)] {
        for by in [CaKind::User, CaKind::Host] {
            let who = keys.user_of(CLUSTER, visit, by, clock);
            cases.push((format!("the root's by the leaf's {by:?} key, {visit:?}"), who));
        }
    }
    for visit in [None, Some(CLUSTER)] {
        let who = keys.user_of(OTHER, visit, CaKind::User, clock);
        cases.push((format!("the other's by the leaf's key, {visit:?}"), who));
    }
    for (what, who) in &cases {
        for at in [root, other] {
            scene.is_nobody(at, who, what);
        }
    }
    // That they are refused is not for how they ask.
    let (certificate, key) = identity(alice);
    let own = Credentials::alone(&certificate, &key).unwrap();
    assert_ne!(villain.opens(root.proxy_addr(), &own), []);
    for path in [format!("/mcp/apps/{DEMO}"), format!("/mcp/sites/{OTHER}/apps/{DEMO}")] {
        let answer = villain.asks(root.proxy_addr(), &path, Some(own.clone()), &[]);
        assert_eq!(answer.as_ref().map(|(status, _)| *status), Ok(200), "{answer:?}");
    }
}

#[test]
fn certificates_of_the_roots_users_for_a_visit_or_not_are_good_at_no_port_of_a_leaf() {
    let mut scene = Scene::new();
    // As the root's proxy gets them.
    let (proxy, proxy_key) = identity(&scene.root.proxy().data().join("identity.pem"));
    let Scene { root, leaf, other, alice, villain, .. } = &scene;
    let proxy = Credentials::alone(&proxy, &proxy_key).unwrap();
    let (own, key) = identity(alice);
    let proxy = villain.api(root.proxy_addr(), Some(proxy));
    for app in [None, Some(DEMO)] {
        let request = VisitRequest {
            certificate: own.to_pem(),
            app: app.map(str::to_owned),
            client_addr: Some("127.0.0.1:4711".to_owned()),
        };
        let visit = villain.run(proxy.visit(LEAF, &request)).unwrap();
        let visit = pki::Certificate::from_pem(&visit.certificate).unwrap();
        // Of the same key: who holds it can try.
        let who = Credentials::alone(&visit, &key).unwrap();
        for at in [root, leaf, other] {
            scene.is_nobody(at, &who, &format!("a visit to the leaf, {app:?}"));
        }
        // Without the key, as something that is only told.
        let told = base64(&visit);
        for at in [root, leaf, other] {
            let headers = [(EVIDENCE, told.as_str()), (CLIENT_ADDRESS, "127.0.0.1:4711")];
            for path in [format!("/mcp/apps/{DEMO}"), format!("/mcp/sites/{LEAF}/apps/{DEMO}")] {
                let answer = villain.asks(at.proxy_addr(), &path, None, &headers);
                assert!(is_refused(&answer), "{} {path}: {answer:?}", at.name());
            }
        }
    }
    let who = Credentials::alone(&own, &key).unwrap();
    for at in [leaf, other] {
        scene.is_nobody(at, &who, "alice's own");
    }
    // Somebody else's evidence makes nobody else of who is let in.
    let bob = root.identity("bob", &["auditor"]);
    let (bob, bobs_key) = identity(&bob);
    let bob = Credentials::alone(&bob, &bobs_key).unwrap();
    let told = base64(&own);
    let headers = [(EVIDENCE, told.as_str()), (CLIENT_ADDRESS, "192.0.2.1:4711")];
    for path in [format!("/mcp/apps/{DEMO}"), format!("/mcp/sites/{LEAF}/apps/{DEMO}")] {
        let (status, said) =
            villain.asks(root.proxy_addr(), &path, Some(bob.clone()), &headers).unwrap();
        assert!(status == 403 && !said.contains("serverInfo"), "{path}: {status} {said}");
    }
}

fn base64(certificate: &pki::Certificate) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(certificate.der())
}

#[test]
fn no_cluster_speaks_for_another_whatever_it_knows_of_it() {
    let mut scene = Scene::new();
    let others = Keys::stolen(&Real::locate(), &mut scene.other).public();
    let roots = Keys::stolen(&Real::locate(), &mut scene.root).public();
    let Scene { root, alice, keys, villain, .. } = &scene;
    let clock = &villain.clock;
    let own = keys.public();
    let made_up = Keys::made_up(OTHER, clock);
    let made = made_up.public();

    // By its own good certificate.
    let exchange = keys.service(&[Service::Auth], clock);
    let exchange = villain.api(root.proxy_addr(), Some(exchange));
    let tells = |authorities: &api::wire::Authorities| {
        let request = ClusterExchange { authorities: authorities.clone() };
        villain.run(exchange.exchange_cluster(&request))
    };
    let mut both = own.clone();
    both.host.extend(others.host.clone());
    for authorities in [&others, &roots, &made, &both] {
        let error = tells(authorities).unwrap_err();
        assert!(error.message().contains("are not accepted"), "{error}");
    }
    assert_eq!(tells(&own).unwrap().cluster, CLUSTER);

    // By a token, which says nothing of who comes with it.
    let token = root.cluster_token();
    let nobody = villain.api(root.proxy_addr(), None);
    let joins = |cluster: &str, authorities: &api::wire::Authorities| {
        let (token, cluster) = (token.clone(), cluster.to_owned());
        let request = ClusterJoin { token, cluster, authorities: authorities.clone() };
        villain.run(nobody.join_cluster(&request)).unwrap_err()
    };
    let mut and_one_more = others.clone();
    and_one_more.host.extend(made.host.clone());
    for (cluster, authorities, words) in [
        (OTHER, &and_one_more, "another cluster is known here by the name"),
        (OTHER, &made, "another cluster is known here by the name"),
        (OTHER, &own, "are not accepted"),
        (CLUSTER, &roots, "this cluster is called \"testkit\" too"),
        ("new.test", &others, "are not accepted"),
        ("new.test", &roots, "are not accepted"),
    ] {
        let error = joins(cluster, authorities);
        assert_eq!(error.kind(), ErrorKind::Denied, "{cluster}: {error}");
        assert!(error.message().contains(words), "{cluster}: {error}");
    }
    // Nothing is left of it: not by its key, and the real ones are who they were.
    let who = made_up.service(&ALL, clock);
    scene.is_nobody(root, &who, "who wanted to join");
    scene.gets_no_tunnel(root, &who, "who wanted to join");
    assert!(call(&mut reached(root, alice), "tessera_demo_info").is_ok());
    let there = super::way_to(root, alice, OTHER, DEMO);
    assert!(call(&mut connect(&there), "tessera_demo_info").is_ok());
}
