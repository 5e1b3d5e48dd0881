//! A client of one app, as it arrives through a tunnel.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use mcp::framing::{LineReader, STDIO_CONTENT_TYPE};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tunnel::{CLIENT_ADDRESS, END_MESSAGE, END_REASON, EVIDENCE, Handler};

const PATIENCE: Duration = Duration::from_secs(15);

/// One connection.
pub(crate) struct TestClient {
    to_agent: Option<mpsc::Sender<Result<Frame<Bytes>, api::BoxError>>>,
    from_agent: Option<Body>,
    lines: LineReader,
    next_id: u64,
    end: Option<HeaderMap>,
}

// === impl TestClient ===

impl TestClient {
    pub(crate) fn request(app: &str, evidence: &str, body: Body) -> Request<Body> {
        let mut request = Request::post(format!("https://agent/v1/mcp/apps/{app}"))
            .header("content-type", STDIO_CONTENT_TYPE)
            .header(CLIENT_ADDRESS, "192.0.2.1:4711");
        if !evidence.is_empty() {
            request = request.header(EVIDENCE, evidence);
        }
        request.body(body).unwrap()
    }

    pub(crate) async fn connect(handler: &Arc<dyn Handler>, app: &str, evidence: &str) -> Self {
        let (to_agent, frames) = mpsc::channel(16);
        let body = api::boxed(StreamBody::new(futures_util::stream::unfold(
            frames,
            async |mut frames| Some((frames.recv().await?, frames)),
        )));
        let response: Response<Body> = handler.call(Self::request(app, evidence, body)).await;
        assert_eq!(response.status(), 200);
        Self {
            to_agent: Some(to_agent),
            from_agent: Some(response.into_body()),
            lines: LineReader::new(64 << 20),
            next_id: 1,
            end: None,
        }
    }

    /// Writes a line.
    pub(crate) async fn write(&mut self, line: &str) {
        let frame = Frame::data(Bytes::from(format!("{line}\n")));
        self.to_agent.as_ref().unwrap().send(Ok(frame)).await.unwrap();
    }

    /// Writes what is no whole line.
    pub(crate) async fn write_part(&mut self, part: &str) {
        let frame = Frame::data(Bytes::from(part.to_owned()));
        self.to_agent.as_ref().unwrap().send(Ok(frame)).await.unwrap();
    }

    /// Asks, and waits for nothing; gives the id.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.write(&request.to_string()).await;
        id
    }

    /// Asks, and gives the whole answer.
    pub(crate) async fn answer(&mut self, method: &str, params: Value) -> Value {
        let id = self.ask(method, params).await;
        let answer = self.read().await.expect("an answer");
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    pub(crate) async fn call(&mut self, tool: &str) -> Value {
        self.answer("tools/call", json!({"name": tool})).await
    }

    /// The code of the error with which a call is answered.
    pub(crate) async fn call_error(&mut self, tool: &str) -> i64 {
        self.call(tool).await["error"]["code"].as_i64().expect("an error")
    }

    pub(crate) async fn initialize(&mut self) -> Value {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "tester", "version": "7"},
        });
        self.answer("initialize", params).await
    }

    /// The names in the list of tools.
    pub(crate) async fn tools(&mut self) -> Vec<String> {
        let answer = self.answer("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().expect("a list").clone();
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The next message; nothing at the end.
    pub(crate) async fn read(&mut self) -> Option<Value> {
        Some(serde_json::from_str(&self.read_line().await?).unwrap())
    }

    /// The next line as it was sent; nothing at the end.
    pub(crate) async fn read_line(&mut self) -> Option<String> {
        loop {
            if let Some(line) = self.lines.next_line() {
                return Some(String::from_utf8(line.unwrap().to_vec()).unwrap());
            }
            let body = self.from_agent.as_mut()?;
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await.expect("in time")?;
            match frame.expect("a stream that does not break off").into_data() {
                Ok(bytes) => self.lines.push(&bytes),
                Err(trailers) => self.end = trailers.into_trailers().ok(),
            }
        }
    }

    /// Waits for the end; gives why, in a word and in a sentence.
    pub(crate) async fn end(&mut self) -> (String, String) {
        if let Some(line) = self.read_line().await {
            panic!("a message before the end: {line}");
        }
        let trailers = self.end.clone().expect("trailers");
        let text = |name| trailers[name].to_str().unwrap().to_owned();
        (text(END_REASON), unescape(&text(END_MESSAGE)))
    }

    /// Writes no more, and still reads.
    pub(crate) fn finish_writing(&mut self) {
        self.to_agent = None;
    }

    /// Reads no more.
    pub(crate) fn stop_reading(&mut self) {
        self.from_agent = None;
    }
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        if *first == b'%' {
            let code = str::from_utf8(&tail[..2]).unwrap();
            bytes.push(u8::from_str_radix(code, 16).unwrap());
            rest = &tail[2..];
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    String::from_utf8(bytes).unwrap()
}
