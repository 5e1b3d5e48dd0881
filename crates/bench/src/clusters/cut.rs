//! From the end of trust between clusters to the end of what came by it.

use std::time::Duration;

use anyhow::Context;
use api::Client;
use futures_util::future::join_all;
use resource::{Kind, Resource};
use tokio::time::{Instant, sleep, timeout};

use crate::connection::Connection;
use crate::report::{Cell, Table, number, percentiles, text};
use crate::site::Site;

/// How often the trust ends, and how many streams are open each time.
const TIMES: usize = 30;
const STREAMS: usize = 10;
/// What is not cut by then, or does not come back, is a fault.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it is back.
const PAUSE: Duration = Duration::from_millis(20);

/// Who ends it.
#[derive(Clone, Copy, Debug)]
enum End {
    /// The leaf's administrator removes the trust in the root.
    AtLeaf,
    /// The root's removes the leaf.
    AtRoot,
}

/// The two ends of the trust.
struct Ends<'s> {
    root: &'s Site,
    leaf: &'s Site,
    root_admin: Client,
    leaf_admin: Client,
    /// By which the leaf trusts the root again.
    document: Resource,
    app: &'s str,
}

/// Measures the time from the request that ends the trust to the ends of the streams that the clients see.
pub(super) async fn measure(root: &Site, leaf: &Site, app: &str) -> anyhow::Result<Table> {
    let columns = ["trust is removed", "streams", "times", "p50 ms", "p99 ms", "last ms"];
    let mut table = Table::new("from the end of trust to the end of a stream", &columns);
    let document = Resource::from_json(root.trusted().to_string().as_bytes())?;
    let (root_admin, leaf_admin) = (root.admin(), leaf.admin());
    let ends = Ends { root, leaf, root_admin, leaf_admin, document, app };
    for (what, end) in [("at the leaf", End::AtLeaf), ("at the root", End::AtRoot)] {
        let mut cut = Vec::new();
        for _ in 0..TIMES {
            cut.extend(ends.once(end).await?);
        }
        table.row(row(what, cut));
    }
    Ok(table)
}

fn row(what: &str, cut: Vec<Duration>) -> Vec<Cell> {
    let last = cut.iter().max().copied().unwrap_or_default();
    let (p50, p99) = percentiles(cut);
    vec![
        text(what),
        number(STREAMS as f64, 0),
        number(TIMES as f64, 0),
        p50,
        p99,
        number(last.as_secs_f64() * 1e3, 1),
    ]
}

/// A session with the leaf's server as soon as there is a way.
pub(super) async fn reached(root: &Site, leaf: &Site, app: &str) -> anyhow::Result<Connection> {
    let end = Instant::now() + PATIENCE;
    loop {
        match session(root, leaf, app).await {
            Ok(stream) => return Ok(stream),
            Err(error) if Instant::now() > end => return Err(error.context("no way to the leaf")),
            Err(_) => sleep(PAUSE).await,
        }
    }
}

async fn session(root: &Site, leaf: &Site, app: &str) -> anyhow::Result<Connection> {
    let mut stream = root.by_stream_to(leaf, app).await?;
    stream.shake_hands().await?;
    Ok(stream)
}

// === impl Ends ===

impl Ends<'_> {
    /// Opens streams and ends the trust; gives after what time each of them ended. Afterwards it is there again.
    async fn once(&self, end: End) -> anyhow::Result<Vec<Duration>> {
        let mut streams = vec![reached(self.root, self.leaf, self.app).await?];
        while streams.len() < STREAMS {
            streams.push(session(self.root, self.leaf, self.app).await?);
        }
        self.leaf.calm_down().await?;
        let begin = Instant::now();
        let ended = streams.into_iter().map(|mut stream| async move {
            let ended = timeout(PATIENCE, stream.ended()).await;
            ended.map(|()| begin.elapsed()).context("a stream is not cut")
        });
        let (removed, ended) = tokio::join!(self.remove(end), join_all(ended));
        removed?;
        if matches!(end, End::AtRoot) {
            self.remove(End::AtLeaf).await?;
        }
        self.leaf_admin.create(&self.document).await?;
        ended.into_iter().collect()
    }

    async fn remove(&self, end: End) -> anyhow::Result<()> {
        let (admin, kind, of) = match end {
            End::AtLeaf => (&self.leaf_admin, Kind::TrustedCluster, self.root),
            End::AtRoot => (&self.root_admin, Kind::RemoteCluster, self.leaf),
        };
        Ok(admin.delete(kind, of.cluster().name()).await?)
    }
}
