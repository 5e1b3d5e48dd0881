//! From the spool to the log over a bad connection: nothing is lost, nothing is there twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use runtime::Tasks;

use super::run_shipper;
use crate::log::{Query, Shipment};
use crate::spool::tests::{open, record};
use crate::{Batch, Log, LogOptions};

/// Brings a batch to the log, and now and then loses the way there or the answer.
async fn send(log: Arc<Log>, batch: Batch, attempt: usize) -> Result<(), String> {
    if attempt.is_multiple_of(3) {
        return Err("lost on the way there".to_owned());
    }
    let shipment =
        Shipment { host: "host-1", source: &batch.source, first: batch.first, lines: &batch.lines };
    log.ingest(shipment).await.map_err(|error| error.to_string())?;
    if attempt % 3 == 1 { Err("the answer was lost".to_owned()) } else { Ok(()) }
}

#[tokio::test]
async fn nothing_is_lost_and_nothing_is_there_twice() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(LogOptions::new(directory.path().join("log"))).unwrap();
    let log = Arc::new(log);
    let spool = Arc::new(open(&directory.path().join("spool")));
    let attempts = Arc::new(AtomicUsize::new(0));
    record(&spool, 0..7);

    let tasks = Tasks::new();
    let counter = Arc::clone(&attempts);
    let target = Arc::clone(&log);
    let shipping = run_shipper(Arc::clone(&spool), move |batch| {
        let attempt = counter.fetch_add(1, Ordering::Relaxed);
        send(Arc::clone(&target), batch, attempt)
    });
    let shipper = tasks.spawn("ship", shipping);
    record(&spool, 7..12);
    // Closing ends the shipper only after everything is shipped.
    spool.close();
    tokio::time::timeout(Duration::from_secs(60), shipper).await.unwrap().unwrap();

    let page = log.query(Query::default()).await.unwrap();
    let users: Vec<String> = page
        .events
        .iter()
        .rev()
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.json).unwrap())
        .map(|value| value["user"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(users, (0..12).map(|n| format!("user-{n}")).collect::<Vec<_>>());
    assert!(attempts.load(Ordering::Relaxed) >= 3);
    assert_eq!(spool.waiting(), 0);
}
