//! A client that speaks streamable HTTP to an agent, as its requests arrive through a tunnel.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use mcp::sse::Decoder;
use serde_json::{Value, json};
use tunnel::{CLIENT_ADDRESS, EVIDENCE, Handler};

use crate::cluster::Cluster;

const PATIENCE: Duration = Duration::from_secs(15);

/// One client.
#[derive(Clone)]
pub(crate) struct Web {
    handler: Arc<dyn Handler>,
    pub(crate) evidence: String,
    app: String,
    pub(crate) session: Option<String>,
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// An answer, read to its end or as events.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: Body,
    events: Decoder,
}

// === impl Web ===

impl Web {
    pub(crate) fn new(cluster: &Cluster, user: &str, app: &str) -> Self {
        let evidence = cluster.evidence(&cluster.identity(user));
        Self {
            handler: cluster.handler.clone(),
            evidence,
            app: app.to_owned(),
            session: None,
            headers: Vec::new(),
        }
    }

    /// The same with a session of the legacy era.
    pub(crate) async fn begin(cluster: &Cluster, user: &str, app: &str) -> Self {
        Self::new(cluster, user, app).start().await
    }

    /// Begins one, with what else it is to say.
    pub(crate) async fn start(mut self) -> Self {
        let params = json!({
            "protocolVersion": "2025-11-25",
            "capabilities": {},
            "clientInfo": {"name": "tester", "version": "7"},
        });
        let reply = self.ask(1, "initialize", params).await;
        assert_eq!(reply.status, 200);
        self.session = Some(reply.headers["mcp-session-id"].to_str().unwrap().to_owned());
        assert!(reply.json().await["result"].is_object());
        self
    }

    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.retain(|(known, _)| *known != name);
        other.headers.push((name, value.to_owned()));
        other
    }

    pub(crate) async fn send(&self, method: Method, body: Body) -> Reply {
        let post = method == Method::POST;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://agent/v1/mcp/apps/{}", self.app))
            .header(CLIENT_ADDRESS, "192.0.2.1:4711");
        if !self.evidence.is_empty() {
            request = request.header(EVIDENCE, &self.evidence);
        }
        let usual = [
            ("accept", "application/json, text/event-stream"),
            ("content-type", "application/json"),
        ];
        for (name, value) in usual {
            let other = self.headers.iter().any(|(known, _)| *known == name);
            if !other && (post || name == "accept") {
                request = request.header(name, value);
            }
        }
        if let Some(session) = &self.session {
            request = request.header("mcp-session-id", session);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = self.handler.call(request.body(body).unwrap());
        Reply::new(tokio::time::timeout(PATIENCE, answer).await.expect("an answer in time"))
    }

    pub(crate) async fn post(&self, message: &str) -> Reply {
        self.send(Method::POST, api::full(message.to_owned())).await
    }

    pub(crate) async fn ask(&self, id: u64, method: &str, params: Value) -> Reply {
        let message = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.post(&message.to_string()).await
    }

    pub(crate) async fn call(&self, id: u64, tool: &str) -> Reply {
        self.ask(id, "tools/call", json!({"name": tool})).await
    }

    pub(crate) async fn get(&self) -> Reply {
        self.send(Method::GET, api::empty()).await
    }

    pub(crate) async fn delete(&self) -> Reply {
        self.send(Method::DELETE, api::empty()).await
    }

    /// A request of the modern era, with all that it needs.
    pub(crate) fn modern(&self, method: &'static str, name: Option<&str>) -> Self {
        let web = self.with("mcp-protocol-version", "2026-07-28").with("mcp-method", method);
        match name {
            Some(name) => web.with("mcp-name", name),
            None => web,
        }
    }

    pub(crate) async fn modern_call(&self, id: Value, tool: &str) -> Reply {
        let web = self.modern("tools/call", Some(tool));
        web.post(&modern(id, "tools/call", json!({"name": tool})).to_string()).await
    }
}

/// A message of the modern era.
pub(crate) fn modern(id: Value, method: &str, mut params: Value) -> Value {
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

// === impl Reply ===

impl Reply {
    fn new(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body, events: Decoder::new(64 << 20) }
    }

    pub(crate) fn content_type(&self) -> &str {
        self.headers.get("content-type").map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) async fn bytes(self) -> Bytes {
        let body = tokio::time::timeout(PATIENCE, self.body.collect());
        body.await.expect("a body in time").unwrap().to_bytes()
    }

    /// The one message, from a body of JSON or of events.
    pub(crate) async fn json(mut self) -> Value {
        if self.content_type() == "text/event-stream" {
            return self.event().await.expect("an event").1;
        }
        let bytes = self.bytes().await;
        serde_json::from_slice(&bytes).unwrap_or_else(|_| panic!("no JSON: {bytes:?}"))
    }

    /// The next event that is a message, with its id.
    pub(crate) async fn event(&mut self) -> Option<(String, Value)> {
        loop {
            let event = self.raw_event().await?;
            let id = event.id.map(String::from).unwrap_or_default();
            if !event.data.is_empty() {
                return Some((id, serde_json::from_slice(&event.data).unwrap()));
            }
        }
    }

    pub(crate) async fn raw_event(&mut self) -> Option<mcp::sse::Event> {
        assert_eq!(self.content_type(), "text/event-stream", "{}", self.status);
        loop {
            if let Some(frame) = self.events.next() {
                match frame.unwrap().event {
                    Some(event) => return Some(event),
                    None => continue,
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await;
            let frame = frame.expect("an event in time")?.expect("an unbroken stream");
            self.events.push(&frame.into_data().unwrap_or_default());
        }
    }
}
