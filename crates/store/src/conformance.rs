//! What every engine must do, as tests that any engine can run.
//!
//! An engine's tests hold a function that makes an empty store, and one line:
//!
//! ```ignore
//! async fn make(setup: Setup) -> Result<Subject, Failure> { … }
//! store::conformance_suite!(make);
//! ```
//!
//! The suite waits for conditions and moves a manual clock; it never sleeps. Cases return a
//! [`Failure`] instead of panicking.

pub mod cases;

mod model;
mod replica;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use runtime::Clock;
use time::OffsetDateTime;

use crate::{Backend, Change, Error, Event, Key, Prefix, Retention, Watch};

/// How many changes the store under test remembers; the suite makes more to see them forgotten.
pub const REMEMBERED: usize = 64;

/// How long the suite waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// With what a store is to be made.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The clock that decides about expiry; the suite moves it.
    pub clock: Clock,
    /// How much of the past to remember.
    pub retention: Retention,
}

/// An empty store under test.
#[derive(Debug)]
pub struct Subject {
    backend: Arc<dyn Backend>,
    clock: Clock,
    /// What must live as long as the store: a directory, a server.
    _keep: Box<dyn Any + Send + Sync>,
}

/// Why a case failed.
pub struct Failure(String);

/// What a case ends with.
pub type Outcome = Result<(), Failure>;

/// Makes one test of each case of the suite, over the stores that `$make` makes.
#[macro_export]
macro_rules! conformance_suite {
    ($make:path) => {
        $crate::conformance_suite! { @cases $make;
            created_items_are_read_back
            creating_twice_fails
            put_creates_and_replaces
            missing_items_are_not_found
            compare_and_swap_replaces_the_expected_revision_only
            revisions_never_return
            deleting_is_conditional_too
            values_are_kept_byte_for_byte
            an_item_may_be_as_large_as_the_limit
            senseless_writes_are_refused
            groups_apply_whole_or_not_at_all
            range_is_ordered_and_by_whole_segments
            expired_items_are_absent_at_once
            expiry_does_not_outlive_a_replacement
            items_are_kept_alive_by_compare_and_swap
            sweeping_tells_watchers
            watch_continues_from_a_list
            watch_selects_by_prefix
            watch_resumes_from_any_cursor
            watch_tells_of_groups_in_order
            watch_across_compaction_says_so
            watch_that_falls_behind_says_so
            unknown_cursors_are_compacted
            many_create_one_wins
            many_increment_none_is_lost
            a_replica_converges_under_concurrent_writers
            random_operations_match_the_model
            a_closed_store_says_so
        }
    };
    (@cases $make:path; $($case:ident)*) => {
        $(
            #[test]
            fn $case() -> $crate::conformance::Outcome {
                $crate::conformance::run($make, $crate::conformance::cases::$case)
            }
        )*
    };
}

/// Returns a [`Failure`] unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err($crate::conformance::Failure::new(format!($($message)+)));
        }
    };
}
pub(crate) use ensure;

/// Returns a [`Failure`] unless the result is an error of this kind.
macro_rules! ensure_error {
    ($result:expr, $error:pat) => {
        match $result {
            Err($error) => {}
            other => {
                return Err($crate::conformance::Failure::new(format!(
                    "line {}: expected {}, got {other:?}",
                    line!(),
                    stringify!($error)
                )));
            }
        }
    };
}
pub(crate) use ensure_error;

/// Makes a store and runs one case over it.
///
/// # Errors
/// What the case found.
pub fn run<M, N, C, D>(make: M, case: C) -> Outcome
where
    M: FnOnce(Setup) -> N,
    N: Future<Output = Result<Subject, Failure>>,
    C: FnOnce(Subject) -> D,
    D: Future<Output = Outcome>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(error.to_string()))?;
    runtime.block_on(async {
        let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
        let retention = Retention { changes: REMEMBERED, bytes: usize::MAX };
        case(make(Setup { clock, retention }).await?).await
    })
}

// === impl Subject ===

impl Subject {
    /// A store made with `setup`. `keep` is dropped after the case.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>, setup: Setup, keep: Box<dyn Any + Send + Sync>) -> Self {
        Self { backend, clock: setup.clock, _keep: keep }
    }

    fn store(&self) -> &dyn Backend {
        &*self.backend
    }

    fn shared(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.backend)
    }

    fn in_seconds(&self, seconds: u64) -> OffsetDateTime {
        self.clock.now() + Duration::from_secs(seconds)
    }

    /// Makes so many changes that the store forgets what was before.
    async fn compact(&self) -> Outcome {
        let filler = key(&["filler", "x"])?;
        for _ in 0..=REMEMBERED {
            self.store().put(&filler, Bytes::new(), None).await?;
        }
        Ok(())
    }
}

// === impl Failure ===

impl Failure {
    /// A failure with this explanation.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(format!("unexpected error: {error:?}"))
    }
}

impl From<crate::InvalidKey> for Failure {
    fn from(error: crate::InvalidKey) -> Self {
        Self(error.to_string())
    }
}

fn key(segments: &[&str]) -> Result<Key, Failure> {
    Ok(Key::new(segments)?)
}

fn prefix(segments: &[&str]) -> Result<Prefix, Failure> {
    Ok(Prefix::new(segments)?)
}

/// The next change of a watch, which must come.
async fn next(watch: &mut Watch) -> Result<Change, Failure> {
    match tokio::time::timeout(PATIENCE, watch.next()).await {
        Ok(change) => Ok(change?),
        Err(_) => Err(Failure::new("the watch told nothing in time")),
    }
}

/// What the next change of a watch did, in a form that compares well.
async fn next_event(watch: &mut Watch) -> Result<String, Failure> {
    Ok(match next(watch).await?.event {
        Event::Put(item) => {
            format!("put {} {}", item.key, String::from_utf8_lossy(&item.value))
        }
        Event::Delete(key) => format!("delete {key}"),
    })
}
