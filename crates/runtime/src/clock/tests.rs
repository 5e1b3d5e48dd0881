use std::time::Duration;

use time::macros::datetime;

use super::Clock;

#[test]
fn a_manual_clock_stands_still_and_its_clones_move_with_it() {
    let clock = Clock::manual(datetime!(2026-11-20 12:00 UTC));
    let clone = clock.clone();
    assert_eq!(clock.now(), datetime!(2026-11-20 12:00 UTC));
    clone.advance(Duration::from_secs(90));
    assert_eq!(clock.now(), datetime!(2026-11-20 12:01:30 UTC));
    clock.set(datetime!(2020-01-01 0:00 UTC));
    assert_eq!(clone.now(), datetime!(2020-01-01 0:00 UTC));
}

#[test]
fn advancing_saturates() {
    let clock = Clock::manual(datetime!(2026-11-20 12:00 UTC));
    clock.advance(Duration::MAX);
    assert_eq!(clock.now().year(), 9999);
}

#[test]
fn the_system_clock_ignores_attempts_to_move_it() {
    let clock = Clock::system();
    let before = clock.now();
    clock.advance(Duration::from_secs(1_000_000));
    assert!(clock.now() - before < time::Duration::hours(1));
}

#[tokio::test]
async fn a_sleeper_on_a_manual_clock_wakes_when_it_is_advanced() {
    let clock = Clock::manual(datetime!(2026-11-20 12:00 UTC));
    let sleep = clock.sleep(Duration::from_secs(60));
    tokio::pin!(sleep);
    assert!(futures_ready(sleep.as_mut()).await.is_none());
    clock.advance(Duration::from_secs(59));
    assert!(futures_ready(sleep.as_mut()).await.is_none());
    clock.advance(Duration::from_secs(1));
    assert!(futures_ready(sleep.as_mut()).await.is_some());
}

#[tokio::test]
async fn a_deadline_in_the_past_does_not_wait() {
    Clock::system().sleep_until(datetime!(2020-01-01 0:00 UTC)).await;
    Clock::manual(datetime!(2026-11-20 12:00 UTC)).sleep(Duration::ZERO).await;
}

/// Polls once.
async fn futures_ready<F: Future + Unpin>(future: F) -> Option<F::Output> {
    tokio::select! { biased; out = future => Some(out), () = std::future::ready(()) => None }
}
