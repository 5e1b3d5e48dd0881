//! What a configuration file says is what runs.

use serde_json::json;
use testkit::cluster::own_user;
use testkit::process::{self, Finished};
use testkit::{Binaries, Cluster, Real, Scratch, wait};

use super::{call, connect, done, listed, refused, text};

fn tessera(words: &[&str]) -> Finished {
    let mut command = Binaries::locate().tessera();
    command.args(words);
    process::run(command, b"", wait::PATIENCE)
}

#[test]
fn configure_writes_what_start_reads() {
    let (binaries, scratch) = (Binaries::locate(), Scratch::new());
    let (file, data) = (scratch.join("tessera.yaml"), scratch.join("data"));
    let configure = [
        "configure",
        "--roles=auth,proxy,app",
        "--cluster-name=written",
        "--mcp-demo-server",
        "--data-dir",
        text(&data),
        "-o",
        text(&file),
    ];
    let _said = done(&tessera(&configure));
    refused(&tessera(&configure), &[text(&file)]);
    // On ports that are free, and with the section's other name.
    let written = std::fs::read_to_string(&file).unwrap();
    let written =
        written.replace("0.0.0.0:3025", "127.0.0.1:0").replace("0.0.0.0:3080", "127.0.0.1:0");
    assert!(written.contains("\ntessera:\n"), "{written}");
    std::fs::write(&file, written.replace("\ntessera:\n", "\nteleport:\n")).unwrap();
    let mut command = binaries.tessera();
    command.args(["start", "-c", text(&file)]);
    let mut running = process::service(command);
    running.wait_for_output("ready", wait::PATIENCE);
    let mut status = binaries.tctl();
    status.args(["-c", text(&file), "status"]);
    let status = done(&process::run(status, b"", wait::PATIENCE));
    assert!(status.contains("written"), "{status}");
    running.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(running.wait(wait::PATIENCE).success(), "{}", running.stderr());
}

#[test]
fn mistakes_of_a_configuration_are_told_with_their_place() {
    let scratch = Scratch::new();
    let start = |content: &str| {
        let file = scratch.write("tessera.yaml", content);
        tessera(&["start", "-c", text(&file)])
    };
    let mistaken = "version: v3\ntessera:\n  data_dri: /tmp\nauth_service:\n  enabled: maybe\n";
    let told = start(mistaken);
    assert_eq!(told.status.code(), Some(64), "{told:?}");
    for word in ["tessera.yaml:3:3: ", "data_dri", "data_dir", ":5:12: ", "enabled"] {
        assert!(told.stderr.contains(word), "{word:?} is missing:\n{}", told.stderr);
    }
    let nothing = start("version: v3\n");
    assert_eq!(nothing.status.code(), Some(64), "{nothing:?}");
    assert!(nothing.stderr.contains("no service is enabled"), "{nothing:?}");
    let missing = tessera(&["start", "-c", text(&scratch.join("missing.yaml"))]);
    assert!(!missing.status.success() && missing.stderr.contains("missing.yaml"), "{missing:?}");
}

#[test]
fn static_apps_and_the_demo_server_are_served_beside_registered_ones() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("static.log");
    let server = real.logging_server(&log);
    let words: Vec<&str> = server.words().collect();
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let apps = format!(
        "app_service:\n  enabled: yes\n  mcp_demo_server: yes\n  apps:\n  - name: fixed\n    labels: {{env: \
         test}}\n    mcp:\n      command: {}\n      args: {}\n      run_as_host_user: {}\n",
        words[0],
        json!(words[1..]),
        own_user(),
    );
    let _static = cluster.node("static", &join, &apps);
    let alice = cluster.identity("alice", &["mcp-user"]);
    let fixed = cluster.way(&alice, "fixed");
    let mut peer = super::await_connection(&fixed);
    assert!(call(&mut peer, "echo").is_ok());
    // The name is the agent's: nobody can register another app under it.
    let other = real.logging_server(&log).args(["--tool", "other"]);
    let other = testkit::cluster::app_document("fixed", &other, &own_user()).to_string();
    let done = cluster.tctl_with(&["create", "-f", "-"], &other);
    refused(&done, &["agent \"static\"", "choose another name"]);
    assert!(call(&mut peer, "echo").is_ok());

    let mut demo = connect(&cluster.way(&alice, "tessera-mcp-demo"));
    let tools = listed(&mut demo);
    let expected = ["count", "demo_info", "greet", "session_info", "user_info"];
    assert_eq!(tools, expected.map(|name| format!("tessera_{name}")));
    let told = call(&mut demo, "tessera_user_info").unwrap().to_string();
    assert!(told.contains("alice") && told.contains("mcp-user"), "{told}");
}
