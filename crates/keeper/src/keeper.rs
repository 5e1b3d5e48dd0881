//! The keeper: starts one server, adopts what it leaves behind, and ends after all of it.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, alarm, dup2_stdin, dup2_stdout, getppid, pipe};

use crate::args::{DropArgs, ENV_PREFIX, KeeperArgs};
use crate::fault::Fault;
use crate::report::Outcome;
use crate::{DROP, NAME, proc};

/// How long a server may take to end by itself once its input has ended, in seconds. Servers that
/// mind their input are gone in milliseconds.
const END_OF_INPUT_SECONDS: u32 = 1;
/// How long it may take after SIGTERM.
const TERMINATE_SECONDS: u32 = 2;
/// A fault that the drop reports is not longer.
const FAULT_BYTES: u64 = 4096;
/// This binary, also when its file was replaced or removed meanwhile.
const OWN_BINARY: &str = "/proc/self/exe";

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Serving,
    InputEnded,
    Terminating,
}

/// A started server, or the drop that is about to become it.
struct Server {
    pid: Pid,
    /// Says why there is no server; ends without a word when there is one.
    fault: File,
    stage: Stage,
    status: Option<WaitStatus>,
}

/// The entry point of a keeper; `args` are those after [`crate::KEEPER`].
#[must_use]
pub fn main_keeper(args: Vec<OsString>) -> ExitCode {
    let outcome = keep(args).unwrap_or_else(|fault| Outcome::NotStarted { fault });
    // An error means that the agent is gone, and nobody else wants to know.
    match outcome.write(&mut io::stderr()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_nobody_listens) => ExitCode::FAILURE,
    }
}

fn keep(args: Vec<OsString>) -> Result<Outcome, Fault> {
    let args = KeeperArgs::read(args)?;
    // Under its own name, so that `pkill` of the service does not hit the keepers.
    prctl::set_name(c"mcp-keeper").map_err(refused("name the keeper"))?;
    let signals = watched_signals();
    signals.thread_block().map_err(refused("block signals"))?;
    prctl::set_child_subreaper(true).map_err(refused("adopt orphans"))?;
    prctl::set_pdeathsig(Signal::SIGTERM).map_err(refused("watch the agent"))?;
    if getppid().as_raw() != args.parent {
        // The agent died before its death could be signalled.
        return Err(Fault::refused("keep an MCP server", "the agent is gone"));
    }
    if proc::stat(Pid::this().as_raw()).is_none() {
        return Err(Fault::refused("keep an MCP server", "/proc cannot be read"));
    }
    let mut server = Server::start(args)?;
    server.attend(&signals);
    server.sweep();
    Ok(server.outcome())
}

fn watched_signals() -> SigSet {
    [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGQUIT,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGPIPE,
        Signal::SIGCHLD,
        Signal::SIGALRM,
    ]
    .into_iter()
    .collect()
}

fn refused(step: &'static str) -> impl Fn(Errno) -> Fault {
    move |errno| Fault::refused(step, errno.desc())
}

// === impl Server ===

impl Server {
    fn start(args: KeeperArgs) -> Result<Self, Fault> {
        let (fault, status) = pipe().map_err(refused("make a pipe"))?;
        let drop_args = DropArgs {
            parent: Pid::this().as_raw(),
            status: status.as_raw_fd(),
            user: args.user,
            cwd: args.cwd,
            command: args.command,
            args: args.args,
        };
        // Input, output and errors are the agent's pipes; the server gets them as they are.
        let child = Command::new(own_binary())
            .arg0(NAME)
            .arg(DROP)
            .args(drop_args.write())
            .env_clear()
            .envs(env::vars_os().filter(|(name, _)| is_for_the_drop(name)))
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|error| Fault::refused("start a process", error))?;
        let pid = i32::try_from(child.id()).map_err(|error| Fault::refused("use a pid", error))?;
        // Nobody but the server may hold its pipes, or their end would not be seen.
        let null = File::options()
            .read(true)
            .write(true)
            .open("/dev/null")
            .map_err(|error| Fault::refused("open /dev/null", error))?;
        dup2_stdin(&null).map_err(refused("let go of the input"))?;
        dup2_stdout(&null).map_err(refused("let go of the output"))?;
        Ok(Self {
            pid: Pid::from_raw(pid),
            fault: File::from(fault),
            stage: Stage::Serving,
            status: None,
        })
    }

    /// Serves until the server has ended or has had its time to end.
    fn attend(&mut self, signals: &SigSet) {
        loop {
            match signals.wait() {
                Ok(Signal::SIGCHLD) => {
                    self.reap();
                    if self.status.is_some() {
                        return;
                    }
                }
                Ok(Signal::SIGTERM | Signal::SIGINT | Signal::SIGHUP | Signal::SIGQUIT)
                    if self.stage == Stage::Serving =>
                {
                    self.stage = Stage::InputEnded;
                    alarm::set(END_OF_INPUT_SECONDS);
                }
                // A second SIGTERM says: faster.
                Ok(Signal::SIGALRM | Signal::SIGTERM) => match self.stage {
                    Stage::Serving => {}
                    Stage::InputEnded => {
                        self.stage = Stage::Terminating;
                        self.terminate();
                        alarm::set(TERMINATE_SECONDS);
                    }
                    Stage::Terminating => return,
                },
                Ok(_) => {}
                // `sigwait` fails on nonsense only; serving on deaf would be worse than ending.
                Err(_) => return,
            }
        }
    }

    /// Asks the server's process group to end. The drop makes the group; until then the process
    /// itself is asked.
    fn terminate(&self) {
        if killpg(self.pid, Signal::SIGTERM).is_err() {
            _ = kill(self.pid, Signal::SIGTERM);
        }
    }

    /// Takes note of every child that has ended; says whether any is left.
    fn reap(&mut self) -> bool {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return true,
                Ok(status) => self.note(status),
                Err(Errno::EINTR) => {}
                Err(_no_child) => return false,
            }
        }
    }

    /// Kills every descendant: children die, theirs become ours, until nobody is left. A child's pid
    /// cannot be anybody else's before we have waited for it.
    fn sweep(&mut self) {
        while self.reap() {
            // Who is missed is met again: it ends when the kernel knows of no child.
            for child in proc::some_children() {
                _ = kill(Pid::from_raw(child.pid), Signal::SIGKILL);
            }
            match waitpid(None, None) {
                Ok(status) => self.note(status),
                Err(Errno::EINTR) => {}
                Err(_no_child) => return,
            }
        }
    }

    fn note(&mut self, status: WaitStatus) {
        if status.pid() == Some(self.pid) {
            self.status = Some(status);
        }
    }

    fn outcome(mut self) -> Outcome {
        // Every writer is dead, so this does not wait.
        let mut said = Vec::new();
        let read = (&mut self.fault).take(FAULT_BYTES).read_to_end(&mut said);
        if read.is_ok_and(|length| length > 0)
            && let Ok(fault) = serde_json::from_slice(&said)
        {
            return Outcome::NotStarted { fault };
        }
        match self.status {
            Some(WaitStatus::Exited(_, code)) => Outcome::Exited { code },
            Some(WaitStatus::Signaled(_, signal, _)) => {
                Outcome::Signalled { signal: signal.as_str().to_owned() }
            }
            _ => Outcome::Unknown,
        }
    }
}

fn own_binary() -> &'static Path {
    Path::new(OWN_BINARY)
}

/// What the drop needs of the agent's environment, and what the server is to have.
fn is_for_the_drop(name: &std::ffi::OsStr) -> bool {
    name == "PATH" || name == "LANG" || name.as_encoded_bytes().starts_with(ENV_PREFIX.as_bytes())
}
