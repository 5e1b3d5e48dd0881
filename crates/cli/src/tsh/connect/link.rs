//! A client on standard input and output, and the server it speaks to: over one connection after the
//! other, each opened when there is something to say.

use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mcp::error::{self, code};
use mcp::method::name;
use mcp::{Body, Id, Limits, Message};
use runtime::{Backoff, Tasks};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::client::{Client, next_run};
use super::conversation::{Conversation, Lost, read};
use super::end::End;
use super::runs::lines;
use super::stdio::Output;
use super::stream::{Down, Stream};
use crate::printer;
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::way::Guide;

/// How long requests that were lost wait for another connection.
const PATIENCE: Duration = Duration::from_secs(15);
/// Connections that may be lost in a row without a word from the server, before those requests are
/// given up.
const ATTEMPTS: u32 = 3;
/// How much a client may write while it waits for a connection, beside a message.
const AHEAD: usize = 1 << 20;
/// How long the cluster may take to end after the client closed its side: a minute for the answers that
/// are due, and some for the way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(75);

/// One client.
pub(super) struct Link<'a> {
    guide: &'a dyn Guide,
    tasks: &'a Tasks,
    /// Whether a lost connection is followed by another.
    again: bool,
    client: Client,
    talk: RefCell<Conversation>,
    /// Whole lines that wait for a connection.
    waiting: BytesMut,
    /// Connections in a row that were lost before anything was answered on them.
    silent: u32,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The client left.
    ByClient,
    /// The connection ended, and no other was wanted.
    Cut,
}

// === impl Link ===

impl<'a> Link<'a> {
    pub(super) fn new(guide: &'a dyn Guide, tasks: &'a Tasks, again: bool, client: Client) -> Self {
        let (talk, waiting) = (RefCell::default(), BytesMut::new());
        Self { guide, tasks, again, client, talk, waiting, silent: 0 }
    }

    /// Serves the client until it leaves.
    pub(super) async fn run(mut self) -> anyhow::Result<Over> {
        // Requests of a lost connection cannot wait for the client's next message.
        let mut patient = false;
        loop {
            if self.waiting.is_empty() {
                patient = false;
                let Some(run) = self.client.read().await? else { return Ok(Over::ByClient) };
                self.waiting.extend_from_slice(&Conversation::offline(&run));
                continue;
            }
            match self.reach(patient).await {
                Err(fault) => self.refuse(&fault).await?,
                Ok(stream) => {
                    let end = self.carry(stream).await?;
                    if end == End::ByClient {
                        return Ok(Over::ByClient);
                    }
                    patient = self.lose(&end).await?;
                    if !self.again || self.client.done {
                        self.refuse(&end.fault()).await?;
                        return Ok(Over::Cut);
                    }
                }
            }
        }
    }

    /// Opens a stream and begins the session on it. What the client writes meanwhile waits behind what waits
    /// already.
    async fn reach(&mut self, patient: bool) -> Result<Stream, Fault> {
        let Self { guide, tasks, client, talk, waiting, .. } = self;
        let Client { input, output, lines, done, asides } = client;
        let room = waiting.len() + AHEAD;
        let write_ahead = async {
            while !*done && waiting.len() < room {
                match next_run(input, lines, asides).await {
                    Ok(Some(run)) => waiting.extend_from_slice(&run),
                    Ok(None) | Err(_) => *done = true,
                }
            }
            std::future::pending::<()>().await;
        };
        let open = async {
            let until = Instant::now() + PATIENCE;
            let mut backoff = Backoff::reconnect();
            loop {
                match open(*guide, tasks, talk, output).await {
                    Err(fault) if patient && fault.temporary && Instant::now() < until => {
                        tracing::info!(%fault, "not connected again yet");
                        backoff.wait().await;
                    }
                    opened => return opened,
                }
            }
        };
        tokio::select! {
            opened = open => opened,
            () = write_ahead => Err(Fault::new(Cause::Other, "reading ahead ended")),
        }
    }

    /// Carries messages both ways until one side ends.
    async fn carry(&mut self, stream: Stream) -> anyhow::Result<End> {
        let Self { client, talk, waiting, again, silent, .. } = self;
        let Client { input, output, lines, done, asides } = client;
        let Stream { mut up, down } = stream;
        let answers = talk.borrow().answers();
        // What is being handed over stays here if the connection ends meanwhile.
        let leaving = RefCell::new(waiting.split().freeze());
        let (say, said) = mpsc::channel(1);
        let end = {
            let mut down = pin!(carry_down(down, output, talk, *again, said));
            let up = async {
                loop {
                    let run = leaving.borrow().clone();
                    let run = talk.borrow_mut().up(&run);
                    leaving.replace(run.clone());
                    if !run.is_empty() {
                        if up.send_data(run.clone()).await.is_err() {
                            // The other direction ends too, and knows why.
                            return std::future::pending().await;
                        }
                        talk.borrow_mut().sent(&run);
                    }
                    *leaving.borrow_mut() = Bytes::new();
                    if !asides.is_empty() {
                        // Ended together with the other direction.
                        _ = say.send(std::mem::take(asides)).await;
                    }
                    if *done {
                        drop(up);
                        return Ok::<_, anyhow::Error>(());
                    }
                    match next_run(input, lines, asides).await? {
                        None => *done = true,
                        Some(run) => *leaving.borrow_mut() = run,
                    }
                }
            };
            tokio::select! {
                end = down.as_mut() => end?,
                ended = up => {
                    ended?;
                    let end = match timeout(CLOSE_TIMEOUT, down).await {
                        Ok(end) => end?,
                        Err(_elapsed) => End::Lost { message: "it did not end in time".to_owned() },
                    };
                    // The client wanted it to end, but not its last requests to be lost.
                    if talk.borrow().is_settled() { End::ByClient } else { end }
                }
            }
        };
        // Answers in it were for the server that is gone.
        waiting.extend_from_slice(&Conversation::offline(&leaving.into_inner()));
        *silent = if talk.borrow().answers() == answers { *silent + 1 } else { 0 };
        Ok(end)
    }

    /// The connection is gone: no request is left without an answer, unless it is sent again. Says whether
    /// one is.
    async fn lose(&mut self, end: &End) -> anyhow::Result<bool> {
        let if_again =
            self.again && !self.client.done && end.is_transient() && self.silent < ATTEMPTS;
        let Lost { unanswered, mut again, withdrawn } = self.talk.borrow_mut().lose(if_again);
        let fault = end.fault();
        let mut out = std::mem::take(&mut self.client.asides);
        for id in unanswered {
            push(&mut out, &refusal(&id, &fault));
        }
        for id in withdrawn {
            let params = json!({ "requestId": id.to_json(), "reason": fault.message });
            push(&mut out, &error::notification(name::CANCELLED, params));
        }
        self.client.output.write(&out).await?;
        let word = if self.again { "WARNING" } else { "ERROR" };
        printer::say(&format!("{word}: {}", fault.text()));
        let patient = !again.is_empty();
        again.unsplit(self.waiting.split());
        self.waiting = again;
        Ok(patient)
    }

    /// Answers what waits for a connection that cannot be had.
    async fn refuse(&mut self, fault: &Fault) -> anyhow::Result<()> {
        let mut out = std::mem::take(&mut self.client.asides);
        let run = self.waiting.split();
        if !run.is_empty() {
            printer::say(&format!("ERROR: {}", fault.text()));
        }
        for line in lines(&run) {
            let messages = match read(line, &Limits::CLIENT) {
                Ok(messages) => messages,
                Err(refused) => {
                    push(&mut out, &refused.response());
                    continue;
                }
            };
            for Message { body, .. } in messages {
                match body {
                    Body::Request(request) => push(&mut out, &refusal(&request.id, fault)),
                    Body::Notification(_) => {
                        let params = json!({ "error": fault.text() });
                        push(&mut out, &error::notification("notifications/tsherr", params));
                    }
                    Body::Response(_) => {}
                }
            }
        }
        Ok(self.client.output.write(&out).await?)
    }
}

/// Opens a stream, and begins the session anew if there was one.
async fn open(
    guide: &dyn Guide,
    tasks: &Tasks,
    talk: &RefCell<Conversation>,
    output: &mut Output,
) -> Result<Stream, Fault> {
    let way = guide.way()?;
    let mut stream = match Stream::open(&way, tasks).await {
        Err(fault) if fault.cause == Cause::SecondFactor => {
            guide.show_second_factor(&way, fault).await?;
            Stream::open(&guide.way()?, tasks).await?
        }
        opened => opened?,
    };
    let replay = talk.borrow().handshake.replay();
    if let Some(replay) = replay {
        stream.replay(replay, talk, output).await?;
    }
    Ok(stream)
}

/// Writes down what comes back, and what is said beside it, until the connection ends.
async fn carry_down(
    mut down: Down,
    output: &mut Output,
    talk: &RefCell<Conversation>,
    again: bool,
    mut said: mpsc::Receiver<Vec<u8>>,
) -> anyhow::Result<End> {
    loop {
        tokio::select! {
            run = down.next() => match run {
                Ok(run) => {
                    let run = talk.borrow_mut().down(&run, again);
                    output.write(&run).await?;
                }
                Err(end) => return Ok(end),
            },
            Some(aside) = said.recv() => output.write(&aside).await?,
        }
    }
}

/// What a request gets instead of an answer.
fn refusal(id: &Id<'_>, fault: &Fault) -> Vec<u8> {
    error::response(Some(id), code::INTERNAL_ERROR, &fault.text(), Some(fault.data()))
}

fn push(out: &mut Vec<u8>, message: &[u8]) {
    out.extend_from_slice(message);
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
