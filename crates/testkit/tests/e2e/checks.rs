//! What must hold on every way to a server: each check is given the command that leads there,
//! whether that is the server itself or the gateway.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use testkit::clients::{Era, Inspector, PythonSdk, names};
use testkit::wait::{self, PATIENCE};
use testkit::{Argv, Peer, Real, census, process};

/// Requests whose answers server-everything gives byte for byte the same each time. Odd ids,
/// spellings and fields on purpose.
pub(crate) const EXACT: &[&str] = &[
    r#"{"jsonrpc":"2.0","id":"a-string","method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":10,"method":"tools/list","params":{}}"#,
    r#"{"id":11,"params":{"arguments":{"message":"\u00fc \/ \u2028 1.10"},"name":"echo"},"method":"tools/call","jsonrpc":"2.0"}"#,
    r#"{"jsonrpc":"2.0","id":12,"method":"tools/call","params":{"name":"get-tiny-image","arguments":{}}}"#,
    r#"{"jsonrpc":"2.0","id":13,"method":"tools/call","params":{"name":"get-sum","arguments":{"a":1e2,"b":0.10}}}"#,
    r#"{"jsonrpc":"2.0","id":14,"method":"prompts/list"}"#,
    r#"{"jsonrpc":"2.0","id":15,"method":"resources/templates/list"}"#,
    r#"{"jsonrpc":"2.0","id":16,"method":"no/such/method","params":{"x-unknown":[1.0,12345678901234567890]}}"#,
];

/// The Inspector lists server-everything's tools and calls one.
pub(crate) fn inspector(real: &Real, everything: &Argv) {
    let inspector = Inspector::new(real);
    let listed = names(&inspector.tools(everything));
    assert!(listed.contains("echo") && listed.contains("get-sum"), "{listed:?}");
    let result = inspector.call(everything, "echo", &[("message", "through the inspector")]);
    assert_eq!(result.pointer("/content/0/text"), Some(&json!("Echo: through the inspector")));
}

/// The Python SDK walks through all that the protocol can do; gives what it saw.
pub(crate) fn python(real: &Real, era: Era, everything: &Argv) -> Value {
    PythonSdk::new(real).everything(era, everything, &[])
}

/// rmcp connects, lists and calls.
pub(crate) async fn rust(everything: &Argv) {
    let (process, stdin, stdout) = process::dialogue(everything.command());
    let stdin = tokio::process::ChildStdin::from_std(stdin).unwrap();
    let stdout = tokio::process::ChildStdout::from_std(stdout).unwrap();
    let client = ()
        .serve((stdout, stdin))
        .await
        .unwrap_or_else(|cause| panic!("rmcp did not connect: {cause}; {}", process.stderr()));
    let tools = client.list_all_tools().await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "echo"), "{tools:?}");
    let arguments = json!({"message": "through rmcp"}).as_object().cloned().unwrap();
    let result = client
        .call_tool(CallToolRequestParams::new("echo").with_arguments(arguments))
        .await
        .unwrap();
    let result = serde_json::to_value(&result).unwrap();
    assert_eq!(result.pointer("/content/0/text"), Some(&json!("Echo: through rmcp")));
    drop(client.cancel().await.unwrap());
}

/// The answers to [`EXACT`], as bytes, after a handshake at 2025-06-18. The handshake's own answer
/// comes first.
pub(crate) fn exact(everything: &Argv) -> Vec<Vec<u8>> {
    let (mut peer, hello) = Peer::connect(everything, "2025-06-18", &json!({}));
    let mut answers = vec![hello];
    answers.extend(peer.converse(EXACT));
    answers
}

/// A call of `tool` is refused with -32602 under its own id and never reaches the logging server
/// that writes to `log`; a call of `echo` on the same connection is served.
pub(crate) fn refused(way: &Argv, log: &Path, tool: &str) {
    let (mut peer, _) = Peer::connect(way, "2025-06-18", &json!({}));
    let mark = "an-argument-that-stands-nowhere-else";
    let params = json!({"name": tool, "arguments": {"text": mark}});
    let answer: Value = serde_json::from_slice(&peer.request("tools/call", &params)).unwrap();
    assert_eq!(answer.pointer("/error/code"), Some(&json!(-32602)), "{answer}");
    let served = peer.request("tools/call", &json!({"name": "echo", "arguments": {"text": "hi"}}));
    let served: Value = serde_json::from_slice(&served).unwrap();
    assert_eq!(served.pointer("/result/isError"), Some(&json!(false)), "{served}");
    let asked = fs::read_to_string(log).unwrap();
    assert!(asked.contains(r#""echo""#), "the log is not that server's:\n{asked}");
    assert!(!asked.contains(mark), "the refused call reached the server:\n{asked}");
}

/// Most that a process may grow over a thousand connections: what an allocator keeps, and no more.
const GROWTH_KIB: u64 = 16 << 10;

/// `rounds` clients connect, speak and leave, every second one without a word. Afterwards no
/// process with `mark` among its arguments is left, and none of `watched` holds more than before.
pub(crate) fn churn(way: &Argv, mark: &str, watched: &[u32], rounds: usize) {
    let visit = |round: usize| {
        let (mut peer, _) = Peer::connect(way, "2025-06-18", &json!({}));
        let answer = peer.request("ping", &json!({}));
        assert!(String::from_utf8_lossy(&answer).contains(r#""result""#), "{answer:?}");
        if round.is_multiple_of(2) {
            peer.close();
        } else {
            peer.process().signal(Signal::SIGKILL);
        }
        peer.process().wait(PATIENCE);
    };
    let nobody = || {
        wait::until("the servers' end", PATIENCE, || match census::with_argument(mark) {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{} are left: {left:?}", left.len())),
        });
    };
    // What is made once and kept does not count.
    (0..8).for_each(visit);
    nobody();
    let before: Vec<_> = watched.iter().map(|pid| census::holdings(*pid).unwrap()).collect();
    (0..rounds).for_each(visit);
    nobody();
    for (pid, before) in watched.iter().zip(before) {
        wait::until("what is held to be given back", PATIENCE, || {
            let now = census::holdings(*pid).ok_or_else(|| format!("{pid} is gone"))?;
            let same = now.descriptors <= before.descriptors && now.threads <= before.threads;
            let grown = now.resident_kib.saturating_sub(before.resident_kib);
            let state = format!("{pid} held {before:?} and holds {now:?}");
            if same && grown <= GROWTH_KIB { Ok(()) } else { Err(state) }
        });
    }
}
