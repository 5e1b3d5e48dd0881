//! Several agents for one app, and several proxies: what one of them does is no matter to the others.
#![expect(clippy::disallowed_types, reason = "real processes run on the machine's own clock")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::sys::signal::Signal;
use serde_json::json;
use testkit::{Cluster, Peer, Real, wait};

use super::{REVISION, SOON, await_connection, call, connect, turned_away};

/// A cluster of which two agents serve `logged`, and the identity of someone who may call `echo` of it.
fn two_agents(real: &Real) -> (Cluster, PathBuf) {
    let mut cluster = Cluster::apart();
    cluster.add_agent("second");
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    await_servers(&cluster, &["agent", "second"]);
    (cluster, alice)
}

/// Waits until just these agents are said to serve `logged`.
fn await_servers(cluster: &Cluster, expected: &[&str]) {
    wait::until("the agents of the app", wait::PATIENCE, || {
        let status = cluster.app_status("logged");
        let serving = status.iter().filter(|server| server["state"] == json!("serving"));
        let hosts: BTreeSet<_> = serving.filter_map(|one| one["hostname"].as_str()).collect();
        let same = hosts.iter().copied().eq(expected.iter().copied());
        if same { Ok(()) } else { Err(format!("{status:?}")) }
    });
}

/// Opens sessions; gives them, and how many of them are with the second agent.
fn sessions(cluster: &Cluster, alice: &Path, count: usize) -> (Vec<Peer>, usize) {
    let mut peers: Vec<_> = (0..count).map(|_| connect(&cluster.way(alice, "logged"))).collect();
    for peer in &mut peers {
        assert!(call(peer, "echo").is_ok());
    }
    let of_second = wait::until("the records of all sessions", wait::PATIENCE, || {
        let starts = cluster.audit(&["--event=mcp.session.start", "--limit=1000"]);
        let of_second = starts.iter().filter(|event| event["server_hostname"] == json!("second"));
        if starts.len() == count { Ok(of_second.count()) } else { Err(format!("{starts:?}")) }
    });
    assert!((1..count).contains(&of_second), "{of_second} of {count} are with the second agent");
    (peers, of_second)
}

/// Waits until so many sessions have ended, each with an error for its client; all others go on.
fn await_ended(peers: &mut [Peer], ended: usize) {
    wait::until("the end of sessions", wait::PATIENCE, || {
        let statuses: Vec<_> =
            peers.iter_mut().filter_map(|peer| peer.process().status()).collect();
        assert!(statuses.iter().all(|status| status.code() == Some(1)), "{statuses:?}");
        if statuses.len() == ended { Ok(()) } else { Err(format!("{} have ended", statuses.len())) }
    });
    for peer in peers {
        if peer.process().status().is_none() {
            assert!(call(peer, "echo").is_ok());
        }
    }
}

/// Connections are opened and used, none of which takes long.
fn are_quick(cluster: &Cluster, alice: &Path, times: usize) {
    for _ in 0..times {
        let begin = Instant::now();
        let mut peer = connect(&cluster.way(alice, "logged"));
        assert!(call(&mut peer, "echo").is_ok());
        assert!(begin.elapsed() < SOON * 3, "{:?}", begin.elapsed());
    }
}

#[test]
fn connections_are_spread_and_an_agent_that_dies_is_passed_over() {
    let real = Real::locate();
    let (mut cluster, alice) = two_agents(&real);
    let (mut peers, of_second) = sessions(&cluster, &alice, 12);
    cluster.agent_named("second").kill();
    are_quick(&cluster, &alice, 8);
    await_ended(&mut peers, of_second);
    // Nobody said goodbye; the records go all the same.
    await_servers(&cluster, &["agent"]);
    cluster.agent_named("second").start();
    await_servers(&cluster, &["agent", "second"]);
}

#[test]
fn an_agent_that_falls_silent_is_passed_over_and_comes_back() {
    let real = Real::locate();
    let (mut cluster, alice) = two_agents(&real);
    let way = cluster.way(&alice, "logged");
    // As a network that was cut does, it closes nothing.
    cluster.agent_named("second").process().signal(Signal::SIGSTOP);
    let hello = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{REVISION}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}}}"#,
    );
    // Until the proxy has noticed. What was sent before it could waits for long, so nobody waits for it here.
    let mut waiting = Vec::new();
    wait::until("the silence to be noticed", wait::PATIENCE, || {
        let mut peer = Peer::start(&way);
        peer.send(hello.as_bytes());
        waiting.push(peer);
        wait::poll(SOON, || {
            let log = cluster.proxy().log();
            if log.contains("gives no sign of life") { Ok(()) } else { Err(log) }
        })
    });
    drop(waiting);
    are_quick(&cluster, &alice, 8);
    cluster.agent_named("second").process().signal(Signal::SIGCONT);
    await_servers(&cluster, &["agent", "second"]);
    are_quick(&cluster, &alice, 4);
}

#[test]
fn an_agent_that_is_asked_to_end_says_so_and_others_go_on() {
    let real = Real::locate();
    let (mut cluster, alice) = two_agents(&real);
    let (mut peers, of_second) = sessions(&cluster, &alice, 8);
    let status = cluster.agent_named("second").stop();
    assert!(status.success(), "{status}");
    // Its records are gone as soon as it is, without anybody's patience.
    let begin = Instant::now();
    await_servers(&cluster, &["agent"]);
    assert!(begin.elapsed() < SOON * 3, "{:?}", begin.elapsed());
    are_quick(&cluster, &alice, 4);
    await_ended(&mut peers, of_second);
}

#[test]
fn a_client_may_come_by_any_proxy_and_tunnels_follow_them() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let (mut second, address) = cluster.another_proxy("proxy-2");
    let by_second =
        cluster.tsh_by(&alice, &address).args(["mcp", "connect", "--no-auto-reconnect", "logged"]);
    let mut there = await_connection(&by_second);
    assert!(call(&mut there, "echo").is_ok());
    // The one that the agent was told of at its start dies; the agent keeps what it found itself.
    cluster.proxy().kill();
    assert!(call(&mut there, "echo").is_ok(), "the session goes on by the other proxy");
    assert!(call(&mut connect(&by_second), "echo").is_ok());
    cluster.proxy().start();
    let mut here = await_connection(&cluster.way(&alice, "logged"));
    assert!(call(&mut here, "echo").is_ok());
    assert!(second.stop().success());
    assert!(call(&mut here, "echo").is_ok());
    assert!(turned_away(&by_second).contains(&address));
    wait::until("the record of the proxy to go", wait::PATIENCE, || {
        let proxies = cluster.tctl_json(&["get", "proxies", "--format=json"]);
        match proxies.as_array().map(Vec::len) {
            Some(1) => Ok(()),
            _ => Err(proxies.to_string()),
        }
    });
}

#[test]
fn a_locked_proxy_loses_the_tunnels_of_agents_until_it_is_unlocked() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let (_second, address) = cluster.another_proxy("proxy-2");
    let by_second =
        cluster.tsh_by(&alice, &address).args(["mcp", "connect", "--no-auto-reconnect", "logged"]);
    let mut there = await_connection(&by_second);
    let mut here = connect(&cluster.way(&alice, "logged"));
    assert!(call(&mut there, "echo").is_ok() && call(&mut here, "echo").is_ok());

    let lock = |host: &str| cluster.admin(&["lock", &format!("--server-id={host}"), "--ttl=1h"]);
    lock("00000000-0000-4000-8000-000000000000");
    assert!(call(&mut there, "echo").is_ok(), "another host is locked");
    lock(&host_of(&cluster, "proxy-2"));
    let begin = Instant::now();
    assert_eq!(there.process().wait(wait::PATIENCE).code(), Some(1));
    assert!(begin.elapsed() < SOON * 3, "{:?}", begin.elapsed());
    // It asks nobody any more, however often: the agent does not come back to it.
    for _ in 0..3 {
        let said = turned_away(&by_second);
        assert!(said.contains("logged"), "{said}");
    }
    assert!(call(&mut here, "echo").is_ok(), "who came by the other goes on");
    wait::until("what the agent says of it", wait::PATIENCE, || {
        let log = cluster.agent().log();
        if log.contains("is locked") { Ok(()) } else { Err(log) }
    });

    for lock in cluster.tctl_json(&["get", "locks", "--format=json"]).as_array().unwrap() {
        let name = lock.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap();
        cluster.admin(&["rm", &format!("lock/{name}")]);
    }
    assert!(call(&mut await_connection(&by_second), "echo").is_ok());
}

/// The host id of a proxy.
fn host_of(cluster: &Cluster, name: &str) -> String {
    let proxies = cluster.tctl_json(&["get", "proxies", "--format=json"]);
    let mut all = proxies.as_array().unwrap().iter();
    let found = all.find(|one| one.pointer("/spec/hostname") == Some(&json!(name)));
    let id = found.and_then(|proxy| proxy.pointer("/metadata/name")?.as_str());
    id.unwrap_or_else(|| panic!("{proxies}")).to_owned()
}
