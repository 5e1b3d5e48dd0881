//! One full-duplex stream to an MCP server behind the cluster.

use std::cell::RefCell;
use std::time::Duration;

use api::Endpoint;
use bytes::{Bytes, BytesMut};
use http::header::CONTENT_TYPE;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use mcp::error::code;
use mcp::framing::STDIO_CONTENT_TYPE;
use runtime::Tasks;

use super::end::End;
use super::stdio::{Input, Output};
use crate::exit::Refused;
use crate::session::Session;
use crate::tsh::outstanding::Outstanding;

/// Chunks that may wait between standard input and the network.
const CHUNKS: usize = 8;
/// How long the cluster may take to begin its answer: an agent may have to be found first.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the cluster may take to end after the client closed its side: a minute for the answers that
/// are due, and some for the way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(75);
/// The longest refusal that is read.
const MAX_REFUSAL: usize = 64 << 10;

/// An open stream.
pub(super) struct Stream {
    up: Sender<Bytes, api::BoxError>,
    down: Incoming,
}

// === impl Stream ===

impl Stream {
    /// Opens a stream to an app.
    pub(super) async fn open(session: &Session, app: &str, tasks: &Tasks) -> anyhow::Result<Self> {
        let endpoint: Endpoint = session.proxy_endpoint()?;
        let (mut sender, connection) = endpoint.http2().await?;
        tasks.spawn("tsh.connection", async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection to the proxy ended");
            }
        });
        let (up, body) = Channel::new(CHUNKS);
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("https://{}/mcp/apps/{}", session.proxy, api::escape(app)))
            .header(CONTENT_TYPE, STDIO_CONTENT_TYPE)
            .body(api::boxed(body))?;
        let answer = tokio::time::timeout(OPEN_TIMEOUT, sender.send_request(request)).await;
        let response = match answer {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(Refused::new(format!(
                    "the connection to {} broke: {error}",
                    session.proxy
                ))
                .into());
            }
            Err(_elapsed) => {
                return Err(Refused::new(format!(
                    "{} did not answer within {} seconds",
                    session.proxy,
                    OPEN_TIMEOUT.as_secs()
                ))
                .into());
            }
        };
        if response.status() != StatusCode::OK {
            return Err(refusal(response.status(), response.into_body()).await.into());
        }
        Ok(Self { up, down: response.into_body() })
    }

    /// Carries messages both ways until one side ends; `first` and `rest` were read already.
    pub(super) async fn carry(
        self,
        input: Input,
        mut output: Output,
        first: Bytes,
        rest: Bytes,
    ) -> anyhow::Result<End> {
        let waiting = RefCell::new(Outstanding::new());
        let Self { up, down } = self;
        let end = {
            let up = carry_up(input, up, first, rest, &waiting);
            let mut down = std::pin::pin!(carry_down(down, &mut output, &waiting));
            tokio::select! {
                end = down.as_mut() => end?,
                sent = up => {
                    sent?;
                    let end = match tokio::time::timeout(CLOSE_TIMEOUT, down).await {
                        Ok(end) => end?,
                        Err(_elapsed) => End::Lost { message: "it did not end in time".to_owned() },
                    };
                    // The client wanted it to end, but not its last requests to be lost.
                    if waiting.borrow().is_empty() { End::ByClient } else { end }
                }
            }
        };
        answer_waiting(waiting.into_inner(), &mut output, &end).await?;
        Ok(end)
    }
}

async fn carry_up(
    mut input: Input,
    mut up: Sender<Bytes, api::BoxError>,
    first: Bytes,
    rest: Bytes,
    waiting: &RefCell<Outstanding>,
) -> anyhow::Result<()> {
    let mut buffer = BytesMut::with_capacity(first.len() + 1 + rest.len());
    buffer.extend_from_slice(&first);
    buffer.extend_from_slice(b"\n");
    buffer.extend_from_slice(&rest);
    loop {
        let chunk = buffer.split().freeze();
        waiting.borrow_mut().sent(&chunk);
        if up.send_data(chunk).await.is_err() {
            // The other direction ends too, and knows why.
            return std::future::pending().await;
        }
        if input.read(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

async fn carry_down(
    mut down: Incoming,
    output: &mut Output,
    waiting: &RefCell<Outstanding>,
) -> anyhow::Result<End> {
    loop {
        match down.frame().await {
            None => return Ok(End::Lost { message: "it ended without a reason".to_owned() }),
            Some(Err(error)) => return Ok(End::Lost { message: error.to_string() }),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => {
                    waiting.borrow_mut().received(&data);
                    output.write(&data).await?;
                }
                Err(frame) => {
                    if let Some(end) = frame.trailers_ref().and_then(End::from_trailers) {
                        return Ok(end);
                    }
                }
            },
        }
    }
}

/// No request is left without an answer.
async fn answer_waiting(
    mut waiting: Outstanding,
    output: &mut Output,
    end: &End,
) -> anyhow::Result<()> {
    if *end == End::ByClient {
        return Ok(());
    }
    let mut out = Vec::new();
    if waiting.is_mid_line() {
        out.push(b'\n');
    }
    for id in waiting.take() {
        out.extend(mcp::error::response(Some(&id), code::INTERNAL_ERROR, &end.sentence(), None));
        out.push(b'\n');
    }
    Ok(output.write(&out).await?)
}

/// The sentence in a refusal's body.
async fn refusal(status: StatusCode, body: Incoming) -> Refused {
    let bytes = api::collect(api::boxed(body), MAX_REFUSAL).await.unwrap_or_default();
    let value: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let message = value.as_ref().and_then(|value| value.pointer("/error/message")?.as_str());
    Refused::new(match message {
        Some(message) => message.to_owned(),
        None => format!("the proxy answered {status} without saying why"),
    })
}
