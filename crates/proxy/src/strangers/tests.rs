use super::*;

#[test]
fn places_are_few_and_come_back() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("a runtime").block_on(async {
        let strangers = Strangers::new();
        let mut stays: Vec<Stay> = (0..MAX_STRANGERS).filter_map(|_| strangers.admit()).collect();
        assert_eq!(stays.len(), MAX_STRANGERS);
        assert!(strangers.admit().is_none());
        drop(stays.pop());
        let stay = strangers.admit().expect("a place came back");
        assert!(*stay.until.borrow() <= Instant::now() + LIFE);
    });
}

#[tokio::test(start_paused = true)]
async fn whoever_becomes_known_gives_the_place_back_and_may_stay() {
    let strangers = Strangers::new();
    let stays: Vec<Stay> = (0..MAX_STRANGERS).map(|_| strangers.admit().unwrap()).collect();
    assert!(strangers.admit().is_none());
    let known = &stays[0];
    known.extend(LIFE * 10);
    assert!(strangers.admit().is_some());
    let begun = Instant::now();
    known.over().await;
    assert_eq!(begun.elapsed(), LIFE * 10);
    // Time is not taken away, and what was given while somebody waits counts.
    known.extend(LIFE);
    let begun = Instant::now();
    tokio::join!(known.over(), async {
        tokio::task::yield_now().await;
        tokio::time::advance(LIFE / 2).await;
        known.extend(LIFE * 2);
    });
    assert_eq!(begun.elapsed(), LIFE / 2 + LIFE * 2);
}
