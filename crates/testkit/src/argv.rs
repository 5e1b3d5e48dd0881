//! A command as it is written into an app resource or handed to an MCP client: a program and its
//! arguments.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::process;

/// A program and its arguments, as text: that is what resources and clients' configurations carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argv {
    program: String,
    args: Vec<String>,
}

// === impl Argv ===

impl Argv {
    /// The program alone.
    #[must_use]
    pub fn new(program: impl AsRef<Path>) -> Self {
        Self { program: text(program.as_ref().as_os_str()), args: Vec::new() }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(text(arg.as_ref()));
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// The same under `env NAME=VALUE`. MCP clients start a server with an environment of their own
    /// making, so a variable that must arrive has to be part of the command.
    #[must_use]
    pub fn with_env(self, name: &str, value: impl AsRef<OsStr>) -> Self {
        let assignment = format!("{name}={}", text(value.as_ref()));
        Self::new("env").arg(assignment).args(self.words())
    }

    /// What is started.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The arguments after the program.
    #[must_use]
    pub fn arguments(&self) -> &[String] {
        &self.args
    }

    /// The program and its arguments.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.program.as_str()).chain(self.args.iter().map(String::as_str))
    }

    /// Ready to be started under a guard: see [`process::command`].
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = process::command(&self.program);
        command.args(&self.args);
        command
    }
}

fn text(word: &OsStr) -> String {
    word.to_str()
        .unwrap_or_else(|| panic!("{} is not UTF-8 and cannot stand in a resource", word.display()))
        .to_owned()
}
