//! The first thing that a new user does.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::Uid;
use testkit::process::{self, Finished};
use testkit::{Binaries, Scratch, census, wait};

use super::text;

/// What a demonstration may take; it may have to wait for a new one-time code.
const DEMONSTRATION: std::time::Duration = std::time::Duration::from_secs(120);

fn quickstart(binaries: &Binaries, data: &Path, words: &[&str]) -> Command {
    // Without npx: what it would fetch comes from the network.
    let mut command = process::command("env");
    command.args(["-i", "PATH=/nowhere"]).arg(binaries.folder().join("tessera"));
    command.args(["quickstart", "--data-dir"]).arg(data).args(words);
    command
}

fn once(binaries: &Binaries, data: &Path, words: &[&str]) -> Finished {
    let words = [&["--once"], words].concat();
    process::run(quickstart(binaries, data, &words), b"", DEMONSTRATION)
}

#[test]
fn shows_an_allowed_and_a_refused_call_and_does_so_again() {
    let (binaries, scratch) = (Binaries::locate(), Scratch::new());
    let data = scratch.join("state");
    for _ in 0..2 {
        let done = once(&binaries, &data, &["--port=0"]);
        assert!(done.status.success(), "{done:?}");
        let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), done.stderr);
        for word in ["tessera_user_info", "alice", "allowed", "refused (-32602)", "Why"] {
            assert!(said.contains(word), "{word:?} is missing:\n{said}");
        }
        assert!(!said.contains("PRIVATE KEY") && !said.contains("password\":"), "{said}");
    }
    assert_eq!(census::with_argument(text(&data)), []);

    // A state that is damaged is told of, with the file.
    fs::write(data.join("credentials.json"), "{").unwrap();
    let done = once(&binaries, &data, &["--port=0"]);
    sentence(&done, &["credentials.json"]);
    fs::remove_file(data.join("credentials.json")).unwrap();
    let done = once(&binaries, &data, &["--port=0"]);
    assert!(done.status.success(), "{done:?}");
}

#[test]
fn stays_up_until_it_is_told_to_end() {
    let (binaries, scratch) = (Binaries::locate(), Scratch::new());
    let data = scratch.join("state");
    let mut running = process::service(quickstart(&binaries, &data, &["--port=0"]));
    running.wait_for_output("tctl", DEMONSTRATION);
    running.wait_for_output("Ctrl-C", DEMONSTRATION);
    // The commands that it names work as they stand there.
    let said = format!("{}{}", running.stdout(), running.stderr());
    let config = data.join("tessera.yaml");
    let tctl = data.join("bin/tctl");
    assert!(said.contains(text(&config)) && said.contains(text(&tctl)), "{said}");
    let mut command = process::command(&tctl);
    command.arg("-c").arg(&config).args(["get", "apps"]);
    let apps = process::run(command, b"", wait::PATIENCE);
    assert!(String::from_utf8_lossy(&apps.stdout).contains("demo"), "{apps:?}");
    let mut command = process::command(data.join("bin/tsh"));
    command.env("TESSERA_HOME", data.join("alice")).args(["mcp", "ls"]);
    let servers = process::run(command, b"", wait::PATIENCE);
    assert!(String::from_utf8_lossy(&servers.stdout).contains("demo"), "{servers:?}");
    // A second one finds the state in use.
    sentence(&once(&binaries, &data, &["--port=0"]), &[text(&data)]);
    running.signal(Signal::SIGINT);
    let status = running.wait(wait::PATIENCE);
    assert!(status.success(), "{status}: {}", running.stderr());
    assert_eq!(census::with_argument(text(&data)), []);
}

#[test]
fn says_in_a_sentence_why_it_cannot_start() {
    let (binaries, scratch) = (Binaries::locate(), Scratch::new());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let done = once(&binaries, &scratch.join("state"), &[&format!("--port={port}")]);
    sentence(&done, &[&port.to_string(), "--port"]);
    let done = read_only(&binaries, &scratch);
    sentence(&done, &["read-only", "--data-dir"]);
    let file = scratch.write("a-file", "");
    sentence(&once(&binaries, &file, &["--port=0"]), &["a-file", "--data-dir"]);
}

/// A quickstart in a folder that may be read and not written. Root may write anywhere, so that it is
/// somebody else who tries.
fn read_only(binaries: &Binaries, scratch: &Scratch) -> Finished {
    let folder = scratch.folder("read-only");
    let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
    mode(&folder, 0o555).unwrap();
    if !Uid::effective().is_root() {
        return once(binaries, &folder, &["--port=0"]);
    }
    mode(scratch.path(), 0o755).unwrap();
    let binary = scratch.join("tessera");
    fs::copy(binaries.folder().join("tessera"), &binary).unwrap();
    let mut command = process::command("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(&binary);
    command.args(["quickstart", "--once", "--port=0", "--data-dir"]).arg(&folder);
    process::run(command, b"", wait::PATIENCE)
}

/// Status 1, one `ERROR:` with these words, and no panic.
#[track_caller]
fn sentence(done: &Finished, words: &[&str]) {
    super::refused(done, words);
    assert!(done.stderr.contains("ERROR: "), "{done:?}");
    assert!(!done.stderr.contains("panicked"), "{done:?}");
}
