//! What a server logs onto the stream of what it says by itself, beside the answers that it belongs before.
//!
//! Answers and that stream are two connections: what a server wrote first can come last. So where a client wants
//! to hear what is logged, and the server is one that logs there, an answer waits a moment for it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use mcp::limits::Limits;
use mcp::message::Message;
use mcp::method::name;
use mcp::{Body, Notification};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout, timeout_at};

/// So long an answer waits for what was logged before it, if nothing was heard yet,
const HEAR_FIRST: Duration = Duration::from_millis(25);
/// and so long after the last that was heard.
const QUIET: Duration = Duration::from_millis(3);
/// After so many answers that waited for nothing none waits, until something is logged there again.
const IN_VAIN: u32 = 4;

/// What is logged beside the answers.
#[derive(Debug)]
pub(crate) struct Logs {
    /// What the server says by itself is heard,
    listening: AtomicBool,
    /// and what it logs is wanted.
    wanted: AtomicBool,
    /// How many messages were heard.
    heard: AtomicU64,
    /// How many answers in a row waited for nothing.
    in_vain: AtomicU32,
    news: Notify,
    /// See [`HEAR_FIRST`].
    patience: Duration,
}

// === impl Logs ===

impl Default for Logs {
    fn default() -> Self {
        Self::new(HEAR_FIRST)
    }
}

impl Logs {
    /// `patience` as [`HEAR_FIRST`].
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            listening: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            heard: AtomicU64::new(0),
            in_vain: AtomicU32::new(0),
            news: Notify::new(),
            patience,
        }
    }

    /// The client wants to hear what is logged.
    pub(super) fn want(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// The stream is heard, or not any more.
    pub(super) fn listen(&self, is_heard: bool) {
        self.listening.store(is_heard, Ordering::Relaxed);
    }

    /// How many messages were heard so far.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    /// Something came on the stream, and was handed on.
    pub(super) fn note(&self, event: &[u8]) {
        let message = Message::parse(event, &Limits::SERVER).map(|message| message.body);
        if let Ok(Body::Notification(Notification { method, .. })) = message
            && method.as_str() == name::MESSAGE
        {
            self.heard.fetch_add(1, Ordering::Relaxed);
            self.in_vain.store(0, Ordering::Relaxed);
            self.news.notify_waiters();
        }
    }

    /// Waits for what was logged before an answer that has come. `before` is what was heard until its request was
    /// sent.
    pub(super) async fn hear_first(&self, before: u64) {
        let is_wanted =
            self.listening.load(Ordering::Relaxed) && self.wanted.load(Ordering::Relaxed);
        if !is_wanted || self.in_vain.load(Ordering::Relaxed) >= IN_VAIN {
            return;
        }
        let until = Instant::now() + self.patience;
        if self.heard() == before && timeout_at(until, self.more_than(before)).await.is_err() {
            self.in_vain.fetch_add(1, Ordering::Relaxed);
            return;
        }
        while Instant::now() < until && timeout(QUIET, self.more_than(self.heard())).await.is_ok() {
        }
    }

    async fn more_than(&self, before: u64) {
        loop {
            let news = self.news.notified();
            if self.heard() > before {
                return;
            }
            news.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;

    fn wanted() -> Logs {
        let logs = Logs::default();
        logs.want();
        logs.listen(true);
        logs
    }

    async fn waits(logs: &Logs, before: u64) -> Duration {
        let begun = Instant::now();
        logs.hear_first(before).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn answers_wait_only_where_something_is_logged() {
        let logs = wanted();
        for _ in 0..IN_VAIN {
            assert_eq!(waits(&logs, 0).await, HEAR_FIRST);
        }
        assert_eq!(waits(&logs, 0).await, Duration::ZERO, "it never logs here");
        logs.note(br#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        assert_eq!(waits(&logs, 0).await, Duration::ZERO);
        logs.note(LOG);
        assert_eq!(waits(&logs, 1).await, HEAR_FIRST, "it does");
        assert_eq!(waits(&logs, 0).await, QUIET, "what was heard since the request counts");
        logs.listen(false);
        assert_eq!(waits(&logs, 1).await, Duration::ZERO);
        let unwanted = Logs::default();
        unwanted.listen(true);
        assert_eq!(waits(&unwanted, 0).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_meanwhile_ends_the_wait_soon() {
        let logs = wanted();
        let logging = async {
            for _ in 0..2 {
                tokio::time::sleep(QUIET - Duration::from_millis(1)).await;
                logs.note(LOG);
            }
        };
        let (waited, ()) = tokio::join!(waits(&logs, 0), logging);
        assert_eq!(waited, 2 * (QUIET - Duration::from_millis(1)) + QUIET);
        // One that never stops does not hold an answer for ever.
        let flood = async {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                logs.note(LOG);
            }
        };
        tokio::select! {
            waited = waits(&logs, logs.heard()) => assert!(waited <= HEAR_FIRST + QUIET, "{waited:?}"),
            () = flood => {}
        }
    }
}
