//! Starting programs: what is started is shown, and what fails says how.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, anyhow, bail};

/// A program to be run to its end.
#[derive(Debug)]
pub(crate) struct Shell {
    command: Command,
    /// As it is shown: the program's file name and the arguments.
    shown: String,
}

// === impl Shell ===

impl Shell {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        let program = program.into();
        let name = Path::new(&program).file_name().unwrap_or(&program);
        Self { shown: name.to_string_lossy().into_owned(), command: Command::new(&program) }
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        for arg in args {
            self.shown.push(' ');
            self.shown.push_str(&arg.as_ref().to_string_lossy());
            self.command.arg(arg);
        }
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Runs it with its output shown as it comes.
    pub(crate) fn run(mut self) -> Result<()> {
        println!("$ {}", self.shown);
        let status = self.command.stdin(Stdio::null()).status();
        let status = status.map_err(|cause| self.not_started(cause))?;
        if !status.success() {
            bail!("`{}` failed: {status}", self.shown);
        }
        Ok(())
    }

    /// Runs it quietly and gives its standard output; what it says to standard error is shown when
    /// it fails.
    pub(crate) fn output(mut self) -> Result<String> {
        let done = self.command.stdin(Stdio::null()).output();
        let done = done.map_err(|cause| self.not_started(cause))?;
        if !done.status.success() {
            let said = String::from_utf8_lossy(&done.stderr);
            bail!("`{}` failed: {}\n{}", self.shown, done.status, said.trim_end());
        }
        String::from_utf8(done.stdout).with_context(|| format!("read the output of {}", self.shown))
    }

    fn not_started(&self, cause: std::io::Error) -> anyhow::Error {
        match cause.kind() {
            ErrorKind::NotFound => {
                anyhow!("{} is not installed", self.command.get_program().display())
            }
            _ => anyhow::Error::new(cause).context(format!("start `{}`", self.shown)),
        }
    }
}
