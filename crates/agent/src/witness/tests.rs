use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use audit::sink::Recording;
use audit::{Event, Sink};

use super::{TRY_AGAIN, Witness};

/// A disk that may be full.
#[derive(Debug, Default)]
struct Disk {
    full: AtomicBool,
}

impl Sink for Disk {
    fn append(&self, _event: &Event) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        }
    }

    fn record<'a>(&'a self, event: &'a Event) -> Recording<'a> {
        Box::pin(async move { self.append(event) })
    }
}

fn event() -> Event {
    let stamper = audit::Stamper::new("example", runtime::Clock::system());
    let actor = audit::record::UserMetadata::system("host");
    let event = audit::record::AuthPreferenceUpdate { actor: &actor };
    stamper.event_at(stamper.stamp(0), &event).unwrap()
}

#[tokio::test(start_paused = true)]
async fn who_cannot_record_is_passed_over_and_tried_now_and_then() {
    let disk = Arc::new(Disk::default());
    let witness = Witness::new(disk.clone());
    let event = event();
    assert!(witness.is_able());
    disk.full.store(true, Ordering::Relaxed);
    assert!(witness.is_able(), "nobody knows yet");
    assert!(witness.record(&event).await.is_err(), "what cannot be recorded is refused");
    assert!(!witness.is_able());
    tokio::time::advance(TRY_AGAIN - Duration::from_millis(1)).await;
    assert!(!witness.is_able());
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(witness.is_able(), "one may find out");
    assert!(!witness.is_able(), "and no more than one");
    assert!(witness.record(&event).await.is_err());
    assert!(!witness.is_able());
    disk.full.store(false, Ordering::Relaxed);
    tokio::time::advance(TRY_AGAIN).await;
    assert!(witness.is_able());
    witness.record(&event).await.unwrap();
    assert!(witness.is_able() && witness.is_able());
}
