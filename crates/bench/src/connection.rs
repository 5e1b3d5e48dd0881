//! A client's connection to an MCP server, by each of the ways that are compared.

use ::http::header::CONTENT_TYPE;
use ::http::{Method, Request, StatusCode};
use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use memchr::memchr;
use testkit::Argv;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;

use crate::http;

/// Read from a pipe at once.
const CHUNK: usize = 16 << 10;
/// Calls that may wait between us and the network: one does.
const WAITING: usize = 1;

/// A conversation of lines.
#[derive(Debug)]
pub(crate) struct Connection {
    way: Way,
    /// What was read and not yet taken.
    read: BytesMut,
}

#[derive(Debug)]
enum Way {
    /// The pipes of a process: a server, or `tsh mcp connect`.
    Pipes { child: Child, stdin: ChildStdin, stdout: ChildStdout },
    /// The two directions of one HTTP/2 stream to the proxy.
    Stream { up: Sender<Bytes, api::BoxError>, down: Incoming, _connection: JoinSet<()> },
    /// A request for each message.
    Http(http::Client),
}

// === impl Connection ===

impl Connection {
    /// To a process of its own.
    pub(crate) fn direct(argv: &Argv) -> anyhow::Result<Self> {
        use std::process::Stdio;
        let mut command = Command::from(argv.command());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().context("start a server")?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (stdin, stdout) = stdin.zip(stdout).context("a process has no pipes")?;
        Ok(Self { way: Way::Pipes { child, stdin, stdout }, read: BytesMut::new() })
    }

    /// To an app, by its path, over a TLS connection of its own to the proxy, as `tsh mcp connect` makes one.
    pub(crate) async fn stream(
        endpoint: &api::Endpoint,
        authority: &str,
        path: &str,
    ) -> anyhow::Result<Self> {
        let (sender, connection) = endpoint.http2(&api::Refusal::default()).await?;
        let mut running = JoinSet::new();
        running.spawn(async move {
            // How it ended, its stream tells.
            drop(connection.await);
        });
        let (up, body) = Channel::new(WAITING);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("https://{authority}{path}"))
            .header(CONTENT_TYPE, mcp::framing::STDIO_CONTENT_TYPE)
            .body(api::boxed(body))?;
        let response = sender.send(request).await.map_err(|error| anyhow::anyhow!("{error}"))?;
        let (status, down) = (response.status(), response.into_body());
        if status != StatusCode::OK {
            let said = down.collect().await?.to_bytes();
            anyhow::bail!("the proxy answers {status}: {}", String::from_utf8_lossy(&said));
        }
        Ok(Self { way: Way::Stream { up, down, _connection: running }, read: BytesMut::new() })
    }

    /// By requests over HTTP.
    pub(crate) fn http(client: http::Client) -> Self {
        Self { way: Way::Http(client), read: BytesMut::new() }
    }

    /// The process at the other end of the pipes.
    pub(crate) fn pid(&self) -> Option<u32> {
        match &self.way {
            Way::Pipes { child, .. } => child.id(),
            Way::Stream { .. } | Way::Http(_) => None,
        }
    }

    /// Begins an MCP session.
    pub(crate) async fn shake_hands(&mut self) -> anyhow::Result<()> {
        let answer = self
            .call(b"{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\",\"capabilities\":{},\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}\n")
            .await?;
        if memchr::memmem::find(&answer, b"\"serverInfo\"").is_none() {
            anyhow::bail!("no session begins: {}", String::from_utf8_lossy(&answer));
        }
        self.send(b"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n").await
    }

    /// Sends a request, a line, and gives the line of its answer.
    pub(crate) async fn call(&mut self, line: &[u8]) -> anyhow::Result<Bytes> {
        if let Way::Http(client) = &mut self.way {
            return client.call(line.to_vec()).await;
        }
        self.send(line).await?;
        loop {
            let Some(end) = memchr(b'\n', &self.read) else {
                self.receive().await?;
                continue;
            };
            let line = self.read.split_to(end + 1).freeze();
            // What a server says of its own accord is no answer.
            if memchr::memmem::find(&line, b"\"method\":").is_none() {
                return Ok(line);
            }
        }
    }

    /// Waits until the other end ends it.
    pub(crate) async fn ended(&mut self) {
        while self.receive().await.is_ok() {}
    }

    async fn send(&mut self, line: &[u8]) -> anyhow::Result<()> {
        match &mut self.way {
            Way::Pipes { stdin, .. } => Ok(stdin.write_all(line).await?),
            Way::Stream { up, .. } => Ok(up.send_data(Bytes::copy_from_slice(line)).await?),
            Way::Http(_) => anyhow::bail!("over HTTP, what is sent is answered"),
        }
    }

    async fn receive(&mut self) -> anyhow::Result<()> {
        match &mut self.way {
            Way::Pipes { stdout, .. } => {
                self.read.reserve(CHUNK);
                if stdout.read_buf(&mut self.read).await? == 0 {
                    anyhow::bail!("the connection ended before the answer");
                }
            }
            Way::Stream { down, .. } => {
                let frame = down.frame().await.context("the stream ended before the answer")??;
                match frame.into_data() {
                    Ok(data) => self.read.extend_from_slice(&data),
                    Err(end) => anyhow::bail!("the stream ended: {:?}", end.into_trailers()),
                }
            }
            Way::Http(_) => anyhow::bail!("over HTTP, nothing comes unasked"),
        }
        Ok(())
    }
}
