//! MCP clients that nobody here wrote: each is given the command of a stdio server, or of what
//! leads to one.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::grid::Way;
use crate::process::{self, Finished};
use crate::{Argv, Real, Scratch, wait};

/// The MCP Inspector's command line. It lists tools before it calls one and refuses by itself what
/// is not listed, so it shows what a user sees, and never how the gateway refuses.
#[derive(Debug)]
pub struct Inspector {
    argv: Argv,
    /// It keeps a catalogue of servers in its home.
    home: Scratch,
}

/// The official Python SDK, driven by a script of ours.
#[derive(Debug)]
pub struct PythonSdk {
    argv: Argv,
}

/// How a client negotiates the protocol's era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// The handshake of 2025-11-25 and before.
    Legacy,
    /// Asks first, and falls back to the handshake.
    Auto,
    /// 2026-07-28, unasked.
    Modern,
}

/// A JSON-RPC error as a client saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// The code.
    pub code: i64,
    /// The message.
    pub message: String,
}

// === impl Inspector ===

impl Inspector {
    /// The installed one.
    #[must_use]
    pub fn new(real: &Real) -> Self {
        Self { argv: real.inspector(), home: Scratch::new() }
    }

    /// `tools/list`: the result.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    #[track_caller]
    pub fn tools(&self, server: &Argv) -> Value {
        self.method(server, &["--method", "tools/list"])
    }

    /// `tools/call`: the result.
    ///
    /// # Panics
    /// When it fails, or the Inspector does not find the tool in the list.
    #[must_use]
    #[track_caller]
    pub fn call(&self, server: &Argv, tool: &str, arguments: &[(&str, &str)]) -> Value {
        let mut words = vec![
            "--method".to_owned(),
            "tools/call".to_owned(),
            "--tool-name".to_owned(),
            tool.to_owned(),
        ];
        for (name, value) in arguments {
            words.extend(["--tool-arg".to_owned(), format!("{name}={value}")]);
        }
        self.method(server, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Any call of its command line, for the caller to judge.
    ///
    /// # Panics
    /// When it does not end.
    #[must_use]
    #[track_caller]
    pub fn run(&self, server: &Argv, words: &[&str]) -> Finished {
        let argv = self.argv.clone().args(server.words()).args(words).args(["--format", "json"]);
        let mut command = argv.command();
        command.env("HOME", self.home.path());
        process::run(command, b"", wait::PATIENCE)
    }

    /// Calls `echo` of the grid's servers by any way; gives the text.
    ///
    /// # Errors
    /// What it said instead.
    pub fn try_echo(&self, way: &Way, words: &[&str]) -> Result<String, String> {
        let argv = match way {
            Way::Command(server) => self.argv.clone().args(server.words()),
            Way::Http(url) => self.argv.clone().args(["--server-url", url, "--transport", "http"]),
            Way::Sse(url) => self.argv.clone().args(["--server-url", url, "--transport", "sse"]),
        };
        let argv = argv.args(words).args(["--method", "tools/call", "--tool-name", "echo"]);
        let mut command = argv.args(["--tool-arg", "text=seen", "--format", "json"]).command();
        command.env("HOME", self.home.path());
        let done = process::run(command, b"", wait::PATIENCE);
        let said: Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
        let text = said.pointer("/result/content/0/text").and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| format!("{said} {}", done.stderr))
    }

    #[track_caller]
    fn method(&self, server: &Argv, words: &[&str]) -> Value {
        let done = self.run(server, words);
        let mut said = json(&done);
        assert!(
            done.status.success(),
            "the Inspector failed on {words:?}: {said}\n{}",
            done.stderr
        );
        said.get_mut("result")
            .map(Value::take)
            .unwrap_or_else(|| panic!("the Inspector gave no result: {said}"))
    }
}

// === impl PythonSdk ===

impl PythonSdk {
    /// The installed one.
    #[must_use]
    pub fn new(real: &Real) -> Self {
        Self { argv: real.python_sdk() }
    }

    /// `tools/list`: the tools.
    ///
    /// # Errors
    /// The error that the server, or the gateway, answered with.
    ///
    /// # Panics
    /// When there was no answer.
    #[track_caller]
    pub fn tools(&self, era: Era, server: &Argv) -> Result<Value, RpcError> {
        self.once(era, server, &["tools"], "tools")
    }

    /// `tools/call`: the result.
    ///
    /// # Errors
    /// The error that the server, or the gateway, answered with.
    ///
    /// # Panics
    /// When there was no answer.
    #[track_caller]
    pub fn call(
        &self,
        era: Era,
        server: &Argv,
        tool: &str,
        arguments: &Value,
    ) -> Result<Value, RpcError> {
        self.once(era, server, &["call", tool, &arguments.to_string()], "result")
    }

    /// Walks through all that the protocol can do, with server-everything behind `server`: what
    /// each scenario saw, to be compared with what it saw another way.
    ///
    /// # Panics
    /// When a scenario fails, with all that failed.
    #[must_use]
    #[track_caller]
    pub fn everything(&self, era: Era, server: &Argv, only: &[&str]) -> Value {
        let only = only.iter().flat_map(|name| ["--only", name]);
        let words = ["everything"].into_iter().chain(only).collect::<Vec<_>>();
        let (done, said) = self.run(era, server, &words);
        let scenarios = said.get("scenarios").cloned().unwrap_or_default();
        let outcomes = scenarios.as_object().cloned().unwrap_or_default();
        let failed = outcomes.iter().filter_map(|(name, outcome)| {
            Some(format!("{name}: {}", outcome.get("error")?.as_str()?))
        });
        let failed = failed.collect::<Vec<_>>();
        assert!(
            done.status.success() && failed.is_empty(),
            "{} scenarios failed:\n{}\n{}",
            failed.len(),
            failed.join("\n"),
            done.stderr
        );
        assert!(!outcomes.is_empty(), "no scenario ran: {}", done.stderr);
        scenarios
    }

    #[track_caller]
    fn once(
        &self,
        era: Era,
        server: &Argv,
        words: &[&str],
        wanted: &str,
    ) -> Result<Value, RpcError> {
        let (done, mut said) = self.run(era, server, words);
        if let Some(value) = said.get_mut(wanted) {
            return Ok(value.take());
        }
        let code = said.pointer("/error/code").and_then(Value::as_i64);
        let message = said.pointer("/error/message").and_then(Value::as_str);
        match (code, message) {
            (Some(code), Some(message)) => Err(RpcError { code, message: message.to_owned() }),
            _ => panic!("the Python SDK failed on {words:?}: {said}\n{}", done.stderr),
        }
    }

    #[track_caller]
    fn run(&self, era: Era, server: &Argv, words: &[&str]) -> (Finished, Value) {
        let argv = self
            .argv
            .clone()
            .arg("--mode")
            .arg(era.word())
            .args(words)
            .arg("--")
            .args(server.words());
        let done = process::run(argv.command(), b"", wait::PATIENCE * 3);
        let said = json(&done);
        (done, said)
    }
}

// === impl Era ===

impl Era {
    fn word(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Auto => "auto",
            Self::Modern => "2026-07-28",
        }
    }
}

/// The names in a list of tools, prompts or other named things, whatever their order.
#[must_use]
pub fn names(list: &Value) -> BTreeSet<String> {
    let list = list.get("tools").unwrap_or(list);
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some(one.get("name")?.as_str()?.to_owned()))
        .collect()
}

#[track_caller]
fn json(done: &Finished) -> Value {
    serde_json::from_slice(&done.stdout).unwrap_or_else(|cause| {
        let said = String::from_utf8_lossy(&done.stdout);
        panic!(
            "the client's output is not JSON ({cause}); it ended with {} and wrote:\n{said}\n{}",
            done.status, done.stderr
        )
    })
}
