//! Requests by one way.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::Asked;
use crate::connection::Connection;
use crate::http::{Client, Era, Target};
use crate::load::{self, Tally};
use crate::proc;
use crate::report::{Cell, Table, number, text};
use crate::site::Site;
use crate::upstream::Exchange;

pub(super) const COLUMNS: [&str; 12] = [
    "what",
    "way",
    "connections",
    "requests",
    "p50 µs",
    "p90 µs",
    "p99 µs",
    "added p50 µs",
    "added p99 µs",
    "requests/s",
    "of direct",
    "CPU s/10k",
];

/// For how long connections are warmed up at the most.
const WARM_UP_TIME: Duration = Duration::from_secs(1);
/// Requests that are not counted, on each connection.
const WARM_UP: usize = 50;

/// One way.
#[derive(Debug)]
pub(super) struct Course<'s> {
    way: &'static str,
    era: Era,
    target: Target,
    /// The cluster on the way.
    site: Option<&'s Site>,
    exchange: Option<Exchange>,
    clients: Vec<load::Client>,
    tally: Tally,
    /// What the requests cost the cluster.
    cluster_time: Duration,
}

/// What the others are compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direct {
    p50: f64,
    p99: f64,
    rate: f64,
}

// === impl Course ===

impl<'s> Course<'s> {
    pub(super) fn new(way: &'static str, era: Era, target: Target, site: Option<&'s Site>) -> Self {
        let (exchange, clients, tally) = (None, Vec::new(), Tally::default());
        Self { way, era, target, site, exchange, clients, tally, cluster_time: Duration::ZERO }
    }

    /// Opens the connections and learns what is answered; the requests after that must be answered alike.
    pub(super) async fn connect(
        &mut self,
        asked: &Asked,
        connections: usize,
    ) -> anyhow::Result<()> {
        for _ in 0..connections {
            let mut client = Client::connect(&self.target, self.era).await?;
            if self.era == Era::Modern {
                client.speak_of(asked.method, asked.name())?;
            }
            let mut connection = Connection::http(client);
            if self.exchange.is_none() {
                let exchange = Exchange::learn(&mut connection, asked.request(self.era)).await?;
                let hidden = exchange.count("\"hide_");
                ensure!(self.site.is_none() || hidden == 0, "{hidden} tools should be hidden");
                self.exchange = Some(exchange);
            }
            self.clients.push(load::Client::ready(connection));
        }
        let exchange = self.exchange.as_ref().context("no connection, no exchange")?;
        let most = WARM_UP * self.clients.len();
        Tally::default().round(&mut self.clients, exchange, WARM_UP_TIME, most).await?;
        self.calm_down().await
    }

    /// Makes requests for some time, and no more than so many.
    pub(super) async fn turn(&mut self, time: Duration, most: usize) -> anyhow::Result<()> {
        let exchange = self.exchange.as_ref().context("not connected")?;
        let before = self.processor_time()?;
        self.tally.round(&mut self.clients, exchange, time, most).await?;
        self.calm_down().await?;
        self.cluster_time += self.processor_time()?.saturating_sub(before);
        Ok(())
    }

    /// The cluster on the way.
    pub(super) fn site(&self) -> Option<&'s Site> {
        self.site
    }

    async fn calm_down(&self) -> anyhow::Result<()> {
        match self.site {
            Some(site) => site.calm_down().await,
            None => Ok(()),
        }
    }

    fn processor_time(&self) -> anyhow::Result<Duration> {
        self.site.map_or(Ok(Duration::ZERO), |site| proc::processor_time(site.pids()))
    }

    pub(super) fn finish(mut self, what: &str, direct: &mut Option<Direct>, table: &mut Table) {
        let [p50, p90, p99] = self.tally.percentiles([50, 90, 99]);
        let (requests, rate) = (self.tally.calls() as f64, self.tally.rate());
        let base = *direct.get_or_insert(Direct { p50, p99, rate });
        let through = |cell: Cell| self.site.map_or(Cell::None, |_| cell);
        table.row(vec![
            text(what),
            text(self.way),
            number(self.clients.len() as f64, 0),
            number(requests, 0),
            number(p50, 1),
            number(p90, 1),
            number(p99, 1),
            through(number(p50 - base.p50, 1)),
            through(number(p99 - base.p99, 1)),
            number(rate, 0),
            number(rate / base.rate, 3),
            through(number(self.cluster_time.as_secs_f64() * 10_000.0 / requests, 2)),
        ]);
    }
}
