//! Several agents: what continues something reaches the one that holds it, and is told when that one is gone.

use super::*;
use testkit::wait;

/// A cluster with two agents that both serve a legacy server.
fn two_agents(real: &Real) -> Cluster {
    let mut cluster = Cluster::apart();
    cluster.add_agent("agent-2");
    let log = cluster.scratch().join("grid.log");
    GridServer::start(real, Kind::LegacyStdio, &log).register(&cluster, "legacy");
    wait::until("both agents to serve it", wait::PATIENCE, || {
        let status = cluster.app_status("legacy");
        let serving = status.iter().filter(|server| server["state"] == "serving").count();
        if serving == 2 { Ok(()) } else { Err(format!("{status:?}")) }
    });
    cluster
}

/// Kills the agent whose host's identifier a text begins with.
#[track_caller]
fn kill_whose(cluster: &mut Cluster, text: &str) {
    let status = cluster.app_status("legacy");
    let holds = |server: &&Value| {
        server["host_id"].as_str().is_some_and(|host| text.starts_with(&format!("{host}.")))
    };
    let name = status.iter().find(holds).and_then(|server| server["hostname"].as_str());
    let name = name.unwrap_or_else(|| panic!("{text}: {status:?}")).to_owned();
    cluster.agent_called(&name).kill();
}

fn state_of(asked: &Value) -> (String, Value) {
    let state = asked.pointer("/result/requestState").and_then(Value::as_str);
    let state = state.unwrap_or_else(|| panic!("{asked}")).to_owned();
    let asks = asked.pointer("/result/inputRequests").and_then(Value::as_object);
    let key = asks.and_then(|asks| asks.keys().next()).unwrap().clone();
    let given = json!({
        "requestState": state,
        "inputResponses": {key: {"action": "accept", "content": {"name": "Ada"}}},
    });
    (state, given)
}

#[test]
fn a_held_call_is_continued_by_the_agent_that_holds_it() {
    let real = Real::locate();
    let mut cluster = two_agents(&real);
    let alice = Modern::new(&real, &cluster, "alice");
    let nothing = json!({});
    let mut holders = std::collections::BTreeSet::new();
    // Any agent may be asked: some of these come to the other one first.
    for round in 0..12 {
        // Longer than what proxies hold in any case.
        let arguments = json!({"x": "x".repeat(if round % 2 == 0 { 1 } else { 100_000 })});
        let (state, given) = state_of(&alice.call("ask", &arguments, &nothing));
        holders.insert(state.rsplit_once('.').unwrap().0.to_owned());
        let done = alice.call("ask", &arguments, &given);
        assert_eq!(done.pointer("/result/content/0/text"), Some(&json!("hello Ada")), "{done}");
    }
    assert_eq!(holders.len(), 2, "{holders:?}");
    let (state, given) = state_of(&alice.call("ask", &nothing, &nothing));
    kill_whose(&mut cluster, state.strip_prefix("tessera.").unwrap());
    wait::until("the other agent to say so", wait::PATIENCE, || {
        let refused = alice.call("ask", &nothing, &given);
        let error = &refused["error"];
        let words = error["message"].as_str().unwrap_or_default();
        let told = words.contains("that agent could not be asked") && error["code"] == -32602;
        if told { Ok(()) } else { Err(refused.to_string()) }
    });
    let asked = alice.call("ask", &nothing, &nothing);
    assert_eq!(asked["result"]["resultType"], "input_required", "it begins again: {asked}");
}

#[test]
fn a_session_stays_with_its_agent_and_ends_with_it() {
    let real = Real::locate();
    let mut cluster = two_agents(&real);
    let identity = cluster.identity("alice", &["mcp-user"]);
    let forwarder = real.forwarder(&cluster, &identity, "legacy");
    let ask = |message: &Value, session: Option<&str>| {
        let call = Call::post("/mcp", message.to_string());
        let call = match session {
            Some(session) => {
                call.headers(&[("mcp-session-id", session), ("mcp-protocol-version", "2025-06-18")])
            }
            None => call,
        };
        call.send(forwarder.port()).unwrap()
    };
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"}}});
    let echo = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": "hi"}}});
    let begin = || ask(&hello, None).header("mcp-session-id").unwrap().to_owned();
    let sessions = [(); 6].map(|()| begin());
    for session in &sessions {
        for _ in 0..3 {
            let answer = ask(&echo, Some(session)).whole().unwrap();
            assert!(String::from_utf8_lossy(&answer).contains("echo: hi"), "{answer:?}");
        }
    }
    let (gone, _) = sessions[0].rsplit_once('.').unwrap();
    kill_whose(&mut cluster, &sessions[0]);
    for session in &sessions {
        let lost = session.starts_with(gone);
        wait::until("what becomes of a session", wait::PATIENCE, || {
            let reply = ask(&echo, Some(session));
            let status = reply.status;
            let text = String::from_utf8_lossy(&reply.whole().unwrap()).into_owned();
            let fits = if lost {
                status == 404 && text.contains("begin a new one")
            } else {
                status == 200 && text.contains("echo: hi")
            };
            if fits { Ok(()) } else { Err(format!("{status}: {text}")) }
        });
    }
    let again = begin();
    assert!(!again.starts_with(gone), "{again}");
}
