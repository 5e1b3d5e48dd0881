//! `tools/call`: how long it takes, how many there can be, and what they cost, by each way in turn.
//!
//! The ways take turns of a second, so that what else the machine does meets all of them.

use std::time::Duration;

use testkit::{Cluster, Real};

use crate::load::{Client, Tally};
use crate::proc;
use crate::report::{Cell, Report, Table, number, text};
use crate::site::Site;
use crate::upstream::{Exchange, Upstream};

/// Connections at once to the server that costs nothing itself.
const CONNECTIONS: [usize; 3] = [1, 16, 64];
/// How often each way has its turn, for how long, and for how many calls at the most.
const TURNS: usize = 3;
const TURN: Duration = Duration::from_secs(1);
const TURN_CALLS: usize = 30_000;
/// Calls that are not counted, on each connection: what is done once was done after them.
const WARM_UP_CALLS: usize = 50;

const COLUMNS: [&str; 13] = [
    "server",
    "way",
    "connections",
    "calls",
    "p50 µs",
    "p90 µs",
    "p99 µs",
    "added p50 µs",
    "added p99 µs",
    "calls/s",
    "of direct",
    "CPU s/10k calls",
    "tsh CPU s/10k calls",
];

/// Calls by one way.
#[derive(Debug)]
struct Course<'s> {
    way: &'static str,
    /// The cluster on the way.
    site: Option<&'s Site>,
    clients: Vec<Client>,
    tally: Tally,
    /// What the calls cost the cluster.
    cluster_time: Duration,
    /// What they cost the processes of `tsh`.
    tool_time: Duration,
}

/// What is measured with one server.
struct Setting<'s> {
    one: &'s Site,
    three: &'s Site,
    upstream: &'s Upstream,
    exchange: Exchange,
}

/// Measures it all.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let real = Real::locate();
    let upstreams = [Upstream::echo()?, Upstream::python(&real), Upstream::node(&real)];
    let (one, three) = (Site::new(Cluster::single())?, Site::new(Cluster::apart())?);
    let (table, notes) = compare(&one, &three, &upstreams).await?;
    Ok(Report { name: "calls", tables: vec![table], notes })
}

/// Calls stdio servers by each way; the first costs nothing itself and is called on many connections.
pub(crate) async fn compare(
    one: &Site,
    three: &Site,
    upstreams: &[Upstream],
) -> anyhow::Result<(Table, Vec<String>)> {
    let mut table = Table::new(
        "a tools/call of a stdio server, directly and through Tessera, audit on",
        &COLUMNS,
    );
    let mut notes = Vec::new();
    for (at, upstream) in upstreams.iter().enumerate() {
        one.register(upstream);
        three.register(upstream);
        let exchange = upstream.learn().await?;
        let (call, answer) = exchange.bytes();
        notes.push(format!("{}: a call has {call} bytes, its answer {answer}", upstream.name));
        let setting = Setting { one, three, upstream, exchange };
        let counts: &[usize] = if at == 0 { &CONNECTIONS } else { &[1] };
        for &count in counts {
            println!("measuring: {}, {count} connections", upstream.name);
            setting.measure(count, &mut table).await?;
        }
        one.require_records(upstream.name)?;
        three.require_records(upstream.name)?;
    }
    notes.push("stream: one HTTP/2 stream to the proxy; all services in one process".to_owned());
    notes.push("tsh: the same, through a process of `tsh mcp connect` for each client".to_owned());
    notes.push("stream, apart: auth, proxy and agent in a process each".to_owned());
    Ok((table, notes))
}

// === impl Setting ===

impl Setting<'_> {
    async fn measure(&self, count: usize, table: &mut Table) -> anyhow::Result<()> {
        let mut courses = [
            Course::new("direct", None),
            Course::new("stream", Some(self.one)),
            Course::new("tsh", Some(self.one)),
            Course::new("stream, apart", Some(self.three)),
        ];
        for course in &mut courses {
            for _ in 0..count {
                let connection = match (course.way, course.site) {
                    ("tsh", Some(site)) => site.by_tsh(self.upstream)?,
                    (_, Some(site)) => site.by_stream(self.upstream).await?,
                    (_, None) => crate::connection::Connection::direct(&self.upstream.argv)?,
                };
                course.clients.push(Client::new(connection).await?);
            }
            course.warm_up(&self.exchange).await?;
        }
        for _ in 0..TURNS {
            for course in &mut courses {
                course.turn(&self.exchange).await?;
            }
        }
        let mut direct = None;
        for course in courses {
            let row = course.finish();
            let base = *direct.get_or_insert(row.measures);
            table.row(row.cells(self.upstream.name, count, &base));
        }
        self.one.empty().await?;
        self.three.empty().await
    }
}

// === impl Course ===

impl<'s> Course<'s> {
    fn new(way: &'static str, site: Option<&'s Site>) -> Self {
        let (clients, tally) = (Vec::new(), Tally::default());
        Self { way, site, clients, tally, cluster_time: Duration::ZERO, tool_time: Duration::ZERO }
    }

    async fn warm_up(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        let most = WARM_UP_CALLS * self.clients.len();
        Tally::default().round(&mut self.clients, exchange, TURN, most).await?;
        self.calm_down().await
    }

    async fn turn(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        let (cluster, tool) = self.processor_times()?;
        self.tally.round(&mut self.clients, exchange, TURN, TURN_CALLS).await?;
        self.calm_down().await?;
        let (cluster_after, tool_after) = self.processor_times()?;
        self.cluster_time += cluster_after.saturating_sub(cluster);
        self.tool_time += tool_after.saturating_sub(tool);
        Ok(())
    }

    async fn calm_down(&self) -> anyhow::Result<()> {
        match self.site {
            Some(site) => site.calm_down().await,
            None => Ok(()),
        }
    }

    /// Of the cluster, and of the clients' own processes.
    fn processor_times(&self) -> anyhow::Result<(Duration, Duration)> {
        let Some(site) = self.site else { return Ok((Duration::ZERO, Duration::ZERO)) };
        let tools: Vec<u32> = self.clients.iter().filter_map(Client::pid).collect();
        Ok((proc::processor_time(site.pids())?, proc::processor_time(&tools)?))
    }

    fn finish(mut self) -> Row {
        let [p50, p90, p99] = self.tally.percentiles([50, 90, 99]);
        let measures = Measures { p50, p90, p99, rate: self.tally.rate() };
        let per_10k = |time: Duration| time.as_secs_f64() * 10_000.0 / self.tally.calls() as f64;
        let cpu = self.site.map(|_| per_10k(self.cluster_time));
        let tsh_cpu = (self.way == "tsh").then(|| per_10k(self.tool_time));
        Row { way: self.way, calls: self.tally.calls(), measures, cpu, tsh_cpu }
    }
}

#[derive(Clone, Copy, Debug)]
struct Measures {
    p50: f64,
    p90: f64,
    p99: f64,
    rate: f64,
}

#[derive(Debug)]
struct Row {
    way: &'static str,
    calls: usize,
    measures: Measures,
    cpu: Option<f64>,
    tsh_cpu: Option<f64>,
}

// === impl Row ===

impl Row {
    fn cells(&self, server: &str, connections: usize, direct: &Measures) -> Vec<Cell> {
        let own = &self.measures;
        let added = |own: f64, direct: f64| match self.cpu {
            Some(_) => number(own - direct, 1),
            None => Cell::None,
        };
        vec![
            text(server),
            text(self.way),
            number(connections as f64, 0),
            number(self.calls as f64, 0),
            number(own.p50, 1),
            number(own.p90, 1),
            number(own.p99, 1),
            added(own.p50, direct.p50),
            added(own.p99, direct.p99),
            number(own.rate, 0),
            number(own.rate / direct.rate, 3),
            self.cpu.map_or(Cell::None, |cpu| number(cpu, 2)),
            self.tsh_cpu.map_or(Cell::None, |cpu| number(cpu, 2)),
        ]
    }
}
