//! From a lock to the end of what it is about.

use std::time::Duration;

use api::{Client, Write};
use futures_util::future::join_all;
use resource::{Kind, Resource};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::connection::Connection;
use crate::report::{Table, number, percentiles, text};
use crate::site::Site;

/// Users, and how many streams each of them has: an agent takes 64 of one user with one app.
const USERS: usize = 20;
const STREAMS_OF_ONE: usize = 50;
/// How often one user's are cut.
const TIMES: usize = 10;
/// A stream that is not cut by then is a fault.
const PATIENCE: Duration = Duration::from_secs(30);
/// The server that every cluster has.
const APP: &str = "tessera-mcp-demo";

/// Measures the time from the request that makes a lock to the ends of the streams that it cuts.
pub(super) async fn measure(site: &Site, admin: &Client) -> anyhow::Result<Table> {
    let columns = ["lock", "streams", "of them cut", "times", "p50 ms", "p99 ms", "last ms"];
    let mut table = Table::new("from a lock to the end of a stream", &columns);
    let mut endpoints = Vec::new();
    for user in 0..USERS {
        endpoints.push(site.endpoint_of(&name(user))?);
    }
    let mut streams = Vec::new();
    for (user, endpoint) in endpoints.iter().enumerate() {
        for _ in 0..STREAMS_OF_ONE {
            let mut stream = site.stream_by(endpoint, APP).await?;
            stream.shake_hands().await?;
            streams.push((user, stream));
        }
    }
    site.calm_down().await?;
    let mut row = |what: &str, there: usize, times: usize, cut: Vec<Duration>| {
        let count = cut.len() / times;
        let last = cut.iter().max().copied().unwrap_or_default();
        let (p50, p99) = percentiles(cut);
        table.row(vec![
            text(what),
            number(there as f64, 0),
            number(count as f64, 0),
            number(times as f64, 0),
            p50,
            p99,
            number(last.as_secs_f64() * 1e3, 1),
        ]);
    };
    // One user after the other, while the others' go on.
    let (there, mut cut) = (streams.len(), Vec::new());
    for user in 0..TIMES {
        let (own, others): (Vec<_>, Vec<_>) = streams.into_iter().partition(|(of, _)| *of == user);
        streams = others;
        cut.extend(lock(admin, json!({"user": name(user)}), own).await?);
    }
    row("of a user", there, TIMES, cut);
    let there = streams.len();
    row(
        "of a role that all have",
        there,
        1,
        lock(admin, json!({"role": "reader"}), streams).await?,
    );
    Ok(table)
}

fn name(user: usize) -> String {
    format!("locked-{user}")
}

/// Makes a lock; gives after what time each of the streams ended.
async fn lock(
    admin: &Client,
    target: serde_json::Value,
    streams: Vec<(usize, Connection)>,
) -> anyhow::Result<Vec<Duration>> {
    let document = json!({
        "kind": "lock", "version": "v2", "metadata": {"name": "bench"}, "spec": {"target": target},
    });
    let resource = Resource::from_json(document.to_string().as_bytes())?;
    let begin = Instant::now();
    let ends = streams.into_iter().map(|(_, mut stream)| async move {
        let ended = timeout(PATIENCE, stream.ended()).await;
        ended.map(|()| begin.elapsed()).map_err(|_late| anyhow::anyhow!("a stream is not cut"))
    });
    let (written, ends) = tokio::join!(admin.put(&resource, Write::Upsert), join_all(ends));
    written?;
    admin.delete(Kind::Lock, "bench").await?;
    ends.into_iter().collect()
}
