//! What is left when clients, agents and servers end: nothing.

use std::path::Path;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use testkit::{Argv, Cluster, Peer, Real, census, wait};

use super::{await_connection, call, connect};
use crate::checks;

#[track_caller]
fn nobody_has(mark: &Path) {
    let mark = mark.to_str().unwrap();
    wait::until("the end of what was started", wait::PATIENCE, || {
        match census::with_argument(mark) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{} are left: {left:?}", left.len())),
        }
    });
}

/// A server that ignores signals, stays when its input ends, and has a grandchild in a session of
/// its own that does the same.
fn stubborn(real: &Real, log: &Path) -> Argv {
    real.logging_server(log).args(["--fork", "--ignore-signals", "--linger"])
}

#[track_caller]
fn two_run(log: &Path) {
    let running = census::with_argument(log.to_str().unwrap());
    let servers = running.iter().filter(|seen| seen.command.contains("python"));
    assert!(servers.count() >= 2, "{running:?}");
}

#[test]
fn nothing_outlives_its_client() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("stubborn.log");
    let alice = super::logged_cluster(&cluster, &stubborn(&real, &log));
    let way = cluster.way(&alice, "logged");
    let leave: [fn(&mut Peer); 3] = [
        Peer::close,
        |peer| peer.process().signal(Signal::SIGTERM),
        |peer| peer.process().signal(Signal::SIGKILL),
    ];
    for leave in leave {
        let mut peer = connect(&way);
        two_run(&log);
        leave(&mut peer);
        nobody_has(&log);
    }
}

#[test]
fn an_agent_that_dies_leaves_nothing_and_serves_again() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("stubborn.log");
    let alice = super::logged_cluster(&cluster, &stubborn(&real, &log));
    let way = cluster.way(&alice, "logged");
    for end in [Signal::SIGKILL, Signal::SIGTERM] {
        let mut peer = await_connection(&way);
        two_run(&log);
        assert!(call(&mut peer, "echo").is_ok());
        let agent = cluster.agent().process().id();
        if end == Signal::SIGKILL {
            cluster.agent().kill();
        } else {
            assert!(cluster.agent().stop().success(), "{}", cluster.logs());
        }
        nobody_has(&log);
        assert_eq!(census::descendants(agent), []);
        // The client is told, and does not wait for ever.
        assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
        let said = peer.process().stderr();
        assert!(said.contains("ERROR"), "{said}");
        cluster.agent().start();
        let mut peer = await_connection(&way);
        assert!(call(&mut peer, "echo").is_ok());
    }
    // What was answered is recorded, though nobody had time to say goodbye.
    let is_call = |event: &Value| event.pointer("/message/params/name") == Some(&json!("echo"));
    wait::until("the records of four calls", wait::PATIENCE, || {
        let records = cluster.audit(&["--event=mcp.session.request", "--limit=1000"]);
        match records.iter().filter(|event| is_call(event)).count() {
            4 => Ok(()),
            count => Err(format!("{count}: {records:?}")),
        }
    });
}

#[test]
fn a_server_that_dies_is_told_of() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("dying.log");
    let dying = real.logging_server(&log).args(["--die-on", "echo", "--stderr-bytes", "1000000"]);
    let alice = super::logged_cluster(&cluster, &dying);
    let mut peer = connect(&cluster.way(&alice, "logged"));
    let (code, message) = call(&mut peer, "echo").unwrap_err();
    assert!(code == -32603 && message.contains('3'), "{code} {message}");
    assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
    let told = wait::until("the app's status", wait::PATIENCE, || {
        let status = cluster.app_status("logged");
        let error = status.first().and_then(|one| one.pointer("/last_error/message"));
        error.and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("{status:?}"))
    });
    assert!(told.contains('3') && told.len() < 20_000, "{told}");
    nobody_has(&log);
}

#[test]
fn two_hundred_connections_leave_no_process_descriptor_or_memory() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("churn.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let way = cluster.way(&alice, "logged");
    let watched = [
        cluster.agent().process().id(),
        cluster.proxy().process().id(),
        cluster.auth().process().id(),
    ];
    checks::churn(&way, log.to_str().unwrap(), &watched, 200);
}
