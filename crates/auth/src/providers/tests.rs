//! What is remembered, for how long, and what is asked again.

use super::*;

fn table() -> Mutex<HashMap<String, Kept<u32>>> {
    Mutex::default()
}

fn lost() -> Result<Arc<u32>, Error> {
    Err(Error::unavailable("nobody answers"))
}

#[tokio::test(start_paused = true)]
async fn what_was_heard_is_fresh_for_a_while_and_usable_for_longer() {
    let kept = table();
    assert!(fresh(&kept, "a").is_none() && settle(&kept, "a", lost()).is_err());
    settle(&kept, "a", Ok(Arc::new(1))).unwrap();
    tokio::time::advance(FRESH - Duration::from_secs(1)).await;
    assert_eq!(fresh(&kept, "a").as_deref(), Some(&1));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(fresh(&kept, "a").is_none());
    // A provider that does not answer is believed by what it said last, and not for ever.
    assert_eq!(*settle(&kept, "a", lost()).unwrap(), 1);
    tokio::time::advance(USABLE - FRESH).await;
    assert!(settle(&kept, "a", lost()).is_err());
}

#[tokio::test(start_paused = true)]
async fn keys_are_asked_for_again_now_and_then() {
    let kept = table();
    settle(&kept, "a", Ok(Arc::new(1))).unwrap();
    assert!(!may_ask_again(&kept, "a"));
    tokio::time::advance(AGAIN).await;
    assert!(may_ask_again(&kept, "a"));
    assert!(!may_ask_again(&kept, "a"), "the first who asks is enough");
}

#[tokio::test(start_paused = true)]
async fn so_many_are_remembered() {
    let kept = table();
    for number in 0..=MAX_KEPT {
        settle(&kept, &number.to_string(), Ok(Arc::new(1))).unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    assert_eq!(kept.lock().len(), MAX_KEPT);
    assert!(fresh(&kept, "0").is_none() && fresh(&kept, "1").is_some());
}
