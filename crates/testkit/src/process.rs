//! Processes that end with the test that started them, whatever they ignore.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::wait;

/// What of a process's output is kept: enough for any test, and bounded when one goes wild.
const KEPT_BYTES: usize = 16 << 20;

/// A running process in a group of its own. Dropped, the whole group is killed; when the test is
/// failing, its output is printed first.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    stdout: Captured,
    stderr: Captured,
    /// The threads that collect its output.
    readers: Vec<JoinHandle<()>>,
}

/// What a process left when it had run to its end.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

/// Output collected by a thread of its own.
#[derive(Debug, Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

/// A command for `program` that dies with the thread that starts it, so that a test runner that
/// kills a test leaves nothing behind.
///
/// Start it from the test's own thread. `setpriv` is part of util-linux, without which no Linux
/// runs.
#[must_use]
pub fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program.as_ref());
    command
}

/// Starts a service: nothing to read, its output captured.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn service(mut command: Command) -> Process {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(command);
    process.capture_stdout();
    process
}

/// Starts a process to talk with: its input and output belong to the caller, its standard error is
/// captured.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn dialogue(mut command: Command) -> (Process, ChildStdin, ChildStdout) {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(command);
    match (process.child.stdin.take(), process.child.stdout.take()) {
        (Some(stdin), Some(stdout)) => (process, stdin, stdout),
        _ => panic!("{}: its pipes are missing", process.name),
    }
}

/// Runs a process to its end with `input` as its standard input.
///
/// # Panics
/// When it cannot be started, or has not ended within `limit`.
#[must_use]
#[track_caller]
pub fn run(mut command: Command, input: &[u8], limit: Duration) -> Finished {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = Process::start(command);
    process.capture_stdout();
    if let Some(mut stdin) = process.child.stdin.take() {
        let input = input.to_vec();
        // A process that does not read its input is not thereby wrong: what it says tells.
        drop(thread::spawn(move || drop(stdin.write_all(&input))));
    }
    let status = process.wait(limit);
    wait::until(&format!("the end of {}'s output", process.name), limit, || {
        if process.drained() {
            return Ok(());
        }
        Err("a process that it left behind holds it open".to_owned())
    });
    Finished { status, stdout: process.stdout.bytes(), stderr: process.stderr() }
}

// === impl Process ===

impl Process {
    fn start(mut command: Command) -> Self {
        let name = shown(&command);
        let started = command.process_group(0).spawn();
        let mut child =
            started.unwrap_or_else(|cause| panic!("{name} could not be started: {cause}"));
        let stderr = Captured::default();
        let readers = child.stderr.take().map(|pipe| stderr.fill_from(pipe)).into_iter().collect();
        Self { name, child, stdout: Captured::default(), stderr, readers }
    }

    fn capture_stdout(&mut self) {
        let pipe = self.child.stdout.take();
        self.readers.extend(pipe.map(|pipe| self.stdout.fill_from(pipe)));
    }

    /// Whether all that was written has been collected.
    fn drained(&self) -> bool {
        self.readers.iter().all(JoinHandle::is_finished)
    }

    /// Its id, which is its group's too.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has written to standard output so far, if this is a [`service`].
    #[must_use]
    pub fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// What it has written to standard error so far.
    #[must_use]
    pub fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Waits until its output, either one, contains `text`.
    ///
    /// # Panics
    /// When `limit` passes, or the process ends without having written it.
    #[track_caller]
    pub fn wait_for_output(&mut self, text: &str, limit: Duration) {
        let name = self.name.clone();
        wait::until(&format!("{text:?} from {name}"), limit, || {
            let ended = self.status();
            if self.stdout().contains(text) || self.stderr().contains(text) {
                return Ok(());
            }
            if let Some(status) = ended.filter(|_| self.drained()) {
                panic!(
                    "{name} ended ({status}) without {text:?}; it wrote:\n{}{}",
                    self.stdout(),
                    self.stderr()
                );
            }
            Err(format!("it wrote so far:\n{}{}", self.stdout(), self.stderr()))
        });
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child
            .try_wait()
            .unwrap_or_else(|cause| panic!("{} cannot be waited for: {cause}", self.name))
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When `limit` passes.
    #[track_caller]
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let name = self.name.clone();
        wait::until(&format!("the end of {name}"), limit, || {
            self.status()
                .ok_or_else(|| format!("it runs; it wrote:\n{}{}", self.stdout(), self.stderr()))
        })
    }

    /// Sends a signal to the process alone, not to its group.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal)
            .unwrap_or_else(|cause| panic!("{signal} could not be sent to {}: {cause}", self.name));
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!(
                "=== {} ({}) wrote:\n{}{}===",
                self.name,
                self.child.id(),
                self.stdout(),
                self.stderr()
            );
        }
        // The group outlives its leader while a member lives, so its id is not given to anybody
        // else. No member left is what we want, not an error.
        killpg(self.pid(), Signal::SIGKILL).ok();
        drop(self.child.wait());
    }
}

// === impl Captured ===

impl Captured {
    fn fill_from(&self, mut source: impl Read + Send + 'static) -> JoinHandle<()> {
        let kept = Arc::clone(&self.0);
        thread::spawn(move || {
            let mut block = vec![0; 1 << 16];
            while let Ok(read @ 1..) = source.read(&mut block) {
                let mut kept = kept.lock();
                let room = KEPT_BYTES.saturating_sub(kept.len()).min(read);
                kept.extend(block.iter().take(room));
            }
        })
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().clone()
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock()).into_owned()
    }
}

/// The command as a person would name it: without the words that [`command`] puts in front.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    words.strip_prefix("setpriv --pdeathsig KILL -- ").unwrap_or(&words).to_owned()
}

#[cfg(test)]
mod tests;
