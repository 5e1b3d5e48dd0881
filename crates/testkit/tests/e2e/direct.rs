//! Each check without the product in between: the parts themselves work, and each helper can tell
//! right from wrong.

use std::fs;

use serde_json::{Value, json};
use testkit::clients::{Era, Inspector, PythonSdk, names};
use testkit::real::recordings;
use testkit::wait::{self, PATIENCE};
use testkit::{Peer, Real, Scratch, census};

use crate::checks;

#[test]
fn inspector_uses_everything() {
    let real = Real::locate();
    checks::inspector(&real, &real.everything());
}

#[test]
fn inspector_refuses_what_is_not_listed_by_itself() {
    let real = Real::locate();
    let done = Inspector::new(&real)
        .run(&real.everything(), &["--method", "tools/call", "--tool-name", "no-such-tool"]);
    assert!(!done.status.success(), "{done:?}");
    assert!(
        done.stderr.contains("tool_not_found")
            || String::from_utf8_lossy(&done.stdout).contains("tool_not_found"),
        "{done:?}"
    );
}

#[test]
fn python_sdk_sees_the_same_each_time_in_both_modes() {
    let real = Real::locate();
    let everything = real.everything();
    assert_eq!(
        checks::python(&real, Era::Legacy, &everything),
        checks::python(&real, Era::Auto, &everything)
    );
}

#[tokio::test]
async fn rmcp_uses_everything() {
    checks::rust(&Real::locate().everything()).await;
}

#[test]
fn everything_answers_byte_for_byte_the_same() {
    let everything = Real::locate().everything();
    assert_eq!(checks::exact(&everything), checks::exact(&everything));
}

#[test]
fn python_and_filesystem_servers_answer() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let python = PythonSdk::new(&real);
    let file = scratch.write("seen/a.txt", "hello\n");
    let filesystem = real.filesystem(&scratch.join("seen"));
    let read =
        python.call(Era::Legacy, &filesystem, "read_text_file", &json!({"path": file})).unwrap();
    assert_eq!(read.pointer("/content/0/text"), Some(&json!("hello\n")));
    for era in [Era::Legacy, Era::Auto, Era::Modern] {
        let tools = names(&python.tools(era, &real.time()).unwrap());
        assert!(
            tools.contains("get_current_time") && tools.contains("convert_time"),
            "{era:?}: {tools:?}"
        );
    }
}

#[test]
fn recorder_passes_and_keeps_every_byte() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let folder = scratch.folder("recorded");
    let direct = checks::exact(&real.everything());
    assert_eq!(direct, checks::exact(&real.recorded(&folder, &real.everything())));
    let recorded = recordings(&folder);
    let [connection] = recorded.as_slice() else {
        panic!("one connection was expected: {recorded:?}")
    };
    let sent = String::from_utf8(connection.sent.clone()).unwrap();
    for message in checks::EXACT {
        assert!(sent.lines().any(|line| line == *message), "{message} is not in {sent}");
    }
    for answer in direct {
        assert!(
            connection.answered.split(|byte| *byte == b'\n').any(|line| line == answer),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn cancellation_reaches_the_server() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let folder = scratch.folder("recorded");
    let server = real.recorded(&folder, &real.everything());
    let saw = PythonSdk::new(&real).everything(Era::Legacy, &server, &["cancellation"]);
    assert_eq!(saw.pointer("/cancellation/ok"), Some(&json!(true)));
    let sent = recordings(&folder)
        .pop()
        .map(|connection| String::from_utf8(connection.sent).unwrap())
        .unwrap();
    let messages =
        sent.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>();
    let is = |method: &str| messages.iter().find(|one| one.get("method") == Some(&json!(method)));
    let call = is("tools/call").and_then(|call| call.get("id"));
    assert!(call.is_some());
    assert_eq!(
        is("notifications/cancelled").and_then(|note| note.pointer("/params/requestId")),
        call
    );
}

#[test]
fn logging_server_tells_what_it_was_sent() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let log = scratch.join("asked.log");
    let (mut peer, _) = Peer::connect(&real.logging_server(&log), "2025-06-18", &json!({}));
    let message = r#"{"id":1.10,"jsonrpc":"2.0","method":"tools/call","params":{"name":"write","arguments":{"n":1.00}}}"#;
    peer.send(message.as_bytes());
    let answer = peer.next_message();
    assert!(String::from_utf8_lossy(&answer).contains(r#""cost":0.10"#));
    let refused = peer.request("tools/call", &json!({"name": "no-such-tool"}));
    assert!(String::from_utf8_lossy(&refused).contains("-32602"));
    let written = fs::read_to_string(&log).unwrap();
    assert!(written.lines().any(|line| line == message), "{written}");
    assert!(!written.contains("delete"), "{written}");
    peer.close();
    peer.process().wait(PATIENCE);
    assert!(fs::read_to_string(&log).unwrap().ends_with("# end\n"));
}

#[test]
#[should_panic(expected = "the refused call reached the server")]
fn a_call_that_reaches_the_server_is_noticed() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let log = scratch.join("asked.log");
    // This server refuses by itself, but it was asked.
    checks::refused(&real.logging_server(&log).args(["--tool", "echo"]), &log, "delete");
}

#[test]
fn connections_that_come_and_go_leave_nothing() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let log = scratch.join("churn.log");
    let server = real.logging_server(&log);
    checks::churn(&server, log.to_str().unwrap(), &[std::process::id()], 20);
}

#[test]
fn census_finds_a_grandchild_that_hides() {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let log = scratch.join("hidden.log");
    let server = real.logging_server(&log).args(["--fork", "--ignore-signals", "--linger"]);
    let (mut peer, _) = Peer::connect(&server, "2025-06-18", &json!({}));
    let id = peer.process().id();
    let needle = log.to_str().unwrap();
    let running = census::with_argument(needle);
    assert_eq!(running.len(), 2, "{running:?}");
    assert_eq!(census::descendants(id).len(), 1);
    assert!(
        census::holdings(id).is_some_and(|held| held.resident_kib > 1000 && held.descriptors >= 4)
    );
    drop(peer);
    // The guard kills a process group; the grandchild left it. That is what the product must be
    // better at.
    let left = census::with_argument(needle);
    let [hidden] = left.as_slice() else { panic!("the grandchild alone was expected: {left:?}") };
    let pid = nix::unistd::Pid::from_raw(hidden.pid.cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    wait::until("the grandchild's end", PATIENCE, || match census::with_argument(needle) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
}
