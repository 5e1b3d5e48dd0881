//! An MCP client of bytes: says exactly what it is told over a stdio server's pipes, and keeps what
//! comes back as it came.
//!
//! Speak to a server directly and through the gateway with the same script, and compare the bytes.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::{self, Process};
use crate::{Argv, wait};

/// A conversation with a stdio server.
#[derive(Debug)]
pub struct Peer {
    process: Process,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    /// What came while an answer was waited for: notifications and the server's own requests.
    asides: VecDeque<Vec<u8>>,
    next_id: u64,
}

// === impl Peer ===

impl Peer {
    /// Starts the server; says nothing yet.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(argv: &Argv) -> Self {
        let (process, stdin, stdout) = process::dialogue(argv.command());
        Self {
            process,
            stdin: Some(stdin),
            lines: read_lines(stdout),
            asides: VecDeque::new(),
            next_id: 1,
        }
    }

    /// Starts the server and shakes hands at `revision`, declaring `capabilities`. Gives the
    /// answer's bytes.
    ///
    /// # Panics
    /// When the server does not answer.
    #[must_use]
    #[track_caller]
    pub fn connect(argv: &Argv, revision: &str, capabilities: &Value) -> (Self, Vec<u8>) {
        let mut peer = Self::start(argv);
        let info = json!({"name": "testkit", "version": "1"});
        let params =
            json!({"protocolVersion": revision, "capabilities": capabilities, "clientInfo": info});
        let answer = peer.request("initialize", &params);
        peer.send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        (peer, answer)
    }

    /// Sends one message, exactly these bytes and a line feed.
    ///
    /// # Panics
    /// When the server has closed its input.
    #[track_caller]
    pub fn send(&mut self, message: &[u8]) {
        let Some(stdin) = &mut self.stdin else { panic!("the input was closed before") };
        let sent = stdin
            .write_all(message)
            .and_then(|()| stdin.write_all(b"\n"))
            .and_then(|()| stdin.flush());
        sent.unwrap_or_else(|cause| {
            panic!("the message could not be sent: {cause}; it wrote:\n{}", self.process.stderr())
        });
    }

    /// Sends a part of a message, exactly these bytes.
    ///
    /// # Panics
    /// When the server has closed its input.
    #[track_caller]
    pub fn send_part(&mut self, part: &[u8]) {
        let sent =
            self.stdin.as_mut().map(|stdin| stdin.write_all(part).and_then(|()| stdin.flush()));
        assert!(matches!(sent, Some(Ok(()))), "it could not be sent: {sent:?}");
    }

    /// Sends a request under a fresh id and gives the bytes of its answer. What comes in between is
    /// kept for [`Peer::next_message`].
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: &Value) -> Vec<u8> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(
            json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
                .to_string()
                .as_bytes(),
        );
        self.answer_to(&json!(id))
    }

    /// Waits for the answer to `id`, whose request was sent by [`Peer::send`].
    ///
    /// # Panics
    /// When it does not come.
    #[track_caller]
    pub fn answer_to(&mut self, id: &Value) -> Vec<u8> {
        loop {
            let line = self
                .line(wait::PATIENCE)
                .unwrap_or_else(|why| panic!("no answer to {id}: {why}; {}", self.heard()));
            let message: Value = serde_json::from_slice(&line).unwrap_or(Value::Null);
            if message.get("id") == Some(id) && message.get("method").is_none() {
                return line;
            }
            self.asides.push_back(line);
        }
    }

    /// The next message, whatever it is.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn next_message(&mut self) -> Vec<u8> {
        if let Some(aside) = self.asides.pop_front() {
            return aside;
        }
        self.line(wait::PATIENCE)
            .unwrap_or_else(|why| panic!("no message came: {why}; {}", self.heard()))
    }

    /// Sends each message of a script and gives the bytes of each answer, in order. A message
    /// without an id has no answer.
    ///
    /// # Panics
    /// When an answer does not come.
    #[track_caller]
    pub fn converse(&mut self, script: &[&str]) -> Vec<Vec<u8>> {
        let mut answers = Vec::new();
        for message in script {
            self.send(message.as_bytes());
            let sent: Value = serde_json::from_str(message).unwrap_or(Value::Null);
            if let Some(id) = sent.get("id") {
                answers.push(self.answer_to(id));
            }
        }
        answers
    }

    /// Closes the server's input, as a client that leaves does.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// The process spoken to.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    fn line(&self, limit: Duration) -> Result<Vec<u8>, String> {
        self.lines.recv_timeout(limit).map_err(|why| match why {
            RecvTimeoutError::Timeout => format!("waited {limit:?}"),
            RecvTimeoutError::Disconnected => "the server closed its output".to_owned(),
        })
    }

    fn heard(&self) -> String {
        let asides = self
            .asides
            .iter()
            .map(|line| String::from_utf8_lossy(line))
            .collect::<Vec<_>>()
            .join("\n");
        format!("in between came:\n{asides}\nand to standard error:\n{}", self.process.stderr())
    }
}

/// Lines as they come, without their line feed. The thread ends when the server closes its output.
fn read_lines(stdout: ChildStdout) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    drop(thread::spawn(move || {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut line) {
            if line.last() == Some(&b'\n') {
                line.truncate(line.len() - 1);
            }
            if sender.send(std::mem::take(&mut line)).is_err() {
                return;
            }
        }
    }));
    receiver
}
