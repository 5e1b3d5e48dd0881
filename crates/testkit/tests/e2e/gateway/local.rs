//! `tsh proxy mcp` on its own machine: what it says, when it ends, and whom it does not serve. What official
//! clients see through it is the grid's and the conformance suite's business.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use testkit::cluster::LocalProxy;
use testkit::{Cluster, Real, process, wait};

use super::{done, refused};

/// A user who is somebody else.
const STRANGER: u32 = 65_534;

const LIST: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;

/// Posts a message as a program that knows nothing of the protocol; gives all of the answer.
fn post(port: u16, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len();
    let head = format!(
        "POST /mcp HTTP/1.1\r\n{headers}content-type: application/json\r\naccept: application/json, text/event-stream\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_says_what_it_does_and_ends_when_asked() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("logged", &real.logging_server(&cluster.scratch().join("asked.log")));
    let alice = cluster.identity("alice", &["mcp-user"]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut local = cluster.local_proxy(&alice, "logged");
        let said = format!("Proxying connections to logged on 127.0.0.1:{}\n", local.port());
        assert_eq!(local.process().stdout(), said);
        // Also with a stream that never ends by itself.
        let mut stream = TcpStream::connect(("127.0.0.1", local.port())).unwrap();
        write!(stream, "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n").unwrap();
        // A second one on its port is refused, and disturbs nothing.
        let port = local.port().to_string();
        let second = cluster.tsh_as(&alice).args(["proxy", "mcp", "logged", "-p", &port]);
        refused(&cluster.run(&second, ""), &["another program listens", &port, "--port"]);
        assert!(local.stop(signal).success());
    }
    let unknown = cluster.tsh_as(&alice).args(["proxy", "mcp", "no-such-app"]);
    refused(&cluster.run(&unknown, ""), &["no-such-app", "tsh mcp ls"]);
    let elsewhere = cluster.tsh_at(&cluster.scratch().join("nobody"));
    refused(&cluster.run(&elsewhere.args(["proxy", "mcp", "logged"]), ""), &["tsh login"]);
}

#[test]
fn strangers_and_pages_get_nothing() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    cluster.app("logged", &real.logging_server(&log));
    let alice = cluster.identity("alice", &["mcp-user"]);
    let mut local = cluster.local_proxy(&alice, "logged");
    let port = local.port();
    for (headers, words) in [
        ("host: evil.example\r\n", "no host of that name"),
        ("host: localhost\r\norigin: http://evil.example\r\n", "other origins"),
        ("host: localhost\r\nsec-fetch-site: cross-site\r\n", "other sites"),
    ] {
        let answer = post(port, headers, LIST);
        assert!(answer.starts_with("HTTP/1.1 403") && answer.contains(words), "{answer}");
    }
    assert!(!log.exists(), "no server was started for them");
    if !Uid::effective().is_root() {
        return;
    }
    let stranger = |port: u16| {
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/{port}; printf 'POST /mcp HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-type: application/json\\r\\ncontent-length: {}\\r\\nconnection: close\\r\\n\\r\\n%s' '{LIST}' >&3; cat <&3",
            LIST.len()
        );
        let mut command = process::command("setpriv");
        let user = format!("--reuid={STRANGER}");
        command.args([&user, "--regid=65534", "--clear-groups", "bash", "-c", &script]);
        String::from_utf8_lossy(&process::run(command, b"", wait::PATIENCE).stdout).into_owned()
    };
    assert_eq!(stranger(port), "", "not even an error");
    local.process().wait_for_output("refused a connection", wait::PATIENCE);
    assert!(local.process().stderr().contains(&STRANGER.to_string()));
    let open = cluster.tsh_as(&alice).args(["proxy", "mcp", "logged", "--allow-any-local-user"]);
    let open = LocalProxy::start(&open);
    assert!(stranger(open.port()).starts_with("HTTP/1.1 "), "unless that was asked for");
}

#[test]
fn it_goes_on_when_the_proxy_comes_back_or_somebody_signs_in_anew() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    cluster.app("logged", &real.logging_server(&cluster.scratch().join("asked.log")));
    cluster.tools_role("reader", &["echo"]);
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let _said = done(&cluster.login(&mut alice, &[&pin]));
    let argv =
        cluster.tsh_at(&alice.home).args(["proxy", "mcp", "logged", "--proxy-log-output=stdout"]);
    let mut local = LocalProxy::start(&argv);
    let port = local.port();
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let ask = || post(port, "host: localhost\r\n", hello);
    assert!(ask().contains("serverInfo"));
    cluster.proxy().kill();
    let told = ask();
    assert!(
        told.starts_with("HTTP/1.1 200") && told.contains("[MCP_NETWORK_UNAVAILABLE]"),
        "{told}"
    );
    cluster.proxy().start();
    wait::until("an answer", wait::PATIENCE, || {
        let told = ask();
        if told.contains("serverInfo") { Ok(()) } else { Err(told) }
    });
    let _said = done(&cluster.run(&cluster.tsh_at(&alice.home).arg("logout"), ""));
    wait::until("the end of the sign-in", wait::PATIENCE, || {
        let told = ask();
        if told.contains("[MCP_TELEPORT_LOGIN_REQUIRED]") { Ok(()) } else { Err(told) }
    });
    let _said = done(&cluster.login(&mut alice, &[&pin]));
    wait::until("an answer", wait::PATIENCE, || {
        let told = ask();
        if told.contains("serverInfo") { Ok(()) } else { Err(told) }
    });
    assert!(local.process().stdout().contains("connected to"), "its diary is where it was wanted");
    assert_eq!(local.process().stderr(), "");
}
