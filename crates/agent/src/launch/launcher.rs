//! Starts keepers, and adopts what a killed keeper leaves behind.

use std::collections::BTreeSet;
use std::env;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, mpsc};

use keeper::{ENV_PREFIX, Fault, HostUser, KEEPER, KeeperArgs, proc, search_path};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use parking_lot::Mutex;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, oneshot};

use crate::launch::Program;
use crate::launch::binary::Binary;
use crate::launch::process::Process;
use crate::limits::Limits;

/// Starts servers. Clones share the thread that does it.
#[derive(Clone, Debug)]
pub struct Launcher {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// The way to the thread that starts keepers. It lives as long as any process that it started:
    /// to the keepers, the end of the thread is the end of the agent.
    orders: mpsc::Sender<Order>,
    /// The keepers that were started and not waited for: never mistaken for orphans.
    pub(crate) keepers: Mutex<BTreeSet<i32>>,
    /// The most servers that run at a time,
    most: usize,
    /// and places for those that do not run yet.
    places: Arc<Semaphore>,
}

#[derive(Debug)]
struct Order {
    program: Program,
    reply: oneshot::Sender<io::Result<Child>>,
}

// === impl Launcher ===

impl Launcher {
    /// How many keepers there are.
    pub(crate) fn keepers(&self) -> usize {
        self.inner.keepers.lock().len()
    }

    /// Makes this process the one that adopts orphans of its keepers, and starts the thread that
    /// starts them. Call it inside a tokio runtime, once a process.
    ///
    /// Keepers are made of `binary`.
    ///
    /// # Errors
    /// The system refuses either.
    pub fn new(binary: Binary) -> io::Result<Self> {
        Self::bounded(binary, Limits::DEFAULT.processes)
    }

    /// The same with another bound on how many servers run at a time.
    ///
    /// # Errors
    /// As [`Launcher::new`].
    pub fn bounded(binary: Binary, most: usize) -> io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        let (orders, inbox) = mpsc::channel::<Order>();
        let runtime = tokio::runtime::Handle::current();
        // A keeper's "my parent died" follows the thread that started it, and the runtime ends
        // threads when it likes.
        std::thread::Builder::new().name("agent-launcher".to_owned()).spawn(move || {
            let _runtime = runtime.enter();
            for order in inbox {
                // Nobody waits: the child is dropped, and its keeper ends with its input.
                _ = order.reply.send(spawn_keeper(binary.path(), &order.program));
            }
        })?;
        let places = Arc::new(Semaphore::new(most));
        Ok(Self { inner: Arc::new(Inner { orders, keepers: Mutex::default(), most, places }) })
    }

    /// Starts a server.
    ///
    /// That a keeper was started does not say that the server was: what is wrong with the user or
    /// the command is known when the process ends.
    ///
    /// # Errors
    /// No process could be started.
    pub async fn start(&self, program: Program) -> Result<Process, Fault> {
        // Before it is ordered: of several that are started at once none sees the others run.
        let place = self.inner.places.clone().try_acquire_owned();
        let place = place.map_err(|_none| Fault::TooMany { limit: self.inner.most })?;
        let failed = |reason: String| Fault::refused("start a process", reason);
        let (reply, answer) = oneshot::channel();
        self.inner
            .orders
            .send(Order { program, reply })
            .map_err(|_gone| failed("the launcher has ended".to_owned()))?;
        let keeper = answer
            .await
            .map_err(|_gone| failed("the launcher has ended".to_owned()))?
            .map_err(|error| failed(error.to_string()))?;
        Process::new(keeper, self.inner.clone(), place).map_err(|error| failed(error.to_string()))
    }

    /// Whether a server could be started, as far as that can be told beforehand. Blocks: the host's
    /// accounts may be kept elsewhere.
    ///
    /// # Errors
    /// What is missing.
    pub fn check(program: &Program) -> Result<(), Fault> {
        HostUser::find(program.user.as_deref())?;
        find_command(&program.command)
    }
}

fn spawn_keeper(binary: &Path, program: &Program) -> io::Result<Child> {
    let args = KeeperArgs {
        parent: Pid::this().as_raw(),
        user: program.user.clone(),
        cwd: program.cwd.as_ref().map(Into::into),
        command: program.command.clone().into(),
        args: program.args.iter().map(Into::into).collect(),
    };
    let mut command = Command::new(binary);
    command
        .arg0(keeper::NAME)
        .arg(KEEPER)
        .args(args.write())
        .env_clear()
        .env("PATH", search_path(env::var_os("PATH")))
        .envs(env::var_os("LANG").map(|value| ("LANG", value)))
        .envs(program.env.iter().map(|(name, value)| (format!("{ENV_PREFIX}{name}"), value)))
        // A Ctrl-C in the agent's terminal is for the agent.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn()
}

fn find_command(command: &str) -> Result<(), Fault> {
    let name = || command.to_owned();
    if !command.contains('/') {
        let path = search_path(env::var_os("PATH"));
        let mut places = env::split_paths(&path).map(|directory| directory.join(command));
        // As a shell looks: what cannot be executed is passed over.
        let found = places.any(|place| not_executable(&place).is_ok_and(|why| why.is_none()));
        return if found { Ok(()) } else { Err(Fault::CommandNotFound { command: name() }) };
    }
    match not_executable(Path::new(command)) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => {
            Err(Fault::NotExecutable { command: name(), reason: reason.to_owned() })
        }
        Err(_missing) => Err(Fault::CommandNotFound { command: name() }),
    }
}

/// Why a file cannot be executed by anybody. Whether a certain user may is known when it is tried.
fn not_executable(path: &Path) -> io::Result<Option<&'static str>> {
    let known = path.metadata()?;
    let may_be = known.permissions().mode() & 0o111 != 0;
    Ok(if !known.is_file() {
        Some("it is not a file")
    } else if !may_be {
        Some("its permissions let nobody execute it")
    } else {
        None
    })
}

// === impl Inner ===

impl Inner {
    /// Kills what a keeper that was itself killed has left behind.
    pub(crate) async fn sweep(self: &Arc<Self>) {
        let inner = self.clone();
        let swept = tokio::task::spawn_blocking(move || inner.kill_orphans());
        if swept.await.is_err() {
            tracing::error!("the search for orphaned processes failed");
        }
    }

    /// An orphan is a child of ours that is no keeper, is in a session of its own, and can gain no
    /// privileges: the drop makes it so, and no process can undo either.
    fn kill_orphans(&self) {
        let Some(own) = proc::stat(Pid::this().as_raw()) else { return };
        loop {
            let keepers = self.keepers.lock().clone();
            let orphans_among = |children: Vec<proc::Stat>| -> Vec<Pid> {
                let orphans = children
                    .into_iter()
                    .filter(|child| child.session != own.session && !keepers.contains(&child.pid))
                    .filter(|child| proc::has_no_new_privs(child.pid));
                orphans.map(|child| Pid::from_raw(child.pid)).collect()
            };
            let mut orphans = orphans_among(proc::some_children());
            if orphans.is_empty() {
                orphans = orphans_among(proc::children());
            }
            if orphans.is_empty() {
                return;
            }
            for orphan in &orphans {
                tracing::warn!(pid = orphan.as_raw(), "killing an orphan of an MCP server");
                _ = kill(*orphan, Signal::SIGKILL);
            }
            for orphan in orphans {
                while waitpid(orphan, None) == Err(Errno::EINTR) {}
            }
        }
    }
}
