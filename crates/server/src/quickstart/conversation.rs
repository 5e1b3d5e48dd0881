//! Speaking MCP to `tsh mcp connect` the way an AI client does: as a child process, a line a
//! message.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::place::Place;
use super::show::Show;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The revision that the demonstration speaks.
const REVISION: &str = "2025-11-25";

/// A running conversation.
pub(super) struct Conversation {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    next: u64,
}

/// Runs `tsh` as alice; what it prints goes where our own words go.
pub(super) async fn tsh(place: &Place, arguments: &[&str]) -> anyhow::Result<()> {
    let status = command(place).args(arguments).status().await.context("cannot start tsh")?;
    anyhow::ensure!(status.success(), "tsh {} failed", arguments.join(" "));
    Ok(())
}

fn command(place: &Place) -> Command {
    let mut command = Command::new(place.tool("tsh"));
    command.env("TESSERA_HOME", place.home()).kill_on_drop(true);
    command
}

// === impl Conversation ===

impl Conversation {
    /// Connects and shakes hands.
    pub(super) async fn open(place: &Place, app: &str) -> anyhow::Result<Self> {
        let mut child = command(place)
            .args(["mcp", "connect", app])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start tsh")?;
        let input = child.stdin.take().context("tsh has no standard input")?;
        let output = child.stdout.take().context("tsh has no standard output")?;
        let output = BufReader::new(output).lines();
        let mut conversation = Self { child, input, output, next: 1 };
        let hello = json!({
            "protocolVersion": REVISION,
            "capabilities": {},
            "clientInfo": { "name": "tessera-quickstart", "version": env!("CARGO_PKG_VERSION") },
        });
        let answer = conversation.ask("initialize", &hello).await?;
        anyhow::ensure!(answer.get("result").is_some(), "the server refused: {answer}");
        conversation
            .send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await?;
        Ok(conversation)
    }

    /// Calls a tool and shows what comes; it must be allowed or refused as expected.
    pub(super) async fn call(
        &mut self,
        show: &Show,
        tool: &str,
        allowed: bool,
    ) -> anyhow::Result<()> {
        let answer = self.ask("tools/call", &json!({ "name": tool, "arguments": {} })).await?;
        show.call(tool, &answer);
        let was_allowed = answer.get("result").is_some();
        anyhow::ensure!(
            was_allowed == allowed,
            "{tool} was {}, which is not what the role says",
            if was_allowed { "allowed" } else { "refused" }
        );
        Ok(())
    }

    /// Ends the conversation as a client does, by closing its side.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        let Self { mut child, input, .. } = self;
        drop(input);
        tokio::time::timeout(PATIENCE, child.wait()).await.context("tsh did not end")??;
        Ok(())
    }

    async fn ask(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.next;
        self.next += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await?;
        loop {
            let line = tokio::time::timeout(PATIENCE, self.output.next_line())
                .await
                .with_context(|| format!("no answer to {method}"))??
                .with_context(|| format!("the connection ended before the answer to {method}"))?;
            let message: Value = serde_json::from_str(&line).context("the answer is not JSON")?;
            if message.get("id") == Some(&Value::from(id)) {
                return Ok(message);
            }
        }
    }

    async fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        self.input.write_all(format!("{message}\n").as_bytes()).await?;
        self.input.flush().await?;
        Ok(())
    }
}
