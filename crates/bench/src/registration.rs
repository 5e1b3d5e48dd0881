//! Registration at the size at which a company would use it: what it takes until a new app can be called
//! when there are many, what lists take, what it costs when nothing happens, and what is lost when an
//! agent dies.
//!
//! Every agent is a process of the product's. Each serves two shards of the apps, so that each app has two
//! agents, and one more serves all of them.

mod caller;
mod fleet;

use std::time::Duration;

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use nix::sys::signal::Signal;
use resource::{Kind, Secrets};
use serde_json::value::RawValue;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::caller::Caller;
use self::fleet::Fleet;
use crate::proc;
use crate::report::{Report, Table, number, percentiles, text};

/// How many apps and agents there are.
const APPS: usize = 10_000;
const AGENTS: usize = 100;
/// Requests at once when all apps are written.
const AT_ONCE: usize = 32;
/// How often what one change takes is measured.
const TIMES: usize = 100;
/// How often an app is looked at while it is waited for.
const LOOK: Duration = Duration::from_millis(1);
/// One stage may take so long, or something hangs.
const STAGE: Duration = Duration::from_secs(120);
/// What is measured again and again is measured for no longer.
const ROUNDS: Duration = Duration::from_secs(45);
/// How long idleness is watched.
const IDLE: Duration = Duration::from_secs(20);

/// Measures it all.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let apps = from_environment("BENCH_APPS", APPS)?;
    let agents = from_environment("BENCH_AGENTS", AGENTS)?;
    let mut fleet = Fleet::start(agents).await?;
    let mut stages = Stages { tables: Vec::new(), notes: Vec::new(), failures: 0 };
    stages.notes = vec![
        format!(
            "{apps} apps, {agents} agents of which each serves two shards, and one that serves all"
        ),
        "each agent is a process; all of them, the services and this program share the machine"
            .to_owned(),
    ];
    stages.run("create all", all(&fleet, "create all", apps, Some("1"))).await;
    stages.run("one app more", callable(&fleet)).await;
    stages.run("a change of labels", live(&fleet)).await;
    stages.run("lists", lists(&fleet, apps)).await;
    stages.run("memory", memory(&mut fleet, "with all apps")).await;
    stages.run("idleness", idle(&mut fleet)).await;
    let mut seen = Vec::new();
    stages.run("loss of an agent", loss(&mut fleet, &mut seen)).await;
    stages.notes.append(&mut seen);
    stages.run("update all", all(&fleet, "update all", apps, Some("2"))).await;
    stages.run("delete all", all(&fleet, "delete all", apps, None)).await;
    stages.run("memory", memory(&mut fleet, "after all were deleted")).await;
    stages.end()
}

/// What was measured until now.
struct Stages {
    tables: Vec<Table>,
    notes: Vec<String>,
    failures: usize,
}

// === impl Stages ===

impl Stages {
    /// Takes one stage, which does not keep the others from being taken: they take long.
    async fn run(&mut self, name: &str, stage: impl Future<Output = anyhow::Result<Table>>) {
        let begin = Instant::now();
        let outcome = match timeout(STAGE, stage).await {
            Ok(outcome) => outcome,
            Err(_late) => Err(anyhow::anyhow!("not done within {} seconds", STAGE.as_secs())),
        };
        println!("{name}: {:.1} s", begin.elapsed().as_secs_f64());
        match outcome {
            Ok(table) => self.tables.push(table),
            Err(error) => {
                self.failures += 1;
                self.notes.push(format!("{name}: {error:#}"));
            }
        }
    }

    /// All of it, unless something could not be measured.
    fn end(self) -> anyhow::Result<Report> {
        let report = Report { name: "registration", tables: self.tables, notes: self.notes };
        if self.failures > 0 {
            report.print();
            anyhow::bail!("{} stages could not be measured", self.failures);
        }
        Ok(report)
    }
}

fn from_environment(name: &str, otherwise: usize) -> anyhow::Result<usize> {
    match std::env::var(name) {
        Ok(number) => number.parse().with_context(|| format!("{name} is no number")),
        Err(_unset) => Ok(otherwise),
    }
}

/// Writes or deletes all apps, and waits until agents have told of all of that.
async fn all(
    fleet: &Fleet,
    what: &'static str,
    apps: usize,
    version: Option<&str>,
) -> anyhow::Result<Table> {
    let begin = Instant::now();
    let times: Vec<Duration> = stream::iter(0..apps)
        .map(|number| async move {
            let begin = Instant::now();
            match version {
                Some(version) => fleet.put(number, version).await?,
                None => fleet.admin.delete(Kind::App, &fleet::name(number)).await?,
            }
            anyhow::Ok(begin.elapsed())
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let written = begin.elapsed();
    let expected = version.map_or(0, |_| apps * 3);
    let mut seen = None;
    loop {
        let told = fleet.told(version).await?;
        if told == expected {
            break;
        }
        if seen.replace(told) != Some(told) {
            println!("  {:?}: {told} of {expected} records", begin.elapsed());
        }
        sleep(Duration::from_millis(500)).await;
    }
    let told = begin.elapsed();
    let columns = ["what", "apps", "s", "a second", "p50 ms", "p99 ms", "s until all is told"];
    let mut table = Table::new("all apps at once", &columns);
    let (p50, p99) = percentiles(times);
    table.row(vec![
        text(what),
        number(apps as f64, 0),
        number(written.as_secs_f64(), 1),
        number(apps as f64 / written.as_secs_f64(), 0),
        p50,
        p99,
        number(told.as_secs_f64(), 1),
    ]);
    println!("{what}: written after {written:?}, told after {told:?}");
    Ok(table)
}

/// From the request that creates an app to the first answer of its server.
async fn callable(fleet: &Fleet) -> anyhow::Result<Table> {
    let (mut created, mut called) = (Vec::new(), Vec::new());
    let first = Instant::now();
    let mut times = 0;
    while times < TIMES && first.elapsed() < ROUNDS {
        let number = fleet::FRESH + times;
        times += 1;
        let mut caller = fleet.caller(&fleet::name(number)).await?;
        let begin = Instant::now();
        fleet.create(number).await?;
        created.push(begin.elapsed());
        wait(&mut caller).await;
        called.push(begin.elapsed());
    }
    for time in 0..times {
        fleet.admin.delete(Kind::App, &fleet::name(fleet::FRESH + time)).await?;
    }
    let mut table = Table::new("one app more", &["from", "to", "times", "p50 ms", "p99 ms"]);
    for (to, times) in [("the answer to that", created), ("a call that is answered", called)] {
        let count = number(times.len() as f64, 0);
        let (p50, p99) = percentiles(times);
        table.row(vec![text("create"), text(to), count, p50, p99]);
    }
    Ok(table)
}

/// From a change to its effect on who is connected.
async fn live(fleet: &Fleet) -> anyhow::Result<Table> {
    let (mut lost, mut regained) = (Vec::new(), Vec::new());
    let name = fleet::name(0);
    let mut caller = fleet.caller(&name).await?;
    ensure!(caller.succeeds().await, "{name} cannot be called");
    let first = Instant::now();
    while lost.len() < TIMES / 4 && first.elapsed() < ROUNDS {
        let begin = Instant::now();
        fleet.relabel(0, "elsewhere").await?;
        wait_not(&mut caller).await;
        lost.push(begin.elapsed());
        let begin = Instant::now();
        fleet.relabel(0, "test").await?;
        wait(&mut caller).await;
        regained.push(begin.elapsed());
    }
    let columns = ["from", "to", "times", "p50 ms", "p99 ms"];
    let mut table = Table::new("a change of labels, on an open connection", &columns);
    for (to, times) in [("the first refusal", lost), ("the next answer", regained)] {
        let count = number(times.len() as f64, 0);
        let (p50, p99) = percentiles(times);
        table.row(vec![text("update"), text(to), count, p50, p99]);
    }
    Ok(table)
}

/// What lists and searches take.
async fn lists(fleet: &Fleet, apps: usize) -> anyhow::Result<Table> {
    let mut table = Table::new("lists", &["what", "times", "p50 ms", "p99 ms", "MB"]);
    let mut row = |what: &str, times: Vec<Duration>, bytes: usize| {
        let count = number(times.len() as f64, 0);
        let (p50, p99) = percentiles(times);
        table.row(vec![text(what), count, p50, p99, number(bytes as f64 / 1e6, 1)]);
    };
    let (mut times, mut size) = (Vec::new(), 0);
    for _ in 0..20 {
        let begin = Instant::now();
        let path = "/v1/resources/app";
        let all: Box<RawValue> = fleet.admin.call(http::Method::GET, path, None::<&()>).await?;
        times.push(begin.elapsed());
        size = all.get().len();
    }
    row("API, as it is sent", times, size);
    let mut times = Vec::new();
    for _ in 0..20 {
        let begin = Instant::now();
        let all = fleet.admin.list(Kind::App, Secrets::Redact).await?;
        times.push(begin.elapsed());
        ensure!(all.items.len() == apps, "{} apps", all.items.len());
    }
    row("API, read into resources", times, size);
    for (what, command) in fleet.commands() {
        let (mut times, mut size) = (Vec::new(), 0);
        for _ in 0..5 {
            let begin = Instant::now();
            size = fleet::output(&command)?;
            times.push(begin.elapsed());
        }
        row(&what, times, size);
    }
    Ok(table)
}

async fn memory(fleet: &mut Fleet, when: &'static str) -> anyhow::Result<Table> {
    sleep(Duration::from_secs(2)).await;
    let columns = ["process", "when", "resident MB", "anonymous MB"];
    let mut table = Table::new("memory", &columns);
    for (name, pid) in fleet.pids() {
        let memory = proc::memory([pid]);
        let mb = |kib: u64| number(kib as f64 / 1024.0, 1);
        table.row(vec![text(name), text(when), mb(memory.resident), mb(memory.anonymous)]);
    }
    Ok(table)
}

/// What it costs when nothing happens.
async fn idle(fleet: &mut Fleet) -> anyhow::Result<Table> {
    let pids = fleet.pids();
    let agents = fleet.agent_pids();
    let (_, auth) = *pids.first().context("there is an auth service")?;
    let before: Vec<_> =
        pids.iter().map(|(_, pid)| proc::processor_time(&[*pid])).collect::<Result<_, _>>()?;
    let (fleet_before, written) = (proc::processor_time(&agents)?, fleet::written(auth)?);
    sleep(IDLE).await;
    let columns = ["process", "processor s an hour", "MB written an hour"];
    let mut table = Table::new("idle, from twenty seconds", &columns);
    let hours = 3600.0 / IDLE.as_secs_f64();
    for ((name, pid), before) in pids.into_iter().zip(before) {
        let time = proc::processor_time(&[pid])?.saturating_sub(before);
        let bytes = if pid == auth { fleet::written(auth)?.saturating_sub(written) } else { 0 };
        let cells = [time.as_secs_f64() * hours, bytes as f64 / 1e6 * hours];
        table.row([text(name)].into_iter().chain(cells.map(|cell| number(cell, 1))).collect());
    }
    let time = proc::processor_time(&agents)?.saturating_sub(fleet_before);
    table.row(vec![
        text(format!("{} agents together", agents.len())),
        number(time.as_secs_f64() * hours, 1),
        number(0.0, 1),
    ]);
    Ok(table)
}

/// What is lost when one of three agents dies, in two ways.
async fn loss(fleet: &mut Fleet, notes: &mut Vec<String>) -> anyhow::Result<Table> {
    let columns = ["what", "calls", "failed", "slow", "slowest ms", "passed over after ms"];
    let mut table = Table::new("an agent of three that dies while it is called", &columns);
    for (what, signal) in [("stopped", Signal::SIGSTOP), ("killed", Signal::SIGKILL)] {
        let callers = Caller::many(fleet, &fleet::name(1), 8).await?;
        let until = Instant::now() + Duration::from_secs(8);
        let mut running = JoinSet::new();
        for caller in callers {
            running.spawn(caller.run(until));
        }
        sleep(Duration::from_secs(2)).await;
        let begin = Instant::now();
        fleet.signal_whole(signal);
        let mut seen = Vec::new();
        while let Some(calls) = running.join_next().await {
            seen.extend(calls?);
        }
        let after = seen.iter().filter(|call| call.begun >= begin);
        let bad = |call: &&caller::Call| !call.succeeded || call.took > caller::SLOW;
        let failed = seen.iter().filter(|call| !call.succeeded).count();
        let slow = seen.iter().filter(|call| call.succeeded && call.took > caller::SLOW).count();
        let slowest = seen.iter().map(|call| call.took).max().unwrap_or_default();
        // Until the last call that still went to it was made.
        let passed = after.filter(bad).map(|call| call.begun - begin).max().unwrap_or_default();
        table.row(vec![
            text(what),
            number(seen.len() as f64, 0),
            number(failed as f64, 0),
            number(slow as f64, 0),
            number(slowest.as_secs_f64() * 1e3, 0),
            number(passed.as_secs_f64() * 1e3, 0),
        ]);
        if signal == Signal::SIGSTOP {
            fleet.signal_whole(Signal::SIGCONT);
            sleep(Duration::from_secs(5)).await;
        } else {
            while fleet.servers(1).await? > 2 {
                sleep(Duration::from_millis(100)).await;
            }
            let took = begin.elapsed().as_secs_f64();
            notes.push(format!(
                "the records of the agent that was killed were gone after {took:.1} s"
            ));
        }
    }
    fleet.restart_whole();
    Ok(table)
}

async fn wait(caller: &mut Caller) {
    while !caller.succeeds().await {
        sleep(LOOK).await;
    }
}

async fn wait_not(caller: &mut Caller) {
    while caller.succeeds().await {
        sleep(LOOK).await;
    }
}
