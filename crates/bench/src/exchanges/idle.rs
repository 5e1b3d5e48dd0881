//! What sessions hold that say nothing.

use crate::http::{Client, Era};
use crate::proc;
use crate::report::{Table, number, text};
use crate::site::Site;

/// Sessions at once.
const SESSIONS: usize = 1_000;

/// Measures legacy sessions, each with a connection for its stream of events.
pub(super) async fn measure(site: &Site, app: &str) -> anyhow::Result<Table> {
    let title = "idle sessions over HTTP, memory in KiB";
    let mut table = Table::new(title, &["when", "resident", "anonymous", "anonymous, each"]);
    let target = site.by_http(app)?;
    site.calm_down().await?;
    let before = proc::memory(site.pids().to_owned());
    let (resident, anonymous) = (before.resident as f64, before.anonymous as f64);
    table.row(vec![text("before"), number(resident, 0), number(anonymous, 0), number(0.0, 1)]);
    let mut held = Vec::new();
    for _ in 0..SESSIONS {
        let mut client = Client::connect(&target, Era::Legacy).await?;
        let stream = client.listen().await?;
        held.push((client, stream));
    }
    site.calm_down().await?;
    let with = proc::memory(site.pids().to_owned());
    let each = (with.anonymous as f64 - anonymous) / SESSIONS as f64;
    let (resident, anonymous) = (with.resident as f64, with.anonymous as f64);
    let when = text(format!("{SESSIONS} sessions"));
    table.row(vec![when, number(resident, 0), number(anonymous, 0), number(each, 1)]);
    drop(held);
    Ok(table)
}
