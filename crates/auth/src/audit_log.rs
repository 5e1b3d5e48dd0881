//! The cluster's audit log, as the operations of this service use it: what cannot be recorded does
//! not happen.

use std::sync::Arc;
use std::time::Duration;

use api::Error;
use audit::{Event, Log, Record, Sink as _, Stamper};
use parking_lot::Mutex;
use runtime::Clock;
use time::OffsetDateTime;

/// Records of what nobody in particular did, in a minute. Anybody who reaches the port can cause
/// them, and must not be able to fill the disk and so stop everybody else.
const MAX_ANONYMOUS: u32 = 60;
const MINUTE: Duration = Duration::from_secs(60);

/// Records what happens.
#[derive(Debug)]
pub(crate) struct AuditLog {
    log: Arc<Log>,
    stamper: Stamper,
    clock: Clock,
    /// Protects the count of the current minute.
    anonymous: Mutex<Minute>,
}

#[derive(Debug)]
struct Minute {
    began: OffsetDateTime,
    recorded: u32,
}

// === impl AuditLog ===

impl AuditLog {
    pub(crate) fn new(log: Arc<Log>, cluster: &str, clock: Clock) -> Self {
        let began = clock.now();
        Self {
            log,
            stamper: Stamper::new(cluster, clock.clone()),
            clock,
            anonymous: Mutex::new(Minute { began, recorded: 0 }),
        }
    }

    /// The log itself.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Records what is about to happen. When that fails, it must not.
    pub(crate) async fn record(&self, record: &impl Record) -> Result<(), Error> {
        let event = self.stamper.event(record).map_err(|error| refused(&error))?;
        self.write(&event).await
    }

    /// Records what an unknown caller did, unless there was too much of that lately.
    pub(crate) async fn record_anonymous(&self, record: &impl Record) -> Result<(), Error> {
        if self.has_room() {
            self.record(record).await
        } else {
            tracing::warn!(event = record.code().event, "not audited: too many by unknown callers");
            Ok(())
        }
    }

    async fn write(&self, event: &Event) -> Result<(), Error> {
        self.log.record(event).await.map_err(|error| refused(&error))
    }

    fn has_room(&self) -> bool {
        let now = self.clock.now();
        let mut minute = self.anonymous.lock();
        if now >= minute.began + MINUTE {
            *minute = Minute { began: now, recorded: 0 };
        }
        minute.recorded = minute.recorded.saturating_add(1);
        minute.recorded <= MAX_ANONYMOUS
    }
}

fn refused(error: &std::io::Error) -> Error {
    Error::unavailable("the audit record cannot be written, so nothing was done").because(error)
}
