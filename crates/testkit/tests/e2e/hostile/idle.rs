//! Connections to servers that nobody uses.
#![expect(clippy::disallowed_types, reason = "real processes run on the machine's own clock")]

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::http::Call;
use testkit::{Argv, Cluster, HttpServer, Real, wait};

use super::{Came, MODERN, call, read};

/// See `app_service.limits.server_idle_timeout`: that, and a little more. Node's own patience is a second longer.
const IDLE: Duration = Duration::from_millis(4_200);

/// Node's HTTP server, under many MCP servers, closes connections that were idle for five seconds: a call that is on
/// its way then is lost, as nobody can tell whether it was carried out. So none is used again that was idle for long.
#[test]
fn are_not_used_again_when_the_server_may_close_them() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("idle.log");
    let argv = Argv::new(real.node()).arg(real.script("servers/idle.mjs")).arg(&log);
    let server = HttpServer::telling("/mcp", &argv);
    cluster.app_pinned("idle", &server.uri("mcp+http"), "modern");
    cluster.tools_role("user", &["*"]);
    let alice = cluster.identity("alice", &["user"]);
    let pipe = real.tls_pipe(&cluster, &alice);
    let echo = |id: u64| {
        let headers =
            [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "echo")];
        let body = call(id, "echo", &json!({}), Some(0));
        let post = Call::post("/mcp/apps/idle", body).headers(&headers);
        match read(post.send(pipe.port()).unwrap()) {
            Came::Text(text) if text == "did echo" => {}
            other => panic!("{other:?}"),
        }
        let said = std::fs::read_to_string(&log).unwrap();
        said.lines().last().unwrap().to_owned()
    };
    let first = echo(1);
    assert!(first.starts_with("did tools/call on "), "{first}");
    assert_eq!(echo(2), first, "a connection is used again at once");
    let used = Instant::now();
    wait::until("the connection to be idle for long", wait::PATIENCE, || match used.elapsed() {
        idle if idle >= IDLE => Ok(()),
        idle => Err(format!("{idle:?}")),
    });
    assert_ne!(echo(3), first, "nor after that");
}
