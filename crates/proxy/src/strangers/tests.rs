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
        assert!(stay.until <= Instant::now() + LIFE);
    });
}
