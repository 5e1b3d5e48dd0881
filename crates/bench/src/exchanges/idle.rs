//! What sessions hold that say nothing.

use anyhow::Context;

use crate::http::{Client, Era};
use crate::proc;
use crate::report::{Cell, Table, number, text};
use crate::site::Site;

/// Users, and how many sessions each of them has: an agent takes 64 of one user with one app.
const USERS: usize = 20;
const SESSIONS_OF_ONE: usize = 50;
const SESSIONS: usize = USERS * SESSIONS_OF_ONE;

const COLUMNS: [&str; 6] =
    ["processes", "when", "resident", "anonymous", "added", "added, each session"];

/// Measures legacy sessions, each with a connection on which it is listened to.
pub(super) async fn measure(one: &Site, three: &Site, app: &str) -> anyhow::Result<Table> {
    let mut table = Table::new("idle sessions over HTTP, memory in KiB", &COLUMNS);
    fill("auth, proxy and agent in one", one, app, &mut table).await?;
    fill("proxy and agent, one each", three, app, &mut table).await?;
    Ok(table)
}

async fn fill(what: &str, site: &Site, app: &str, table: &mut Table) -> anyhow::Result<()> {
    let mut targets = Vec::new();
    for at in 0..USERS {
        targets.push(site.by_http_as(&format!("idle-{at}"), app)?);
    }
    // The first sessions bring memory that stays and is no session's.
    for target in &targets {
        let mut client = Client::connect(target, Era::Legacy).await?;
        drop(client.listen().await?);
    }
    site.calm_down().await?;
    let before = proc::memory(site.edge().to_owned());
    let row = |when: String, now: proc::Memory| {
        let added = now.anonymous as f64 - before.anonymous as f64;
        let (resident, anonymous) = (now.resident as f64, now.anonymous as f64);
        let each = if when == BEFORE { Cell::None } else { number(added / SESSIONS as f64, 1) };
        let numbers = [number(resident, 0), number(anonymous, 0), number(added, 0), each];
        [text(what), text(when)].into_iter().chain(numbers).collect()
    };
    table.row(row(BEFORE.to_owned(), before));
    let mut held = Vec::new();
    for target in &targets {
        for _ in 0..SESSIONS_OF_ONE {
            let mut client = Client::connect(target, Era::Legacy).await?;
            let listening = client.listen().await;
            let stream = listening.with_context(|| format!("session {}", held.len() + 1))?;
            held.push((client, stream));
        }
    }
    site.calm_down().await?;
    table.row(row(format!("{SESSIONS} sessions"), proc::memory(site.edge().to_owned())));
    Ok(())
}

const BEFORE: &str = "before";
