use std::time::Duration;

use super::{Latch, Readiness};

#[tokio::test]
async fn a_latch_opens_once_for_all_clones() {
    let latch = Latch::new();
    let clone = latch.clone();
    assert!(!clone.is_open());
    latch.open();
    latch.open();
    assert!(clone.is_open());
    clone.opened().await;
}

#[tokio::test(start_paused = true)]
async fn readiness_names_what_it_waits_for() {
    let readiness = Readiness::new();
    assert!(readiness.is_ready());
    let identity = readiness.condition("identity");
    let snapshot = readiness.condition("snapshot");
    assert_eq!(readiness.waiting_for(), ["identity", "snapshot"]);
    identity.open();
    assert_eq!(readiness.waiting_for(), ["snapshot"]);
    assert!(!readiness.is_ready());
    let short = Duration::from_millis(1);
    assert!(tokio::time::timeout(short, readiness.ready()).await.is_err());
    snapshot.open();
    readiness.ready().await;
    assert!(readiness.is_ready());
}
