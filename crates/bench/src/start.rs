//! How long `tessera start` takes until it says that it is ready: with all services in one process,
//! in a new data directory and in one that was used before.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use testkit::cluster::{Node, app_section};
use testkit::{Binaries, Scratch};
use tokio::time::Instant;

use crate::report::{Report, Table, number, text};

/// How often each is measured.
const TIMES: usize = 5;

/// The log's last line of a start.
const READY: &str = ": ready";

/// Measures it all.
pub(crate) fn measure() -> anyhow::Result<Report> {
    let (binaries, scratch) = (Binaries::locate(), Scratch::new());
    let services = format!(
        "auth_service:\n  enabled: yes\n  cluster_name: bench\n  listen_addr: 127.0.0.1:0\n\
         proxy_service:\n  enabled: yes\n  web_listen_addr: 127.0.0.1:0\n{}",
        app_section("  mcp_demo_server: yes\n")
    );
    let (mut new, mut used) = (Vec::new(), Vec::new());
    for time in 0..TIMES {
        let node = Node::new(&binaries, &scratch, &format!("node{time}"), "", &services);
        new.push(start(&binaries, &node)?);
        used.push(start(&binaries, &node)?);
    }
    let columns = ["data directory", "starts", "fastest ms", "median ms", "slowest ms"];
    let mut table = Table::new("start to ready", &columns);
    for (name, mut times) in [("new", new), ("used before", used)] {
        times.sort_unstable();
        let at = |at: usize| {
            let time: Duration = times.get(at).copied().unwrap_or_default();
            number(time.as_secs_f64() * 1000.0, 1)
        };
        let row = [at(0), at(TIMES / 2), at(TIMES - 1)];
        table.row([text(name), number(TIMES as f64, 0)].into_iter().chain(row).collect());
    }
    Ok(Report { name: "start", tables: vec![table], notes: Vec::new() })
}

fn start(binaries: &Binaries, node: &Node) -> anyhow::Result<Duration> {
    let mut command = binaries.tessera();
    command.args(["start", "-c"]).arg(node.config());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let begin = Instant::now();
    let mut process = command.spawn().context("start tessera")?;
    let outcome = until_ready(&mut process, begin).and_then(|took| {
        // Ready is what answers.
        let mut status = binaries.tctl();
        answer(status.arg("-c").arg(node.config()).arg("status")).map(|()| took)
    });
    kill(Pid::from_raw(process.id().cast_signed()), Signal::SIGTERM)?;
    process.wait()?;
    outcome
}

fn until_ready(process: &mut Child, begin: Instant) -> anyhow::Result<Duration> {
    let log = process.stderr.take().context("tessera has no log")?;
    let mut said = String::new();
    let mut log = BufReader::new(log);
    loop {
        let start = said.len();
        if log.read_line(&mut said)? == 0 {
            anyhow::bail!("tessera ended before it was ready:\n{said}");
        }
        if said.get(start..).is_some_and(|line| line.trim_end().ends_with(READY)) {
            let took = begin.elapsed();
            // Its log goes on, and nobody may be in its way.
            drop(std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink())));
            return Ok(took);
        }
    }
}

fn answer(command: &mut Command) -> anyhow::Result<()> {
    let done = command.stdin(Stdio::null()).output().context("start tctl")?;
    if !done.status.success() {
        anyhow::bail!("tctl status fails: {}", String::from_utf8_lossy(&done.stderr));
    }
    Ok(())
}
