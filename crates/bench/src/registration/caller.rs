//! Somebody who calls a tool of one app, again and again.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep, timeout};

use super::fleet::Fleet;
use crate::http::{Client, Era, Target};

/// Who waits so long for an answer does not wait for the tool.
pub(super) const SLOW: Duration = Duration::from_millis(250);
/// No answer is waited for longer.
const MOST: Duration = Duration::from_secs(30);
/// Between two calls of one caller.
const PAUSE: Duration = Duration::from_millis(5);

/// A connection.
pub(super) struct Caller {
    target: Target,
    client: Client,
    request: String,
}

/// What became of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) begun: Instant,
    pub(super) took: Duration,
    pub(super) succeeded: bool,
}

// === impl Caller ===

impl Caller {
    pub(super) async fn connect(target: &Target) -> anyhow::Result<Self> {
        let mut client = Client::connect(target, Era::Modern).await?;
        client.speak_of("tools/call", Some("echo"))?;
        let request = json!({
            "jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {
                "name": "echo", "arguments": {"text": "hello"},
                "_meta": {
                    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
                    "io.modelcontextprotocol/clientCapabilities": {},
                },
            },
        });
        Ok(Self { target: target.clone(), client, request: request.to_string() })
    }

    pub(super) async fn many(fleet: &Fleet, app: &str, count: usize) -> anyhow::Result<Vec<Self>> {
        let mut callers = Vec::new();
        for _ in 0..count {
            callers.push(fleet.caller(app).await?);
        }
        Ok(callers)
    }

    /// Whether a call is answered by the server; on a new connection if the last has ended.
    pub(super) async fn succeeds(&mut self) -> bool {
        if self.client.has_ended() {
            match Self::connect(&self.target).await {
                Ok(again) => *self = again,
                Err(_) => return false,
            }
        }
        let call = timeout(MOST, self.client.call(self.request.clone().into_bytes()));
        match call.await {
            Ok(Ok(answer)) => memchr::memmem::find(&answer, b"\"result\"").is_some(),
            Ok(Err(_)) | Err(_) => false,
        }
    }

    /// Calls until then, each time on a connection that works.
    pub(super) async fn run(mut self, until: Instant) -> Vec<Call> {
        let mut calls = Vec::new();
        while Instant::now() < until {
            let begun = Instant::now();
            let succeeded = self.succeeds().await;
            calls.push(Call { begun, took: begun.elapsed(), succeeded });
            if !succeeded && let Ok(again) = Self::connect(&self.target).await {
                self = again;
            }
            sleep(PAUSE).await;
        }
        calls
    }
}
