//! One full-duplex stream to an MCP server behind the cluster.

use std::cell::RefCell;
use std::time::Duration;

use api::Refusal;
use api::stream_headers::PROOF;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use mcp::framing::STDIO_CONTENT_TYPE;
use mcp::{Body, Limits};
use runtime::Tasks;
use tokio::time::timeout;

use super::conversation::{Conversation, read};
use super::end::End;
use super::handshake::Replay;
use super::runs::{Run, Runs, lines};
use super::standing::Renewal;
use super::stdio::Output;
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::way::{Way, needs_second_factor, second_factor_needed, told};

/// Runs of lines that may wait between standard input and the network.
const CHUNKS: usize = 8;
/// How long the cluster may take to begin its answer: an agent may have to be found first.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may take to begin a session anew: it may have to be installed first.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;

/// An open stream.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) up: Sender<Bytes, api::BoxError>,
    pub(super) down: Down,
}

/// What comes back.
#[derive(Debug)]
pub(super) struct Down {
    body: Incoming,
    lines: Runs,
    /// The cluster that says why it ends, if it is not the proxy's own.
    elsewhere: Option<String>,
}

// === impl Stream ===

impl Stream {
    /// Opens a stream.
    pub(super) async fn open(way: &Way, tasks: &Tasks) -> Result<Self, Fault> {
        let refused = Refusal::default();
        let connected = way.endpoint.http2(&refused).await;
        let (sender, connection) = connected.map_err(|error| Fault::of(&error.into()))?;
        tasks.spawn("tsh.connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the proxy ended");
            }
        });
        let (up, body) = Channel::new(CHUNKS);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(way.uri())
            .header(CONTENT_TYPE, STDIO_CONTENT_TYPE)
            .header(PROOF, way.prover.header()?)
            .body(api::boxed(body))
            .map_err(|error| Fault::new(Cause::Other, error.to_string()))?;
        way.brought.write(request.headers_mut());
        let proxy = &way.proxy;
        let response = match timeout(OPEN_TIMEOUT, sender.send(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let broke = || {
                    let message = format!("the connection to {proxy} broke: {error}");
                    Fault::new(Cause::Network, message)
                };
                return Err(refused
                    .error(proxy)
                    .map_or_else(broke, |error| Fault::of(&error.into())));
            }
            Err(_elapsed) => {
                let seconds = OPEN_TIMEOUT.as_secs();
                let message = format!("{proxy} did not answer within {seconds} seconds");
                return Err(Fault::new(Cause::Timeout, message));
            }
        };
        // Told before anything is said.
        if needs_second_factor(response.headers()) {
            return Err(second_factor_needed(way));
        }
        if response.status() != StatusCode::OK {
            let elsewhere = way.elsewhere.as_deref();
            return Err(refusal(response.status(), elsewhere, response.into_body()).await);
        }
        let lines = Runs::new(Limits::SERVER.bytes);
        let elsewhere = way.elsewhere.clone();
        Ok(Self { up, down: Down { body: response.into_body(), lines, elsewhere } })
    }

    /// Begins the session once more. What else the server says meanwhile goes to the client.
    pub(super) async fn replay(
        &mut self,
        replay: Replay,
        talk: &RefCell<Conversation>,
        output: &mut Output,
    ) -> Result<(), Fault> {
        let lost = |end: &End| {
            if end.is_transient() { end.fault().temporary() } else { end.fault() }
        };
        let gone = || End::Lost { message: "it ended at once".to_owned() };
        if self.up.send_data(replay.initialize.clone()).await.is_err() {
            let end = self.down.next().await.err().unwrap_or_else(gone);
            return Err(lost(&end));
        }
        let answered = async {
            loop {
                let run = self.down.next().await.map_err(|end| lost(&end))?;
                let mut others = Vec::new();
                let mut answer = None;
                for line in lines(&run) {
                    if answer.is_none() && is_answer(&replay, line) {
                        answer = Some(replay.check(line));
                    } else {
                        others.extend_from_slice(line);
                        others.push(b'\n');
                    }
                }
                let others = talk.borrow_mut().down(&others.into(), false);
                output.write(&others).await.map_err(|error| client_gone(&error))?;
                if let Some(answer) = answer {
                    return answer;
                }
            }
        };
        timeout(REPLAY_TIMEOUT, answered).await.unwrap_or_else(|_elapsed| {
            let seconds = REPLAY_TIMEOUT.as_secs();
            let message = format!("the MCP server did not begin anew within {seconds} seconds");
            Err(Fault::new(Cause::Timeout, message))
        })?;
        let Some(initialized) = replay.initialized else { return Ok(()) };
        let Renewal { up, down } = talk.borrow_mut().renew();
        let mut lines = initialized.to_vec();
        lines.extend(up.iter().flat_map(|(_, line)| line));
        // Whether it arrived shows when the stream is read next.
        _ = self.up.send_data(lines.into()).await;
        output.write(&down).await.map_err(|error| client_gone(&error))
    }
}

// === impl Down ===

impl Down {
    /// The next whole lines, or why there are no more.
    pub(super) async fn next(&mut self) -> Result<Bytes, End> {
        loop {
            match self.body.frame().await {
                None => return Err(self.lost("it ended without a reason")),
                Some(Err(error)) => return Err(self.lost(&error.to_string())),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => match self.lines.take(data) {
                        Some(Run::Lines(run)) => return Ok(run),
                        Some(Run::TooLong) => {
                            tracing::warn!(
                                "the server wrote a line that is too long to be passed on"
                            );
                        }
                        None => {}
                    },
                    Err(frame) => {
                        let elsewhere = self.elsewhere.as_deref();
                        let trailers = frame.trailers_ref();
                        if let Some(end) =
                            trailers.and_then(|trailers| End::from_trailers(trailers, elsewhere))
                        {
                            return Err(end);
                        }
                    }
                },
            }
        }
    }

    fn lost(&self, why: &str) -> End {
        let within = if self.lines.is_mid_line() { ", in the middle of a message" } else { "" };
        End::Lost { message: format!("{why}{within}") }
    }
}

fn is_answer(replay: &Replay, line: &[u8]) -> bool {
    read(line, &Limits::SERVER).is_ok_and(|messages| {
        matches!(messages.as_slice(), [message]
            if matches!(&message.body, Body::Response(answer) if replay.is_answer(answer.id.as_ref())))
    })
}

fn client_gone(error: &std::io::Error) -> Fault {
    Fault::new(Cause::Other, format!("the client reads no more: {error}"))
}

/// The sentence in a refusal's body.
async fn refusal(status: StatusCode, elsewhere: Option<&str>, body: Incoming) -> Fault {
    let bytes = api::collect(api::boxed(body), MAX_REFUSAL).await.unwrap_or_default();
    let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let message = value.as_ref().and_then(|value| value.pointer("/error/message")?.as_str());
    let message = match message {
        Some(message) => told(elsewhere, message),
        None => format!("the proxy answered {status} without saying why"),
    };
    match status {
        StatusCode::UNAUTHORIZED => Fault::new(Cause::Login, message),
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Fault::new(Cause::Cluster, message).temporary()
        }
        _ => Fault::new(Cause::Cluster, message),
    }
}
