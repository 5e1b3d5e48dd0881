//! The cluster's keys change while people work: auth, proxy and two agents in a process each.
#![expect(clippy::disallowed_types, reason = "real processes run on the machine's own clock")]

mod clients;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::scope;
use std::time::Instant;

use serde_json::json;
use testkit::cluster::Node;
use testkit::{Argv, Cluster, Real, wait};

use super::{SOON, await_connection, call, connect, refused, turned_away};

/// The phases in which nobody is shut out.
const SAFE: [&str; 3] = ["init", "update_clients", "update_servers"];

fn start(real: &Real) -> (Cluster, PathBuf) {
    let mut cluster = Cluster::apart();
    cluster.add_agent("second");
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    wait::until("both agents", wait::PATIENCE, || {
        let serving = cluster.app_status("logged");
        let serving = serving.iter().filter(|server| server["state"] == json!("serving")).count();
        if serving == 2 { Ok(()) } else { Err(format!("{serving} serve")) }
    });
    (cluster, alice)
}

fn go(cluster: &Cluster, phase: &str) {
    let said = cluster.admin(&["auth", "rotate", "--manual", &format!("--phase={phase}")]);
    assert_eq!(said.matches(phase).count(), 3, "{said}");
}

/// Waits until the proxy and the agents are certified by the new authority, and agents have opened their
/// tunnels again.
fn await_renewal(cluster: &mut Cluster, agents: &[&str]) {
    const RENEWED: &str = "renewed this service's certificate";
    let has = |node: &mut Node, words: &str, times: usize| {
        wait::until(words, wait::PATIENCE, || {
            node.check();
            let log = node.log();
            if log.matches(words).count() >= times { Ok(()) } else { Err(log) }
        });
    };
    has(cluster.proxy(), RENEWED, 1);
    for agent in agents {
        has(cluster.agent_named(agent), RENEWED, 1);
        has(cluster.agent_named(agent), "tunnel to the proxy is up", 2);
    }
}

/// A copy of an identity, which signing in again does not touch.
fn keep(cluster: &Cluster, identity: &Path, name: &str) -> PathBuf {
    let kept = cluster.scratch().join(name);
    std::fs::copy(identity, &kept).unwrap();
    kept
}

/// Calls over one connection, and over a new one each time, until `over`.
fn work(way: &Argv, over: &AtomicBool, calls: &AtomicUsize) {
    let mut lasting = connect(way);
    while !over.load(Ordering::Relaxed) {
        assert_eq!(call(&mut lasting, "echo").map(drop), Ok(()), "over a lasting connection");
        assert_eq!(call(&mut connect(way), "echo").map(drop), Ok(()), "over a new connection");
        calls.fetch_add(2, Ordering::Relaxed);
    }
}

#[test]
fn nobody_who_signs_in_again_in_time_notices() {
    let real = Real::locate();
    let (mut cluster, alice) = start(&real);
    let before = keep(&cluster, &alice, "before.pem");
    let old_pin = cluster.ca_pin().to_owned();
    let (over, calls) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (way, way_of_before) = (cluster.way(&alice, "logged"), cluster.way(&before, "logged"));
    // Opened before anything changes, and idle from then on: its tunnel is replaced under it.
    let mut old = connect(&way_of_before);
    assert!(call(&mut old, "echo").is_ok());
    scope(|scope| {
        let worker = scope.spawn(|| work(&way, &over, &calls));
        let mut done = 0;
        for phase in SAFE {
            go(&cluster, phase);
            // Who signs in now is certified by what signs now; a file is replaced as a whole.
            assert_eq!(cluster.sign("alice", "1h"), alice);
            if phase == "update_servers" {
                await_renewal(&mut cluster, &["agent", "second"]);
            }
            wait::until("calls in this phase", wait::PATIENCE, || {
                assert!(!worker.is_finished(), "a call failed in {phase}\n{}", cluster.logs());
                let now = calls.load(Ordering::Relaxed);
                if now >= done + 6 { Ok(()) } else { Err(format!("{now} calls")) }
            });
            done = calls.load(Ordering::Relaxed);
        }
        over.store(true, Ordering::Relaxed);
        worker.join().unwrap();
    });
    let mut new = connect(&way);
    assert!(call(&mut new, "echo").is_ok());
    assert!(call(&mut old, "echo").is_ok(), "what was opened before goes on until standby");
    // Who did not sign in again knows the old host authority only, and is told what mends it.
    let said = turned_away(&way_of_before);
    assert!(said.contains("not trusted") && said.contains("--ca-pin"), "{said}");
    over.store(false, Ordering::Relaxed);
    scope(|scope| {
        let before = calls.load(Ordering::Relaxed);
        let worker = scope.spawn(|| work(&way, &over, &calls));
        let await_calls = |more: usize| {
            wait::until("calls around standby", wait::PATIENCE, || {
                assert!(!worker.is_finished(), "a call failed\n{}", cluster.logs());
                let now = calls.load(Ordering::Relaxed);
                if now >= before + more { Ok(()) } else { Err(format!("{now} calls")) }
            });
        };
        await_calls(4);
        go(&cluster, "standby");
        let begin = Instant::now();
        let status = old.process().wait(SOON);
        assert!(begin.elapsed() < SOON && status.code() == Some(1), "{status}");
        await_calls(calls.load(Ordering::Relaxed) - before + 6);
        over.store(true, Ordering::Relaxed);
        worker.join().unwrap();
    });
    let said = old.process().stderr();
    assert!(said.contains("no longer accepted") && said.contains("sign in again"), "{said}");
    assert!(call(&mut new, "echo").is_ok(), "who signed in again goes on");
    let said = turned_away(&way_of_before);
    assert!(said.contains("sign in again") || said.contains("tsh login"), "{said}");
    assert!(call(&mut connect(&way), "echo").is_ok());
    // Who joins or signs in now needs the new pin, and `tctl status` shows no other.
    let status = cluster.admin(&["status"]);
    assert!(!status.contains(&old_pin) && status.matches("CA pin").count() == 1, "{status}");
    assert_eq!(cluster.audit(&["--event=cert_authority.rotate"]).len(), 4);
    // Everybody comes back, and by the new keys alone.
    cluster.proxy().stop();
    cluster.proxy().start();
    for agent in ["agent", "second"] {
        cluster.agent_named(agent).stop();
        cluster.agent_named(agent).start();
    }
    assert!(call(&mut await_connection(&way), "echo").is_ok());
}

#[test]
fn every_process_may_be_started_again_in_every_phase_and_all_may_be_taken_back() {
    let real = Real::locate();
    let (mut cluster, alice) = start(&real);
    let way = cluster.way(&alice, "logged");
    for phase in ["init", "update_clients", "update_servers", "rollback", "standby"] {
        go(&cluster, phase);
        if phase == "update_servers" {
            await_renewal(&mut cluster, &["agent", "second"]);
        }
        if phase == "rollback" {
            wait::until("the old authority to certify services again", wait::PATIENCE, || {
                let renewed = "renewed this service's certificate";
                let nodes = [cluster.proxy().log(), cluster.agent_named("second").log()];
                let all = nodes.iter().all(|log| log.matches(renewed).count() >= 2);
                if all { Ok(()) } else { Err(nodes.concat()) }
            });
        }
        cluster.agent_named("second").kill();
        cluster.agent_named("second").start();
        cluster.proxy().stop();
        cluster.proxy().start();
        cluster.auth().stop();
        cluster.auth().start();
        cluster.await_auth();
        // As somebody does who signs in again during each phase.
        assert_eq!(cluster.sign("alice", "1h"), alice);
        let mut peer = await_connection(&way);
        assert!(call(&mut peer, "echo").is_ok(), "{phase}");
    }
    // The new keys are gone with what they had signed, and the old ones are what they were.
    let pin = cluster.ca_pin().to_owned();
    let status = cluster.admin(&["status"]);
    assert!(status.contains(&pin) && status.matches("CA pin").count() == 1, "{status}");
}

#[test]
fn steps_out_of_order_are_refused_with_what_can_follow() {
    let cluster = Cluster::single();
    let done = cluster.tctl(&["auth", "rotate", "--manual", "--phase=update_servers"]);
    refused(&done, &["phase standby", "init can follow"]);
    let said = cluster.admin(&["auth", "rotate", "--grace-period=48h"]);
    assert_eq!(said.matches("init (auto)").count(), 3, "{said}");
    let listed = cluster.admin(&["auth", "ls"]);
    assert_eq!(listed.matches("update_clients at 20").count(), 3, "{listed}");
    let status = cluster.admin(&["status"]);
    assert_eq!(status.matches("CA pin").count(), 2, "{status}");
}
