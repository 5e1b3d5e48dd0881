//! Clients that are known by a document at an address of their maker's.

use std::path::PathBuf;

use serde_json::json;
use testkit::{Argv, Cluster, HttpServer, Real, Visitor};

use super::lab::{CALLBACK, Lab, allow};
use super::{Client, clients, signs_in};

/// The maker's site, which the cluster believes from then on.
fn maker_of(real: &Real, cluster: &mut Cluster) -> HttpServer {
    let authority: PathBuf = cluster.scratch().join("maker.pem");
    let script = real.script("servers/client_document.py");
    let site = HttpServer::telling("", &Argv::new(real.python()).arg(script).arg(&authority));
    cluster.auth().restart_with("SSL_CERT_FILE", &authority);
    let _pin = cluster.await_auth();
    site
}

#[test]
fn an_official_client_is_known_by_its_document_where_nobody_may_register() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let site = maker_of(&real, &mut cluster);
    let document = format!("https://localhost:{}/client.json", site.port());
    let only = json!({"allow_oauth_registration": null, "oauth_client_hosts": ["localhost"]});
    allow(&cluster, &only);
    cluster.tools_role("reader", &["echo"]);
    cluster.app("everything", &real.everything());
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let url = format!("https://{}/mcp/apps/everything", cluster.proxy_addr());
    let [.., (_, python)] = clients(&real, &cluster, &url);
    let mut client = Client::start(&python.with_env("CLIENT_DOCUMENT", &document));
    let mut steps = signs_in(&mut alice, &client.asks()).to_vec();
    steps.extend([json!({"click": "#approve"}), json!({"until": "Back to the client"})]);
    let seen = Visitor::new(&real, &cluster).visit(&steps);
    let page = seen.get(2).unwrap();
    let host = format!("known by a document of localhost:{}", site.port());
    for words in ["A documented client", &host, &document, "127.0.0.1"] {
        assert!(page.text().contains(words), "{words:?} is missing: {page:?}");
    }
    let got = client.says();
    assert_eq!(got["tools"], json!(["echo"]), "{got}");
    let _spoiled = client.told("spoil");
    assert_eq!(client.told("call")["tools"], json!(["echo"]));
}

#[test]
fn a_document_is_what_it_says_and_of_a_host_that_is_named() {
    let mut lab = Lab::open();
    let site = maker_of(&lab.real, &mut lab.cluster);
    let at = |host: &str, path: &str| format!("https://{host}:{}{path}", site.port());
    let named = json!({"second_factor": "off", "oauth_client_hosts": ["localhost"]});
    // By default strangers have nothing fetched from inside.
    let own = at("localhost", "/client.json");
    let answer = lab.authorize("own", &own, &json!({}));
    assert!(answer["status"].as_u64().unwrap() >= 400 && answer["location"].is_null(), "{answer}");
    allow(&lab.cluster, &named);
    let begun = lab.await_authorization(&own);
    assert_eq!(begun["status"], 303, "{begun}");
    for wrong in [
        at("localhost", "/other.json"),
        at("localhost", "/moved.json"),
        at("localhost", "/site.json"),
        at("localhost", "/client.json?x"),
        at("localhost", "/x/../client.json"),
        at("127.0.0.1", "/client.json"),
        own.replace("https", "http"),
    ] {
        let answer = lab.authorize("own", &wrong, &json!({"redirect_uri": CALLBACK}));
        assert_eq!(answer["status"], 400, "{wrong}: {answer}");
        assert!(answer["location"].is_null() && answer["refresh"].is_null(), "{wrong}: {answer}");
    }
    let page = lab.sign_in("own", &begun);
    let back = lab.consent("own", &page, "approve");
    let code = super::lab::parameter(&back, "code").unwrap();
    let given = lab.exchange(&own, &code, &json!({}));
    assert_eq!(given["status"], 200, "{given}");
}
