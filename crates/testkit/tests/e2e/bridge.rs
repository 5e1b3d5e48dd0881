//! Clients and servers of different eras, with questions, and what is done to abuse them.

use serde_json::{Value, json};
use testkit::clients::{Era, Inspector, PythonSdk, names};
use testkit::grid::{GridServer, Kind};
use testkit::http::Call;
use testkit::{Cluster, HttpServer, Peer, Real};

/// What a modern client can see of a legacy server: all but what its era has no words for.
const MODERN: &[&str] = &[
    "tools",
    "calls",
    "large",
    "concurrent",
    "tool-error",
    "elicitation",
    "sampling",
    "progress",
    "cancellation",
    "resources",
    "prompts",
    "completion",
];

#[test]
fn a_modern_client_sees_of_a_legacy_server_what_a_legacy_one_sees() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("everything", &real.everything());
    let alice = cluster.identity("alice", &["mcp-user"]);
    let way = cluster.way(&alice, "everything");
    let python = PythonSdk::new(&real);
    let direct = python.everything(Era::Legacy, &real.everything(), MODERN);
    let bridged = python.everything(Era::Modern, &way, MODERN);
    for name in MODERN {
        assert_eq!(unsigned(&bridged[name]), unsigned(&direct[name]), "{name}");
    }
}

/// Without what says in each result, in the modern era only, who made it.
fn unsigned(seen: &Value) -> Value {
    match seen {
        Value::Object(members) => {
            let signed = |key: &str| key == "_meta";
            let kept = members.iter().filter(|(key, _)| !signed(key));
            kept.map(|(key, value)| (key.clone(), unsigned(value))).collect()
        }
        Value::Array(elements) => elements.iter().map(unsigned).collect(),
        Value::String(text) if text.starts_with('{') => {
            serde_json::from_str(text).map_or(seen.clone(), |inner: Value| unsigned(&inner))
        }
        _ => seen.clone(),
    }
}

#[test]
fn the_inspector_uses_a_server_that_knows_no_handshake() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("grid.log");
    GridServer::start(&real, Kind::ModernStdio, &log).register(&cluster, "modern");
    cluster.tools_role("some", &["echo", "f*"]);
    let alice = cluster.identity("alice", &["some"]);
    let way = cluster.way(&alice, "modern");
    let inspector = Inspector::new(&real);
    let tools = inspector.tools(&way);
    assert_eq!(names(&tools).into_iter().collect::<Vec<_>>(), ["echo", "fail"]);
    let result = inspector.call(&way, "echo", &[("text", "hi")]);
    assert_eq!(result.pointer("/content/0/text"), Some(&json!("echo: hi")), "{result}");
    for modern in ["resultType", "ttlMs", "cacheScope"] {
        assert!(tools.get(modern).is_none() && result.get(modern).is_none(), "{modern}: {tools}");
    }
}

/// Who writes everything at once and closes its side, as scripts do, still gets all answers.
#[test]
fn what_is_written_ahead_is_answered() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let alice = cluster.identity("alice", &["mcp-user"]);
    for kind in [Kind::LegacyStdio, Kind::ModernStdio] {
        let name = format!("{kind:?}").to_lowercase();
        let log = cluster.scratch().join(format!("{name}.log"));
        GridServer::start(&real, kind, &log).register(&cluster, &name);
        let mut peer = Peer::start(&cluster.way(&alice, &name));
        for line in [
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"echo","arguments":{"text":"ahead"}}}"#,
            r#"{"jsonrpc":"2.0","id":3,"method":"ping"}"#,
        ] {
            peer.send(line.as_bytes());
        }
        peer.close();
        // In any order: a ping need not wait for the server.
        let mut answers =
            [(); 3].map(|()| serde_json::from_slice::<Value>(&peer.next_message()).unwrap());
        answers.sort_by_key(|answer| answer["id"].as_u64());
        let [first, second, third] = answers;
        assert_eq!(first["result"]["protocolVersion"], "2025-06-18", "{kind:?}: {first}");
        let text = second.pointer("/result/content/0/text");
        assert_eq!(text, Some(&json!("echo: ahead")), "{kind:?}: {second}");
        assert_eq!(third["result"], json!({}), "{kind:?}: {third}");
    }
}

mod agents;

/// A modern client of bytes, over HTTP.
struct Modern {
    forwarder: HttpServer,
}

impl Modern {
    fn new(real: &Real, cluster: &Cluster, user: &str) -> Self {
        let identity = cluster.identity(user, &["mcp-user"]);
        Self { forwarder: real.forwarder(cluster, &identity, "legacy") }
    }

    /// Calls a tool that asks for a name; `more` goes into the params.
    #[track_caller]
    fn call(&self, tool: &str, arguments: &Value, more: &Value) -> Value {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
        });
        let mut params = json!({"_meta": meta, "name": tool, "arguments": arguments});
        params.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
        let headers = [
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ];
        let call = Call::post("/mcp", request.to_string()).headers(&headers);
        let answer = call.send(self.forwarder.port()).unwrap().whole().unwrap();
        let text = String::from_utf8(answer).unwrap();
        // Alone, or as the last event of a stream.
        let last = text.lines().rev().find_map(|line| line.strip_prefix("data: "));
        serde_json::from_str(last.unwrap_or(&text)).unwrap()
    }
}

#[test]
fn what_continues_a_call_is_of_use_to_its_caller_alone_and_once() {
    for kind in [Kind::LegacyStdio, Kind::LegacyHttp] {
        let (real, cluster) = (Real::locate(), Cluster::single());
        let log = cluster.scratch().join("grid.log");
        let server = GridServer::start(&real, kind, &log);
        server.register(&cluster, "legacy");
        let [alice, bob] = ["alice", "bob"].map(|user| Modern::new(&real, &cluster, user));
        let nothing = json!({});
        let asked = alice.call("ask", &nothing, &nothing);
        assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
        let state = asked["result"]["requestState"].as_str().unwrap().to_owned();
        let [key] =
            &asked["result"]["inputRequests"].as_object().unwrap().keys().collect::<Vec<_>>()[..]
        else {
            panic!("one question was expected: {asked}")
        };
        let given = |state: &str| {
            json!({
                "requestState": state,
                "inputResponses": {key.as_str(): {"action": "accept", "content": {"name": "Ada"}}},
            })
        };
        let refused = |answer: Value, words: &str| {
            let error = &answer["error"];
            assert_eq!(error["code"], -32602, "{answer}");
            assert!(error["message"].as_str().unwrap().contains(words), "{answer}");
        };
        // Bob may call the same tool, and is asked himself: his own call has nothing to do with hers.
        let of_bob = bob.call("ask", &nothing, &nothing);
        assert_ne!(of_bob["result"]["requestState"], state.as_str());
        let foreign = "is not one that was given for this request";
        refused(bob.call("ask", &nothing, &given(&state)), foreign);
        refused(alice.call("interview", &nothing, &given(&state)), foreign);
        refused(alice.call("ask", &json!({"who": "else"}), &given(&state)), foreign);
        let (head, tail) = state.split_at(state.len() / 2);
        for altered in [format!("{head}A{tail}"), format!("{tail}{head}"), "x".to_owned()] {
            refused(alice.call("ask", &nothing, &given(&altered)), foreign);
        }
        let done = alice.call("ask", &nothing, &given(&state));
        assert_eq!(done.pointer("/result/content/0/text"), Some(&json!("hello Ada")), "{done}");
        refused(alice.call("ask", &nothing, &given(&state)), "was used already");
    }
}
