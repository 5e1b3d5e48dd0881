//! What must hold on every way to a server: each check is given the command that leads there,
//! whether that is the server itself or the gateway.

use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use serde_json::{Value, json};
use testkit::clients::{Era, Inspector, PythonSdk, names};
use testkit::{Argv, Peer, Real, process};

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
