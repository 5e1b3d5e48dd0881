//! Finds the processes of one test among all others, by a mark in their environment.

use std::fs;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// What the servers of one test carry. Their processes are killed with it, should the test fail.
pub(crate) struct Mark {
    value: String,
}

// === impl Mark ===

impl Mark {
    pub(crate) fn new() -> Self {
        Self { value: uuid::Uuid::new_v4().to_string() }
    }

    pub(crate) fn variable(&self) -> (String, String) {
        ("MARK".to_owned(), self.value.clone())
    }

    /// The processes that carry the mark and are not dead. Keepers carry it under another name.
    pub(crate) fn alive(&self) -> Vec<i32> {
        let wanted = self.value.as_bytes();
        let carries = |pid: &i32| {
            fs::read(format!("/proc/{pid}/environ"))
                .is_ok_and(|environ| environ.windows(wanted.len()).any(|part| part == wanted))
        };
        fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(carries)
            .collect()
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        for pid in self.alive() {
            // One that has just ended is no failure.
            _ = nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            );
        }
    }
}

pub(crate) async fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "not so in time: {what}");
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
