use std::time::Duration;

use nix::sys::signal::{Signal, raise};

use super::{Reload, Shutdown};
use crate::tasks::Tasks;

const LIMIT: Duration = Duration::from_secs(10);

// Signals reach the whole process. nextest gives each test a process of its own; under a runner
// that does not, one test for all signals keeps them from crossing.
#[tokio::test]
async fn the_first_signal_requests_and_the_second_forces() {
    let tasks = Tasks::new();
    let shutdown = Shutdown::on_signals(&tasks).unwrap();
    let mut reload = Reload::on_hangup().unwrap();

    raise(Signal::SIGHUP).unwrap();
    tokio::time::timeout(LIMIT, reload.next()).await.unwrap();
    assert!(!shutdown.is_requested());

    raise(Signal::SIGTERM).unwrap();
    tokio::time::timeout(LIMIT, shutdown.requested()).await.unwrap();
    assert!(!shutdown.forced.is_cancelled());
    assert!(tasks.shutdown(LIMIT).await.is_empty(), "the listener must not delay shutdown");

    raise(Signal::SIGINT).unwrap();
    tokio::time::timeout(LIMIT, shutdown.forced()).await.unwrap();
}

#[tokio::test]
async fn force_is_also_a_request() {
    let shutdown = Shutdown::new();
    shutdown.clone().force();
    shutdown.requested().await;
    shutdown.forced().await;
}
