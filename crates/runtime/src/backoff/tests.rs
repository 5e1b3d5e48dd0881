use std::time::Duration;

use super::Backoff;

const MIN: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(2);

#[test]
fn delays_double_within_the_upper_half_and_stop_at_the_maximum() {
    for _ in 0..200 {
        let mut backoff = Backoff::new(MIN, MAX);
        for ceiling_ms in [100, 200, 400, 800, 1600, 2000, 2000] {
            let ceiling = Duration::from_millis(ceiling_ms);
            let delay = backoff.next_delay();
            assert!(delay >= ceiling / 2 && delay <= ceiling, "{delay:?} of {ceiling:?}");
        }
    }
}

#[test]
fn delays_differ() {
    let drawn: Vec<_> = (0..50).map(|_| Backoff::new(MIN, MAX).next_delay()).collect();
    assert!(drawn.iter().any(|d| Some(d) != drawn.first()));
}

#[test]
fn many_attempts_do_not_overflow_and_reset_begins_again() {
    let mut backoff = Backoff::new(MIN, MAX);
    for _ in 0..100 {
        assert!(backoff.next_delay() <= MAX);
    }
    assert_eq!(backoff.attempts(), 100);
    backoff.reset();
    assert!(backoff.next_delay() <= MIN);
}

#[tokio::test(start_paused = true)]
async fn waiting_takes_the_delay() {
    let begin = tokio::time::Instant::now();
    Backoff::new(MIN, MAX).wait().await;
    assert!(begin.elapsed() >= MIN / 2);
}
