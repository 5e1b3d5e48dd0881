//! The servers that are called, and the one call that each of them is given again and again.

use std::ops::Range;

use anyhow::Context;
use memchr::memmem;
use serde_json::{Value, json};
use testkit::{Argv, Real};

use crate::connection::Connection;
use crate::echo;

/// The first id of a call. All have as many digits, so that all are of one length.
pub(crate) const FIRST_ID: u64 = 1_000_000;

/// An MCP server.
#[derive(Debug)]
pub(crate) struct Upstream {
    /// What it is called here, also as an app.
    pub(crate) name: &'static str,
    /// How it is started.
    pub(crate) argv: Argv,
    tool: &'static str,
    arguments: Value,
}

/// A call and its answer, for any id.
#[derive(Debug)]
pub(crate) struct Exchange {
    request: Template,
    answer: Template,
}

/// A line with a place for an id.
#[derive(Clone, Debug)]
struct Template {
    line: Vec<u8>,
    id: Range<usize>,
}

// === impl Upstream ===

impl Upstream {
    /// Our own, which does nothing that takes time.
    pub(crate) fn echo() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("find this program")?;
        Ok(Self {
            name: "echo",
            argv: Argv::new(own).arg(echo::WORD),
            tool: "echo",
            arguments: json!({"text": "a hundred bytes or so of text, as a question to a tool may have; nothing here needs an escape"}),
        })
    }

    /// A Node server that nobody here wrote.
    pub(crate) fn node(real: &Real) -> Self {
        Self {
            name: "server-everything",
            argv: real.everything(),
            tool: "echo",
            arguments: json!({"message": "a hundred bytes or so of text, as a question to a tool may have"}),
        }
    }

    /// A Python server that nobody here wrote.
    pub(crate) fn python(real: &Real) -> Self {
        Self {
            name: "mcp-server-time",
            argv: real.time(),
            tool: "convert_time",
            arguments: json!({"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}),
        }
    }

    /// Learns from the server itself what it answers.
    pub(crate) async fn learn(&self) -> anyhow::Result<Exchange> {
        let request = json!({
            "jsonrpc": "2.0", "id": FIRST_ID, "method": "tools/call",
            "params": {"name": self.tool, "arguments": self.arguments},
        });
        let mut connection = Connection::direct(&self.argv)?;
        connection.shake_hands().await?;
        let exchange = Exchange::learn(&mut connection, format!("{request}\n")).await;
        exchange.with_context(|| format!("{} does not do what it is asked", self.name))
    }
}

// === impl Exchange ===

impl Exchange {
    /// Learns what the request with [`FIRST_ID`] is answered.
    pub(crate) async fn learn(
        connection: &mut Connection,
        request: String,
    ) -> anyhow::Result<Self> {
        let request = Template::new(request.into_bytes())?;
        let answer = connection.call(&request.line).await?;
        let read: Value = serde_json::from_slice(&answer)?;
        let failed = read.pointer("/result/isError").and_then(Value::as_bool) == Some(true);
        if failed || read.get("result").is_none() {
            anyhow::bail!("the answer is {read}");
        }
        Ok(Self { request, answer: Template::new(answer.to_vec())? })
    }

    /// How often something is in the answer.
    pub(crate) fn count(&self, text: &str) -> usize {
        memmem::find_iter(&self.answer.line, text).count()
    }

    /// Writes the call with this id.
    pub(crate) fn request(&self, id: u64) -> Vec<u8> {
        self.request.with(id)
    }

    /// Whether this is the answer to the call with this id, to the byte.
    pub(crate) fn check(&self, id: u64, answer: &[u8]) -> anyhow::Result<()> {
        if self.answer.is(id, answer) {
            return Ok(());
        }
        let (got, due) = (String::from_utf8_lossy(answer), self.answer.with(id));
        anyhow::bail!("a wrong answer:\n{got}instead of\n{}", String::from_utf8_lossy(&due))
    }

    /// How long the call is, and the answer.
    pub(crate) fn bytes(&self) -> (usize, usize) {
        (self.request.line.len(), self.answer.line.len())
    }
}

// === impl Template ===

impl Template {
    fn new(line: Vec<u8>) -> anyhow::Result<Self> {
        let id = FIRST_ID.to_string();
        let mut found = memmem::find_iter(&line, id.as_bytes());
        match (found.next(), found.next()) {
            (Some(start), None) => {
                let id = start..start + id.len();
                drop(found);
                Ok(Self { line, id })
            }
            _ => anyhow::bail!("not one id {id} in {}", String::from_utf8_lossy(&line)),
        }
    }

    fn with(&self, id: u64) -> Vec<u8> {
        let mut line = self.line.clone();
        line.splice(self.id.clone(), id.to_string().into_bytes());
        line
    }

    fn is(&self, id: u64, line: &[u8]) -> bool {
        let parts = (line.get(..self.id.start), line.get(self.id.clone()), line.get(self.id.end..));
        parts.0 == self.line.get(..self.id.start)
            && parts.1 == Some(id.to_string().as_bytes())
            && parts.2 == self.line.get(self.id.end..)
    }
}
