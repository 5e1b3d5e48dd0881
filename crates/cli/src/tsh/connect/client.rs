//! The client's end: standard input and output, and what was read of a message that is not whole yet.

use bytes::Bytes;
use mcp::error::{self, code};
use mcp::framing::LineError;
use mcp::limits::MESSAGE_BYTES;

use super::runs::{Run, Runs};
use super::stdio::{Input, Output};

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) input: Input,
    pub(super) output: Output,
    pub(super) lines: Runs,
    /// It writes no more.
    pub(super) done: bool,
    /// What it is to be told beside what the server says.
    pub(super) asides: Vec<u8>,
}

// === impl Client ===

impl Client {
    pub(super) fn new(input: Input, output: Output) -> Self {
        let lines = Runs::new(MESSAGE_BYTES);
        Self { input, output, lines, done: false, asides: Vec::new() }
    }

    /// The next whole lines; nothing when there are no more.
    pub(super) async fn read(&mut self) -> anyhow::Result<Option<Bytes>> {
        if self.done {
            return Ok(None);
        }
        let run = next_run(&mut self.input, &mut self.lines, &mut self.asides).await?;
        self.output.write(&std::mem::take(&mut self.asides)).await?;
        Ok(run)
    }
}

/// The next whole lines; nothing at the end of input, none when there is something to be said about what
/// was read. Dropped while it waits, nothing is lost.
pub(super) async fn next_run(
    input: &mut Input,
    lines: &mut Runs,
    asides: &mut Vec<u8>,
) -> anyhow::Result<Option<Bytes>> {
    loop {
        match lines.next() {
            Some(Run::Lines(run)) => return Ok(Some(run)),
            Some(Run::TooLong) => {
                let words = LineError::TooLong { limit: MESSAGE_BYTES }.to_string();
                asides.extend(error::response(None, code::PARSE_ERROR, &words, None));
                asides.push(b'\n');
                return Ok(Some(Bytes::new()));
            }
            None => {
                if input.read(lines.buffer_mut()).await? == 0 {
                    return Ok(None);
                }
            }
        }
    }
}
