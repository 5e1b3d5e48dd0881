//! Clients that nobody here wrote, through the gateway, against servers that nobody here wrote.

use serde_json::json;
use testkit::clients::{Era, Inspector, PythonSdk, names};
use testkit::real::recordings;
use testkit::{Cluster, Real};

use crate::checks;

/// Elicitation, sampling, roots, progress, cancellation, logging, resources, subscriptions, prompts
/// and completion: what the SDK sees through the gateway is what it sees directly. As a client of both
/// eras it is a modern one here, whatever the server speaks: see `bridge`.
#[test]
fn python_sdk_sees_through_the_gateway_what_it_sees_directly() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("everything", &real.everything());
    let alice = cluster.identity("alice", &["mcp-user"]);
    let way = cluster.way(&alice, "everything");
    let direct = checks::python(&real, Era::Legacy, &real.everything());
    assert_eq!(checks::python(&real, Era::Legacy, &way), direct);
}

#[tokio::test]
async fn inspector_and_rmcp_use_everything() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("everything", &real.everything());
    cluster.tools_role("some", &["echo", "get-*"]);
    let alice = cluster.identity("alice", &["some"]);
    let way = cluster.way(&alice, "everything");
    checks::inspector(&real, &way);
    checks::rust(&way).await;
    let inspector = Inspector::new(&real);
    let listed = names(&inspector.tools(&way));
    assert!(listed.iter().all(|name| name == "echo" || name.starts_with("get-")), "{listed:?}");
    let beyond =
        inspector.run(&way, &["--method", "tools/call", "--tool-name", "trigger-sampling-request"]);
    assert!(!beyond.status.success(), "{beyond:?}");
}

#[test]
fn answers_are_byte_for_byte_those_of_the_server() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let folder = cluster.scratch().folder("recorded");
    cluster.app("recorded", &real.recorded(&folder, &real.everything()));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let seen = checks::exact(&cluster.way(&alice, "recorded"));
    assert_eq!(seen, checks::exact(&real.everything()));
    let recorded = recordings(&folder);
    let [connection] = recorded.as_slice() else {
        panic!("one connection was expected: {recorded:?}")
    };
    let sent = String::from_utf8(connection.sent.clone()).unwrap();
    for message in checks::EXACT {
        assert!(sent.lines().any(|line| line == *message), "{message} is not in {sent}");
    }
    for answer in seen {
        assert!(
            connection.answered.split(|byte| *byte == b'\n').any(|line| line == answer),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }
}

#[test]
fn filesystem_and_python_servers_work_in_every_era() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let file = cluster.scratch().write("seen/a.txt", "hello\n");
    cluster.app("files", &real.filesystem(&cluster.scratch().join("seen")));
    cluster.app("time", &real.time());
    cluster.tools_role("reader", &["read_text_file", "get_current_time"]);
    let alice = cluster.identity("alice", &["reader"]);
    let python = PythonSdk::new(&real);
    let files = cluster.way(&alice, "files");
    let path = json!({"path": file});
    let read = python.call(Era::Legacy, &files, "read_text_file", &path).unwrap();
    assert_eq!(read.pointer("/content/0/text"), Some(&json!("hello\n")));
    let written = json!({"path": file, "content": "gone"});
    let refused = python.call(Era::Legacy, &files, "write_file", &written).unwrap_err();
    assert_eq!(refused.code, -32602, "{refused:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "hello\n");
    let time = cluster.way(&alice, "time");
    for era in [Era::Legacy, Era::Auto, Era::Modern] {
        let tools = names(&python.tools(era, &time).unwrap());
        assert_eq!(tools.into_iter().collect::<Vec<_>>(), ["get_current_time"], "{era:?}");
        let now = python.call(era, &time, "get_current_time", &json!({"timezone": "UTC"}));
        assert!(now.is_ok(), "{era:?}: {now:?}");
        let convert = json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "UTC"});
        let refused = python.call(era, &time, "convert_time", &convert).unwrap_err();
        assert_eq!(refused.code, -32602, "{era:?}: {refused:?}");
    }
}
