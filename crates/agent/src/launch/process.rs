//! A running server, as the agent holds it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use keeper::Outcome;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use crate::launch::launcher::Inner;
use crate::launch::tail::Tail;

/// How long a keeper may take to end a server: three seconds of patience and the rest for a busy
/// machine. After that the keeper is killed, and the server with it.
const KEEPER_PATIENCE: Duration = Duration::from_secs(10);

const STDERR_BUFFER: usize = 2048;

/// A server and its keeper. Dropping it ends both, unobserved; [`Process::end`] waits for it.
#[derive(Debug)]
pub struct Process {
    keeper: Child,
    pid: i32,
    /// What the server reads; closed when taken and dropped.
    pub stdin: Option<ChildStdin>,
    /// What the server writes.
    pub stdout: ChildStdout,
    pub(crate) stderr: Option<ChildStderr>,
    pub(crate) tail: Tail,
    launcher: Arc<Inner>,
    /// Among the servers that may run.
    _place: OwnedSemaphorePermit,
}

/// What became of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How it ended.
    pub outcome: Outcome,
    /// The last line that it wrote to its error stream.
    pub last_words: Option<String>,
}

// === impl Process ===

impl Process {
    pub(crate) fn new(
        mut keeper: Child,
        launcher: Arc<Inner>,
        place: OwnedSemaphorePermit,
    ) -> std::io::Result<Self> {
        let missing = || std::io::Error::other("a keeper without pipes");
        let pid = keeper.id().and_then(|pid| i32::try_from(pid).ok()).ok_or_else(missing)?;
        let stdin = keeper.stdin.take().ok_or_else(missing)?;
        let stdout = keeper.stdout.take().ok_or_else(missing)?;
        let stderr = keeper.stderr.take().ok_or_else(missing)?;
        launcher.keepers.lock().insert(pid);
        let tail = Tail::default();
        let stdin = Some(stdin);
        Ok(Self { keeper, pid, stdin, stdout, stderr: Some(stderr), tail, launcher, _place: place })
    }

    /// The keeper's process id.
    #[must_use]
    pub fn keeper_pid(&self) -> i32 {
        self.pid
    }

    /// Reads what is written until the end of the stream, or until there are `most` bytes.
    pub(crate) async fn read_to_end(
        &mut self,
        written: &mut Vec<u8>,
        most: usize,
    ) -> std::io::Result<()> {
        let (mut out, mut err) = (vec![0; STDERR_BUFFER], vec![0; STDERR_BUFFER]);
        loop {
            tokio::select! {
                read = self.stdout.read(&mut out) => {
                    let read = out.get(..read?).unwrap_or_default();
                    let room = most.saturating_sub(written.len());
                    written.extend(read.iter().take(room));
                    if read.is_empty() || written.len() >= most {
                        return Ok(());
                    }
                }
                // A full one would stop the process.
                read = read_some(&mut self.stderr, &mut err) => match read {
                    0 => self.stderr = None,
                    read => self.tail.push(err.get(..read).unwrap_or_default(), "a command"),
                },
            }
        }
    }

    /// Ends the server and waits until nothing of it is left.
    pub async fn end(mut self) -> Ended {
        drop(self.stdin.take());
        self.signal_keeper();
        let orderly = match timeout(KEEPER_PATIENCE, self.wait_for_keeper()).await {
            Ok(orderly) => orderly,
            Err(_elapsed) => {
                tracing::warn!(keeper = self.pid, "a keeper did not end in time; killing it");
                // An error means that it has just ended.
                _ = self.keeper.kill().await;
                false
            }
        };
        self.launcher.keepers.lock().remove(&self.pid);
        if !orderly {
            self.launcher.sweep().await;
        }
        let outcome = self.tail.outcome().filter(|_| orderly).unwrap_or(Outcome::Unknown);
        Ended { outcome, last_words: self.tail.last_line() }
    }

    /// Reads the error stream until the keeper has ended; says whether it ended by itself.
    async fn wait_for_keeper(&mut self) -> bool {
        let mut buffer = vec![0; STDERR_BUFFER];
        let mut stderr = self.stderr.take();
        let status = loop {
            tokio::select! {
                // In this order, so that what was written is read first.
                biased;
                read = read_some(&mut stderr, &mut buffer) => match read {
                    0 => stderr = None,
                    length => self.tail.push(buffer.get(..length).unwrap_or_default(), "ending"),
                },
                status = self.keeper.wait() => break status,
            }
        };
        // The last line is in the pipe already; somebody else may hold the other end for ever.
        while let Some(length) = read_some(&mut stderr, &mut buffer).now_or_never() {
            match length {
                0 => break,
                length => self.tail.push(buffer.get(..length).unwrap_or_default(), "ending"),
            }
        }
        status.is_ok_and(|status| status.code().is_some())
    }

    /// Tells the keeper to end the server. The pid is ours until the keeper was waited for.
    fn signal_keeper(&self) {
        if self.keeper.id().is_some() {
            _ = kill(Pid::from_raw(self.pid), Signal::SIGTERM);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.keeper.id().is_some() {
            self.signal_keeper();
            self.launcher.keepers.lock().remove(&self.pid);
        }
    }
}

/// Bytes of a stream; none at its end, and nothing ever when there is no stream.
async fn read_some(stream: &mut Option<ChildStderr>, buffer: &mut [u8]) -> usize {
    match stream {
        Some(stream) => stream.read(buffer).await.unwrap_or(0),
        None => std::future::pending().await,
    }
}
