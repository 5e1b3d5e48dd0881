//! The smallest MCP server over HTTP that is one, in both eras, as a process of its own.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::rc::Rc;

use anyhow::Context;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::task::LocalSet;

/// The argument that makes this program the server; the number of tools follows.
pub(crate) const WORD: &str = "echo-http-server";

/// A running server.
#[derive(Debug)]
pub(crate) struct Web {
    /// Ends the server when it is dropped.
    _child: Child,
    pub(crate) port: u16,
}

/// A message of the client's, as far as it matters.
#[derive(Debug, Deserialize)]
struct Message<'m> {
    #[serde(borrow)]
    id: Option<&'m RawValue>,
    method: &'m str,
    #[serde(borrow)]
    params: Option<Params<'m>>,
}

#[derive(Debug, Deserialize)]
struct Params<'m> {
    #[serde(borrow)]
    arguments: Option<Arguments<'m>>,
    #[serde(borrow, rename = "protocolVersion")]
    revision: Option<&'m RawValue>,
}

#[derive(Debug, Deserialize)]
struct Arguments<'m> {
    #[serde(borrow)]
    text: &'m RawValue,
}

/// A body: an answer, nothing, or a stream of events that never comes to one.
type Body = Either<Full<Bytes>, Either<Empty<Bytes>, Silence>>;

/// A body without an end.
#[derive(Debug)]
struct Silence;

// === impl Web ===

impl Web {
    /// Starts one with so many tools; half of them are called `keep_…`.
    pub(crate) async fn start(tools: usize) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("find this program")?;
        let mut child = Command::new(own)
            .args([WORD, &tools.to_string()])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("start a server")?;
        let mut lines = BufReader::new(child.stdout.take().context("no pipe")?).lines();
        let port = lines.next_line().await?.context("the server said no port")?.parse()?;
        Ok(Self { _child: child, port })
    }
}

/// Serves until standard input ends.
pub(crate) fn main(tools: Option<usize>) -> ExitCode {
    match serve(tools.unwrap_or(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve(tools: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let tools: Rc<str> = list(tools).into();
    LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        io::stdout().flush()?;
        let mut input = tokio::io::stdin();
        let mut space = [0; 1];
        loop {
            let stream = tokio::select! {
                accepted = listener.accept() => accepted?.0,
                ended = input.read(&mut space) => match ended? {
                    0 => return Ok(()),
                    _ => continue,
                },
            };
            stream.set_nodelay(true)?;
            let tools = tools.clone();
            let service = service_fn(move |request| answer(request, tools.clone()));
            tokio::task::spawn_local(
                http1::Builder::new().serve_connection(TokioIo::new(stream), service),
            );
        }
    })
}

/// The list of the tools, as JSON.
fn list(count: usize) -> String {
    let mut list = String::from(r#"[{"name":"echo","inputSchema":{"type":"object"}}"#);
    for at in 1..count {
        let kind = if at % 2 == 0 { "keep" } else { "hide" };
        let written = write!(
            list,
            r#",{{"name":"{kind}_{at}","description":"Does what number {at} does, and says how it went","inputSchema":{{"type":"object","properties":{{"query":{{"type":"string","description":"What to look for"}},"limit":{{"type":"integer"}}}},"required":["query"]}}}}"#
        );
        debug_assert!(written.is_ok(), "a string takes everything");
    }
    list.push(']');
    list
}

async fn answer(request: Request<Incoming>, tools: Rc<str>) -> anyhow::Result<Response<Body>> {
    let mut response = Response::new(Either::Right(Either::Left(Empty::new())));
    if request.method() == Method::GET {
        let events = HeaderValue::from_static("text/event-stream");
        response.headers_mut().insert(CONTENT_TYPE, events);
        *response.body_mut() = Either::Right(Either::Right(Silence));
        return Ok(response);
    }
    let body = request.into_body().collect().await?.to_bytes();
    if body.is_empty() {
        return Ok(response);
    }
    let message: Message<'_> = serde_json::from_slice(&body)?;
    let Some(id) = message.id else {
        *response.status_mut() = StatusCode::ACCEPTED;
        return Ok(response);
    };
    if message.method == "initialize" {
        response.headers_mut().insert("mcp-session-id", HeaderValue::from_static("the-only-one"));
    }
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    let text = format!(r#"{{"jsonrpc":"2.0","id":{id},{}}}"#, outcome(&message, &tools));
    *response.body_mut() = Either::Left(Full::new(text.into()));
    Ok(response)
}

fn outcome(message: &Message<'_>, tools: &str) -> String {
    let params = message.params.as_ref();
    match message.method {
        "initialize" => {
            let revision = params.and_then(|params| params.revision).map_or("null", RawValue::get);
            format!(r#""result":{{"protocolVersion":{revision},"capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"echo","version":"1"}}}}"#)
        }
        "server/discover" => {
            r#""result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"echo","version":"1"}}}"#.to_owned()
        }
        "tools/list" => {
            format!(r#""result":{{"resultType":"complete","tools":{tools},"ttlMs":0,"cacheScope":"private"}}"#)
        }
        "tools/call" => {
            let arguments = params.and_then(|params| params.arguments.as_ref());
            let text = arguments.map_or("\"\"", |arguments| arguments.text.get());
            format!(r#""result":{{"resultType":"complete","content":[{{"type":"text","text":{text}}}]}}"#)
        }
        _ => r#""error":{"code":-32601,"message":"no such method"}"#.to_owned(),
    }
}

// === impl Silence ===

impl http_body::Body for Silence {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}
