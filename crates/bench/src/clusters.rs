//! Two clusters of which one lets in the users of the other: what a `tools/call` through both takes longer than
//! one through the cluster that has the server, and how soon it is felt that the trust is over.
//!
//! The ways take turns, so that what else the machine does meets all of them.

mod cut;

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use testkit::Cluster;

use crate::connection::Connection;
use crate::exchanges::{Asked, CALLED, PAYLOADS};
use crate::http::{self, Era, Target, Web};
use crate::load::{Client, Tally};
use crate::report::{Cell, Report, Table, number, text};
use crate::site::{Site, USER};
use crate::upstream::{Exchange, Upstream};

/// The cluster that has the servers.
const LEAF: &str = "leaf";
/// Connections at once.
const CONNECTIONS: [usize; 2] = [1, 16];
/// How often each way has its turn, for how long, and for how many calls at the most.
const TURNS: usize = 6;
const TURN: Duration = Duration::from_secs(1);
const TURN_CALLS: usize = 30_000;
/// Calls that are not counted, on each connection.
const WARM_UP_CALLS: usize = 50;

const COLUMNS: [&str; 12] = [
    "what",
    "way",
    "connections",
    "calls",
    "p50 µs",
    "p99 µs",
    "added p50 µs",
    "added p99 µs",
    "p50 of one",
    "p99 of one",
    "calls/s",
    "of one",
];

/// The clusters.
struct Sites {
    /// Where the users of both ways are from.
    root: Site,
    leaf: Site,
}

/// The ways that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    /// Of a user of the cluster that has the server.
    One,
    /// Of a user of the other.
    Both,
}

/// Calls by one way.
#[derive(Debug)]
struct Course {
    way: Way,
    clients: Vec<Client>,
    tally: Tally,
}

/// What is compared with what.
#[derive(Clone, Copy, Debug)]
struct Measures {
    p50: f64,
    p99: f64,
    rate: f64,
}

/// Measures it all.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let sites = Sites {
        root: Site::new(Cluster::single())?,
        leaf: Site::new(Cluster::single_called(LEAF))?,
    };
    let (stdio, web) = (Upstream::echo()?, Web::start(CALLED.1).await?);
    sites.leaf.register(&stdio);
    sites.leaf.register_web(CALLED.0, web.port);
    sites.leaf.trust(&sites.root);
    cut::reached(&sites.root, &sites.leaf, stdio.name).await?;
    let mut calls =
        Table::new("a tools/call through one cluster and through two, audit on", &COLUMNS);
    let exchange = stdio.learn().await?;
    for count in CONNECTIONS {
        println!("measuring: streams, {count} connections");
        let courses = sites.streams(&stdio, count).await?;
        compare("stream", courses, &exchange, &sites, &mut calls).await?;
        sites.require_visits(stdio.name)?;
    }
    let call = Asked::call(PAYLOADS[0]);
    for count in CONNECTIONS {
        println!("measuring: HTTP, {count} connections");
        let (courses, exchange) = sites.requests(&call, web.port, count).await?;
        compare("HTTP, modern", courses, &exchange, &sites, &mut calls).await?;
        sites.require_visits(CALLED.0)?;
    }
    println!("measuring: from the end of trust to the end of streams");
    let cut = cut::measure(&sites.root, &sites.leaf, stdio.name).await?;
    let notes = vec![
        "one: a user of the cluster that has the server, by its proxy".to_owned(),
        "two: a user of the root, by the root's proxy and the leaf's; the same roles".to_owned(),
        "each cluster is one process; all of it on one machine".to_owned(),
        "of one: compared with the row of one cluster above it".to_owned(),
        "the end of trust: from the request that ends it to the end that the client sees"
            .to_owned(),
    ];
    Ok(Report { name: "clusters", tables: vec![calls, cut], notes })
}

// === impl Sites ===

impl Sites {
    /// Streams as `tsh mcp connect` opens them, to a stdio server.
    async fn streams(&self, upstream: &Upstream, count: usize) -> anyhow::Result<Vec<Course>> {
        let mut courses = Vec::new();
        for way in [Way::Direct, Way::One, Way::Both] {
            let mut course = Course::new(way);
            for _ in 0..count {
                let connection = match way {
                    Way::Direct => Connection::direct(&upstream.argv)?,
                    Way::One => self.leaf.by_stream(upstream).await?,
                    Way::Both => self.root.by_stream_to(&self.leaf, upstream.name).await?,
                };
                course.clients.push(Client::new(connection).await?);
            }
            courses.push(course);
        }
        Ok(courses)
    }

    /// Connections over which a request a message is sent, to a server that speaks HTTP.
    async fn requests(
        &self,
        call: &Asked,
        port: u16,
        count: usize,
    ) -> anyhow::Result<(Vec<Course>, Exchange)> {
        let (mut courses, mut exchange) = (Vec::new(), None);
        for way in [Way::Direct, Way::One, Way::Both] {
            let target = match way {
                Way::Direct => {
                    let address = format!("127.0.0.1:{port}");
                    Target { address, path: "/mcp".to_owned(), tls: None }
                }
                Way::One => self.leaf.by_http(CALLED.0)?,
                Way::Both => self.root.by_http_to(&self.leaf, CALLED.0)?,
            };
            let mut course = Course::new(way);
            for _ in 0..count {
                let mut client = http::Client::connect(&target, Era::Modern).await?;
                client.speak_of(call.method, call.name())?;
                let mut connection = Connection::http(client);
                if exchange.is_none() {
                    let request = call.request(Era::Modern);
                    exchange = Some(Exchange::learn(&mut connection, request).await?);
                }
                course.clients.push(Client::ready(connection));
            }
            courses.push(course);
        }
        Ok((courses, exchange.context("nothing was asked")?))
    }

    /// Calls that are not recorded as a visitor's are not what is to be measured.
    fn require_visits(&self, app: &str) -> anyhow::Result<()> {
        let words = ["--user", USER, "--app", app, "--event", "mcp.session.request"];
        let records = self.leaf.cluster().audit(&words);
        let of_root = json!(self.root.cluster().name());
        let visited = records.iter().any(|record| record["user_cluster_name"] == of_root);
        ensure!(visited, "no call of a visitor was recorded");
        self.leaf.require_records(app)
    }

    async fn calm_down(&self) -> anyhow::Result<()> {
        self.leaf.calm_down().await?;
        self.root.calm_down().await
    }
}

async fn compare(
    what: &str,
    mut courses: Vec<Course>,
    exchange: &Exchange,
    sites: &Sites,
    table: &mut Table,
) -> anyhow::Result<()> {
    for course in &mut courses {
        let most = WARM_UP_CALLS * course.clients.len();
        Tally::default().round(&mut course.clients, exchange, TURN, most).await?;
    }
    for _ in 0..TURNS {
        for course in &mut courses {
            sites.calm_down().await?;
            course.tally.round(&mut course.clients, exchange, TURN, TURN_CALLS).await?;
        }
    }
    let mut one = None;
    for mut course in courses {
        let [p50, p99] = course.tally.percentiles([50, 99]);
        let own = Measures { p50, p99, rate: course.tally.rate() };
        if course.way == Way::One {
            one = Some(own);
        }
        table.row(course.row(what, &own, one.filter(|_| course.way == Way::Both)));
    }
    Ok(())
}

// === impl Way ===

impl Way {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::One => "one",
            Self::Both => "two",
        }
    }
}

// === impl Course ===

impl Course {
    fn new(way: Way) -> Self {
        Self { way, clients: Vec::new(), tally: Tally::default() }
    }

    fn row(&self, what: &str, own: &Measures, one: Option<Measures>) -> Vec<Cell> {
        let compared = |cell: &dyn Fn(Measures) -> Cell| one.map_or(Cell::None, cell);
        vec![
            text(what),
            text(self.way.as_str()),
            number(self.clients.len() as f64, 0),
            number(self.tally.calls() as f64, 0),
            number(own.p50, 1),
            number(own.p99, 1),
            compared(&|one| number(own.p50 - one.p50, 1)),
            compared(&|one| number(own.p99 - one.p99, 1)),
            compared(&|one| number(own.p50 / one.p50, 2)),
            compared(&|one| number(own.p99 / one.p99, 2)),
            number(own.rate, 0),
            compared(&|one| number(own.rate / one.rate, 2)),
        ]
    }
}
