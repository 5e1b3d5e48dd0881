//! One process of a cluster: `tessera start -c FILE`, which may be ended and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use nix::sys::signal::Signal;

use super::ANY_PORT;
use crate::process::{self, Process};
use crate::{Binaries, Scratch, wait};

/// A process of a cluster with its configuration file and its data directory.
#[derive(Debug)]
pub struct Node {
    name: String,
    /// The program and the words before `start`.
    program: Vec<PathBuf>,
    config: PathBuf,
    data: PathBuf,
    env: Vec<(String, PathBuf)>,
    process: Option<Process>,
    /// What former processes wrote.
    former: String,
}

// === impl Node ===

impl Node {
    /// Writes the configuration; starts nothing. `more` are lines of the `tessera` section.
    #[must_use]
    pub fn new(
        binaries: &Binaries,
        scratch: &Scratch,
        name: &str,
        more: &str,
        services: &str,
    ) -> Self {
        let data = scratch.join(name).join("data");
        let off = |section: &str| match services.contains(section) {
            true => String::new(),
            false => format!("{section}:\n  enabled: no\n"),
        };
        let text = format!(
            "version: v3\ntessera:\n  nodename: {name}\n  data_dir: {}\n  log:\n    \
             severity: DEBUG\n{more}{services}{}{}{}",
            data.display(),
            off("auth_service"),
            off("proxy_service"),
            off("app_service"),
        );
        let config = scratch.write(Path::new(name).join("tessera.yaml"), text);
        let program = vec![binaries.folder().join("tessera")];
        let (env, process, former) = (Vec::new(), None, String::new());
        Self { name: name.to_owned(), program, config, data, env, process, former }
    }

    /// The same, with the program started by another one: `setpriv` with its options, for example.
    #[must_use]
    pub fn started_by(mut self, words: &[&str], program: &Path) -> Self {
        let words = words.iter().map(PathBuf::from);
        self.program = words.chain([program.to_path_buf()]).collect();
        self
    }

    /// Starts the process.
    ///
    /// # Panics
    /// When it cannot be started, or runs.
    pub fn start(&mut self) {
        assert!(self.process.is_none(), "{} runs already", self.name);
        self.process = Some(process::service(self.command()));
    }

    fn command(&self) -> Command {
        let mut words = self.program.iter();
        let mut command = match words.next() {
            Some(first) => process::command(first),
            None => panic!("{} has no program", self.name),
        };
        command.args(words).args(["start", "-c"]).arg(&self.config);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its configuration file.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// Its data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The running process.
    ///
    /// # Panics
    /// When none runs.
    pub fn process(&mut self) -> &mut Process {
        match &mut self.process {
            Some(process) => process,
            None => panic!("{} does not run", self.name),
        }
    }

    /// Waits until a service of this process says where it listens, and has it listen there again
    /// when the process is started again: others know the address by then.
    ///
    /// # Panics
    /// When it does not say so.
    #[track_caller]
    pub fn settle(&mut self, service: &str) -> String {
        let said = format!("{service} is up address=");
        let address = wait::until(&said, wait::PATIENCE, || {
            self.check();
            let log = self.log();
            let (_, after) = log.split_once(&said).ok_or_else(|| log.clone())?;
            match after.split_once(char::is_whitespace) {
                Some((address, _)) => Ok(address.to_owned()),
                None => Err(log),
            }
        });
        let read = fs::read_to_string(&self.config)
            .map(|text| text.replace(ANY_PORT, &address))
            .and_then(|text| fs::write(&self.config, text));
        read.unwrap_or_else(|cause| panic!("{}: {cause}", self.config.display()));
        address
    }

    /// Ends the test when the process has ended by itself: there is nothing to wait for.
    ///
    /// # Panics
    /// When it has ended.
    #[track_caller]
    pub fn check(&mut self) {
        if let Some(status) = self.process().status() {
            panic!("{} ended by itself ({status}); it wrote:\n{}", self.name, self.log());
        }
    }

    /// Ends it and starts it again, with a variable in its environment that names a file.
    ///
    /// # Panics
    /// When it does not run, does not end, or cannot be started.
    pub fn restart_with(&mut self, name: &str, file: &Path) {
        let _status = self.stop();
        self.env.push((name.to_owned(), file.to_owned()));
        self.start();
    }

    /// Ends it as a machine that loses power does.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self) {
        self.end(Signal::SIGKILL);
    }

    /// Ends it as an administrator does; gives how it ended.
    ///
    /// # Panics
    /// When it does not run, or does not end.
    pub fn stop(&mut self) -> ExitStatus {
        self.end(Signal::SIGTERM)
    }

    fn end(&mut self, signal: Signal) -> ExitStatus {
        self.process().signal(signal);
        let status = self.process().wait(wait::PATIENCE);
        if let Some(process) = self.process.take() {
            self.former += &written(&process);
        }
        status
    }

    /// All that its processes have written.
    #[must_use]
    pub fn log(&self) -> String {
        let now = self.process.as_ref().map(written).unwrap_or_default();
        format!("{}{now}", self.former)
    }
}

fn written(process: &Process) -> String {
    format!("{}{}", process.stdout(), process.stderr())
}
