//! What the process holds: idle, with idle connections, and after them.

use testkit::Cluster;

use crate::load::Client;
use crate::proc::{self, Memory};
use crate::report::{Cell, Report, Table, number, text};
use crate::site::Site;
use crate::upstream::Upstream;

/// Connections that are open and say nothing.
const CONNECTIONS: usize = 100;

/// Measures one process with all services.
pub(crate) async fn measure() -> anyhow::Result<Report> {
    let site = Site::new(Cluster::single())?;
    let echo = Upstream::echo()?;
    site.register(&echo);
    let columns = ["what", "when", "processes", "resident", "anonymous", "shared once"];
    let mut table = Table::new("memory in KiB", &columns);
    site.calm_down().await?;
    let idle = proc::memory(site.pids().to_owned());
    table.row(cells("tessera", "idle", idle));

    // The first connections bring memory that stays and is no connection's.
    drop(open(&site, &echo, CONNECTIONS).await?);
    site.empty().await?;
    site.calm_down().await?;
    let before = proc::memory(site.pids().to_owned());
    table.row(cells("tessera", &format!("after {CONNECTIONS} connections"), before));

    let clients = open(&site, &echo, CONNECTIONS).await?;
    site.calm_down().await?;
    let busy = proc::memory(site.pids().to_owned());
    let when = format!("{CONNECTIONS} idle connections");
    table.row(cells("tessera", &when, busy));
    let (keepers, servers) = below(&site);
    if keepers.len() < CONNECTIONS || servers.len() < CONNECTIONS {
        anyhow::bail!("{} servers for {CONNECTIONS} connections", servers.len());
    }
    table.row(cells("keepers", &when, proc::memory(keepers)));
    table.row(cells("servers", &when, proc::memory(servers)));
    drop(clients);
    site.empty().await?;

    let tool = Client::new(site.by_tsh(&echo)?).await?;
    site.calm_down().await?;
    table.row(cells("tsh mcp connect", "idle", proc::memory(tool.pid())));
    let each = (busy.anonymous as f64 - before.anonymous as f64) / CONNECTIONS as f64;
    let notes = vec![format!("tessera: {each:.1} KiB anonymous for each idle connection")];
    Ok(Report { name: "memory", tables: vec![table], notes })
}

/// Connections that have begun their sessions.
async fn open(site: &Site, upstream: &Upstream, count: usize) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::new(site.by_stream(upstream).await?).await?);
    }
    Ok(clients)
}

fn below(site: &Site) -> (Vec<u32>, Vec<u32>) {
    let (mut keepers, mut servers) = (Vec::new(), Vec::new());
    for pid in site.pids() {
        let (more_keepers, more_servers) = proc::below(*pid);
        keepers.extend(more_keepers);
        servers.extend(more_servers);
    }
    (keepers, servers)
}

fn cells(what: &str, when: &str, memory: Memory) -> Vec<Cell> {
    let numbers = [memory.processes, memory.resident, memory.anonymous, memory.proportional];
    let numbers = numbers.map(|one| number(one as f64, 0));
    [text(what), text(when)].into_iter().chain(numbers).collect()
}
