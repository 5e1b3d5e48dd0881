use std::sync::Arc;

use api::ErrorKind;
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use super::{Attempts, MAX_PER_SOURCE, MAX_PER_USER, WINDOW, source};

fn attempts() -> (Attempts, Clock) {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    let store = Arc::new(MemoryBackend::new(clock.clone()));
    (Attempts::new(store, clock.clone()), clock)
}

async fn fail(attempts: &Attempts, source: &str, times: u32) {
    for n in 0..times {
        attempts.begin("alice", Some(source)).await.unwrap_or_else(|e| panic!("attempt {n}: {e}"));
    }
}

#[tokio::test]
async fn the_sixth_attempt_waits_a_quarter_of_an_hour() {
    let (attempts, clock) = attempts();
    fail(&attempts, "192.0.2.1:4000", MAX_PER_SOURCE).await;
    let refused = attempts.begin("alice", Some("192.0.2.1:4001")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::RateLimited);
    // Others, and the same person from elsewhere, are not concerned.
    attempts.begin("bob", Some("192.0.2.1:4001")).await.unwrap();
    attempts.begin("alice", Some("192.0.2.2:4001")).await.unwrap();
    // Attempts while locked out do not prolong it.
    clock.advance((WINDOW - time::Duration::SECOND).unsigned_abs());
    attempts.begin("alice", Some("192.0.2.1:4000")).await.unwrap_err();
    clock.advance(std::time::Duration::from_secs(1));
    attempts.begin("alice", Some("192.0.2.1:4000")).await.unwrap();
}

#[tokio::test]
async fn failures_far_apart_do_not_add_up() {
    let (attempts, clock) = attempts();
    for _ in 0..3 {
        fail(&attempts, "192.0.2.1", MAX_PER_SOURCE - 1).await;
        clock.advance(WINDOW.unsigned_abs());
    }
}

#[tokio::test]
async fn success_forgets_failures() {
    let (attempts, _clock) = attempts();
    for _ in 0..3 {
        fail(&attempts, "192.0.2.1", MAX_PER_SOURCE).await;
        attempts.succeeded("alice", Some("192.0.2.1")).await.unwrap();
    }
}

#[tokio::test]
async fn many_addresses_do_not_help() {
    let (attempts, _clock) = attempts();
    for n in 0..MAX_PER_USER {
        attempts.begin("alice", Some(&format!("192.0.2.{n}"))).await.unwrap();
    }
    let refused = attempts.begin("alice", Some("198.51.100.1")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::RateLimited);
}

#[tokio::test]
async fn many_addresses_do_not_keep_a_user_out_who_is_known() {
    let (attempts, clock) = attempts();
    attempts.begin("alice", Some("203.0.113.7:1")).await.unwrap();
    attempts.succeeded("alice", Some("203.0.113.7:1")).await.unwrap();
    for n in 0..MAX_PER_USER - 1 {
        attempts.begin("alice", Some(&format!("192.0.2.{n}"))).await.unwrap();
    }
    attempts.begin("alice", Some("198.51.100.1")).await.unwrap_err();
    // The user comes from where she came before; what she mistypes there counts there.
    for _ in 0..MAX_PER_SOURCE {
        attempts.begin("alice", Some("203.0.113.7:2")).await.unwrap();
    }
    attempts.begin("alice", Some("203.0.113.7:2")).await.unwrap_err();
    // That she came in does not help those who guess.
    clock.advance(WINDOW.unsigned_abs() / 2);
    attempts.succeeded("alice", Some("203.0.113.7:3")).await.unwrap();
    attempts.begin("alice", Some("203.0.113.7:3")).await.unwrap();
    attempts.begin("alice", Some("198.51.100.2")).await.unwrap_err();
    // The address is hers alone, and not for ever.
    attempts.begin("bob", Some("203.0.113.7:2")).await.unwrap();
    clock.advance(super::KNOWN_FOR.unsigned_abs());
    for n in 0..MAX_PER_USER {
        attempts.begin("alice", Some(&format!("192.0.2.{n}"))).await.unwrap();
    }
    attempts.begin("alice", Some("203.0.113.7:1")).await.unwrap_err();
}

#[tokio::test]
async fn attempts_at_once_are_counted_each() {
    let (attempts, _clock) = attempts();
    let tries = (0..40).map(|_| attempts.begin("alice", Some("192.0.2.1")));
    let admitted = futures_util::future::join_all(tries).await.iter().filter(|r| r.is_ok()).count();
    assert!(admitted <= MAX_PER_SOURCE as usize, "{admitted} attempts were admitted");
}

#[test]
fn what_counts_as_one_source() {
    assert_eq!(source(Some("192.0.2.1:99")), "192.0.2.1");
    assert_eq!(source(Some("[::ffff:192.0.2.1]:99")), "192.0.2.1");
    assert_eq!(source(Some("[2001:db8:1:2:3:4:5:6]:99")), "2001:db8:1:2::/64");
    assert_eq!(source(Some("2001:db8:1:2::1")), source(Some("[2001:db8:1:2:ffff::]:1")));
    assert_eq!(source(None), "unknown");
}
