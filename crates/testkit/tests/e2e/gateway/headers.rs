//! What clients say to MCP servers by headers of their own, and what never reaches one.

use serde_json::{Value, json};
use testkit::cluster::LocalProxy;
use testkit::http::Call;
use testkit::scripted::{Asked, Out};
use testkit::{Cluster, Peer, Real, Scripted};

use super::{done, refused};

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// Begins a session with anybody, and takes everything.
fn agreeable(asked: &Asked, out: &mut Out) {
    match asked.rpc().as_str() {
        "initialize" => out.json(
            json!({"jsonrpc": "2.0", "id": 1, "result": {
                "protocolVersion": "2025-06-18", "capabilities": {}, "serverInfo": {"name": "s", "version": "1"},
            }})
            .to_string(),
        ),
        "ping" => out.json(format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{}}}}"#, asked.id())),
        _ => out.answer("202 Accepted", &[], ""),
    }
}

/// The headers of the request that began the session, but for those that all requests have.
#[track_caller]
fn began_with(server: &Scripted) -> Vec<(String, String)> {
    let asked = server.asked();
    let begun = asked.iter().rev().find(|asked| asked.rpc() == "initialize").unwrap();
    let ordinary = |name: &str| {
        ["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent"]
            .contains(&name)
            || name == "tessera-jwt-assertion"
    };
    let mut said: Vec<_> =
        begun.headers.iter().filter(|(name, _)| !ordinary(name)).cloned().collect();
    said.sort();
    said
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// An app whose server is this one, with headers that the app sets.
#[track_caller]
fn register(cluster: &Cluster, server: &Scripted, headers: &Value) {
    cluster.put(&json!({
        "kind": "app", "version": "v3", "metadata": {"name": "http", "labels": {"env": "test"}},
        "spec": {
            "uri": server.uri("mcp+http", "/mcp"), "mcp": {"protocol": "legacy"},
            "rewrite": {"headers": headers},
        },
    }));
    cluster.await_served("http");
}

#[test]
fn what_is_given_to_tsh_reaches_the_server_and_no_record() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let given = ["-H", "Authorization: Bearer of-the-user", "-H", "X-Tenant: red"];
    let mut peer = Peer::start(&cluster.way(&alice, "http").args(given));
    peer.send(HELLO.as_bytes());
    drop(peer.answer_to(&json!(1)));
    let expected = [pair("authorization", "Bearer of-the-user"), pair("x-tenant", "red")];
    assert_eq!(began_with(&server), expected);
    drop(peer.request("ping", &json!({})));
    let pinged = server.asked().into_iter().find(|asked| asked.rpc() == "ping").unwrap();
    assert_eq!(pinged.header("authorization"), Some("Bearer of-the-user"));
    let records = cluster.audit(&[]);
    let said = format!("{}{records:?}", cluster.logs());
    assert!(!said.contains("of-the-user"), "{said}");
}

#[test]
fn what_is_the_gateways_is_refused_in_words() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    for header in ["Tessera-Evidence: forged", "X-Forwarded-User: root", "Cookie: a=b", "X_Y: z"] {
        let tsh = cluster.tsh_as(&alice).args(["mcp", "connect", "-H", header, "http"]);
        let ended = cluster.run(&tsh, HELLO);
        assert_eq!(ended.status.code(), Some(64), "{ended:?}");
        let name = header.split(':').next().unwrap();
        assert!(ended.stderr.contains(name) && !ended.stderr.contains("forged"), "{ended:?}");
    }
    let pipe = Real::locate().tls_pipe(&cluster, &alice);
    for name in
        ["tessera-forward-host", "tessera-forward-x-forwarded-for", "tessera-forward-mcp-name"]
    {
        let call = Call::post("/mcp/apps/http", HELLO).header(name, "forged");
        let reply = call.send(pipe.port()).unwrap();
        assert_eq!(reply.status, 400);
        let said = reply.json();
        let words = said.pointer("/error/message").and_then(Value::as_str).unwrap();
        let bare = name.strip_prefix("tessera-forward-").unwrap();
        assert!(words.contains(bare) && !words.contains("forged"), "{said}");
    }
    assert_eq!(server.asked(), [], "nothing reached the server");
}

/// At the cluster's own door, what is not addressed to the server is the cluster's: it may be a credential.
#[test]
fn only_what_is_addressed_to_the_server_passes_the_ingress() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let pipe = Real::locate().tls_pipe(&cluster, &alice);
    let call = Call::post("/mcp/apps/http", HELLO).headers(&[
        ("authorization", "Bearer for-the-cluster"),
        ("x-api-key", "for-the-cluster"),
        ("cookie", "for-the-cluster"),
        ("x-forwarded-user", "root"),
        ("tessera-forward-x-api-key", "one"),
        ("tessera-forward-x-api-key", "two"),
    ]);
    assert_eq!(call.send(pipe.port()).unwrap().status, 200);
    assert_eq!(began_with(&server), [pair("x-api-key", "one"), pair("x-api-key", "two")]);
    assert!(!server.saw("for-the-cluster"));
}

#[test]
fn a_local_client_speaks_to_the_server_alone() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let start = |words: &[&str]| {
        LocalProxy::start(&cluster.tsh_as(&alice).args(["proxy", "mcp"]).args(words).arg("http"))
    };
    let call = Call::post("/mcp", HELLO).headers(&[
        ("authorization", "Bearer of-the-client"),
        ("x-api-key", "of-the-client"),
        ("cookie", "of-the-browser"),
        ("x-forwarded-for", "of-the-client"),
    ]);
    let plain = start(&[]);
    assert_eq!(call.send(plain.port()).unwrap().status, 200);
    let expected =
        [pair("authorization", "Bearer of-the-client"), pair("x-api-key", "of-the-client")];
    assert_eq!(began_with(&server), expected);
    let given = start(&["-H", "Authorization: Bearer given"]);
    assert_eq!(call.send(given.port()).unwrap().status, 200);
    let expected = [pair("authorization", "Bearer given"), pair("x-api-key", "of-the-client")];
    assert_eq!(began_with(&server), expected);
    assert!(!server.saw("of-the-browser"));
}

#[test]
fn what_the_app_sets_is_the_apps_even_where_it_is_left_out() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    let headers = json!([
        {"name": "Authorization", "value": "Bearer of-the-app"},
        {"name": "X-Team", "value": "{{external.nothing}}"},
    ]);
    register(&cluster, &server, &headers);
    let alice = cluster.identity("alice", &["mcp-user"]);
    let given = ["-H", "authorization: Bearer of-the-user", "-H", "x-team: red", "-H", "x-a: b"];
    let mut peer = Peer::start(&cluster.way(&alice, "http").args(given));
    peer.send(HELLO.as_bytes());
    drop(peer.answer_to(&json!(1)));
    let expected = [pair("authorization", "Bearer of-the-app"), pair("x-a", "b")];
    assert_eq!(began_with(&server), expected);
}

/// A server that wants its users to sign in says so to them; only where the app signs in for them, it is the
/// app's business.
#[test]
fn a_server_that_wants_to_know_who_asks_says_so_to_the_client() {
    const WAY: &str = r#"Bearer resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource""#;
    let server = Scripted::start(|asked, out| match asked.header("authorization") {
        Some("Bearer good") => agreeable(asked, out),
        _ => {
            let way = format!("www-authenticate: {WAY}");
            let lines = [way.as_str(), "content-type: application/json"];
            out.answer("401 Unauthorized", &lines, r#"{"error":"invalid_token"}"#);
        }
    });
    let cluster = Cluster::single();
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let proxy = cluster.local_proxy(&alice, "http");
    let asked = Call::post("/mcp", HELLO).send(proxy.port()).unwrap();
    assert_eq!((asked.status, asked.header("www-authenticate")), (401, Some(WAY)));
    let signed_in = Call::post("/mcp", HELLO).header("authorization", "Bearer good");
    assert_eq!(signed_in.send(proxy.port()).unwrap().status, 200);
    register(&cluster, &server, &json!([{"name": "Authorization", "value": "Bearer stale"}]));
    let told =
        testkit::wait::until("the app's new headers", testkit::wait::PATIENCE, || match signed_in
            .send(proxy.port())
            .unwrap()
        {
            reply if reply.status == 200 => Err("the old ones are used".to_owned()),
            reply => Ok(reply),
        });
    assert_eq!((told.status, told.header("www-authenticate")), (502, None));
}

/// By which a client learns how to sign in at the server: as the server has them, and nothing else.
#[test]
fn documents_about_signing_in_pass_and_nothing_else_does() {
    const ABOUT: &str = r#"{"resource" : "https://mcp.example.com/mcp","x":1.0}"#;
    let server = Scripted::start(|asked, out| match asked.path.as_str() {
        "/.well-known/oauth-protected-resource/mcp" => out.json(ABOUT),
        "/.well-known/openid-configuration" => out.json("no JSON"),
        _ => out.answer("404 Not Found", &["content-type: text/plain"], "of nobody's interest"),
    });
    let cluster = Cluster::single();
    register(&cluster, &server, &json!([]));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let proxy = cluster.local_proxy(&alice, "http");
    let get = |path: &str| {
        let reply = Call::new("GET", path).header("authorization", "Bearer secret");
        let reply = reply.send(proxy.port()).unwrap();
        (reply.status, String::from_utf8(reply.whole().unwrap()).unwrap())
    };
    assert_eq!(get("/.well-known/oauth-protected-resource/mcp"), (200, ABOUT.to_owned()));
    for absent in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        let (status, said) = get(absent);
        assert!(status == 404 && !said.contains("interest") && !said.contains("no JSON"), "{said}");
    }
    assert_eq!(server.asked().len(), 3);
    assert!(!server.saw("secret"), "documents are for everybody");
    for other in [
        "/.well-known/security.txt",
        "/.well-known/oauth-protected-resource/mcp/../admin",
        "/.well-known/oauth-protected-resource/other",
        "/admin",
    ] {
        assert_eq!(get(other).0, 404, "{other}");
    }
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn headers_are_configured_for_servers_over_http_alone() {
    let (server, cluster) = (Scripted::start(agreeable), Cluster::single());
    register(&cluster, &server, &json!([]));
    cluster.app("stdio", &Real::locate().everything());
    let alice = cluster.identity("alice", &["mcp-user"]);
    let config = |name: &str| {
        let words = ["mcp", "config", name, "-H", "X-Api-Key: k"];
        cluster.run(&cluster.tsh_as(&alice).args(words), "")
    };
    let over_http: Value = serde_json::from_str(&done(&config("http"))).unwrap();
    let words = over_http.pointer("/mcpServers/tessera-mcp-http/args").unwrap().to_string();
    assert!(words.contains(r#""-H","X-Api-Key: k","http""#), "{words}");
    let stdio = config("stdio");
    assert!(stdio.stderr.contains("left out for stdio"), "{stdio:?}");
    assert!(!done(&stdio).contains("X-Api-Key"));
    let bad = cluster.tsh_as(&alice).args(["mcp", "config", "http", "-H", "no colon"]);
    assert_eq!(cluster.run(&bad, "").status.code(), Some(64));
    let unknown = cluster.tsh_as(&alice).args(["mcp", "config", "nothing", "-H", "X-A: b"]);
    refused(&cluster.run(&unknown, ""), &["no MCP servers found"]);
}
