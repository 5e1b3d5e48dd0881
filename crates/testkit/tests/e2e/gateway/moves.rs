//! A server over HTTP+SSE whose app is registered anew at another address.

use nix::sys::signal::Signal;
use serde_json::json;
use testkit::{Cluster, Real, wait};

use super::connect;

#[test]
fn an_open_stream_stays_where_it_is_and_a_new_one_goes_to_the_new_address() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let (old, mut new) = (real.everything_sse(), real.everything_sse());
    cluster.app_at("moved", &old.uri("mcp+sse+http"));
    let user = cluster.identity("user", &["mcp-user"]);
    let echo = |peer: &mut testkit::Peer| {
        let params = json!({"name": "echo", "arguments": {"message": "here"}});
        super::outcome(&peer.request("tools/call", &params))
    };
    let mut first = connect(&cluster.way(&user, "moved"));
    assert!(echo(&mut first).is_ok());

    cluster.app_at("moved", &new.uri("mcp+sse+http"));
    wait::until("the new address to be served", wait::PATIENCE, || {
        let app = cluster.get("app/moved");
        let served = app.pointer("/status/servers/0/revision");
        let state = app.pointer("/status/servers/0/state");
        let is_new = served == app.pointer("/metadata/revision");
        if is_new && state == Some(&json!("serving")) { Ok(()) } else { Err(app.to_string()) }
    });
    let mut second = connect(&cluster.way(&user, "moved"));
    assert!(echo(&mut second).is_ok());
    assert!(echo(&mut first).is_ok());

    // Which is where shows when one of them is gone.
    new.process().signal(Signal::SIGKILL);
    new.process().wait(wait::PATIENCE);
    assert!(echo(&mut first).is_ok(), "the first connection stays at the old address");
    assert_eq!(second.process().wait(wait::PATIENCE).code(), Some(1));
    wait::until("tsh's last words", wait::PATIENCE, || {
        let said = second.process().stderr();
        if said.contains("ERROR") { Ok(()) } else { Err(said) }
    });
    assert!(echo(&mut first).is_ok());
}
