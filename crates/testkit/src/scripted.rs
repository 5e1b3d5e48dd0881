//! An HTTP server of bytes: answers exactly what a test tells it to, and keeps what it was asked.
//! For faults and lies that cannot be had from a real server.

use std::fmt;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parking_lot::Mutex;
use serde_json::Value;

use crate::{http, wait};

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub path: String,
    /// The header fields, the names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, out of its transfer coding.
    pub body: Vec<u8>,
}

/// Where an answer is written. Everything is sent at once; nothing is added.
#[derive(Debug)]
pub struct Out {
    stream: TcpStream,
}

/// A server that answers what it was told to.
pub struct Scripted {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    over: Arc<AtomicBool>,
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted").field("port", &self.port).finish_non_exhaustive()
    }
}

// === impl Scripted ===

impl Scripted {
    /// Starts one. Each connection carries one request, which `answer` answers.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(answer: impl Fn(&Asked, &mut Out) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap_or_else(|cause| panic!("a port of the loopback address: {cause}"));
        let port = listener.local_addr().map_or(0, |address| address.port());
        let (asked, over) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<AtomicBool>::default());
        let (kept, ended, answer) = (Arc::clone(&asked), Arc::clone(&over), Arc::new(answer));
        drop(thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (kept, answer) = (Arc::clone(&kept), Arc::clone(&answer));
                drop(thread::spawn(move || {
                    let mut out = Out { stream };
                    if let Some(asked) = out.read() {
                        kept.lock().push(asked.clone());
                        answer(&asked, &mut out);
                    }
                }));
            }
        }));
        Self { port, asked, over }
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }

    /// Whether any request's body or headers had this in them.
    #[must_use]
    pub fn saw(&self, text: &str) -> bool {
        let has = |asked: &Asked| {
            http::find(&asked.body, text.as_bytes()).is_some()
                || asked.headers.iter().any(|(_, value)| value.contains(text))
        };
        self.asked.lock().iter().any(has)
    }

    /// Its port on the loopback address.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it is, as the URI of an app resource.
    #[must_use]
    pub fn uri(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that listens.
        drop(TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)));
    }
}

// === impl Asked ===

impl Asked {
    /// The first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null when it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method.
    #[must_use]
    pub fn rpc(&self) -> String {
        let message = self.json();
        message.get("method").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The id of the request in the body, as JSON.
    #[must_use]
    pub fn id(&self) -> String {
        self.json().get("id").map(Value::to_string).unwrap_or_default()
    }
}

// === impl Out ===

impl Out {
    /// Sends these bytes now. Whoever has left does not hear them.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        drop(self.stream.write_all(bytes.as_ref()).and_then(|()| self.stream.flush()));
        self
    }

    /// A whole answer with this status line (`200 OK`), header lines and body.
    pub fn answer(&mut self, status: &str, headers: &[&str], body: impl AsRef<[u8]>) {
        let body = body.as_ref();
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let length = body.len();
        self.write(format!(
            "HTTP/1.1 {status}\r\n{lines}content-length: {length}\r\nconnection: close\r\n\r\n"
        ));
        self.write(body);
    }

    /// A JSON answer.
    pub fn json(&mut self, body: impl AsRef<[u8]>) {
        self.answer("200 OK", &["content-type: application/json"], body);
    }

    /// Whether the other side is still there: waits until it has left.
    pub fn until_left(&mut self) {
        let mut block = [0; 1024];
        while let Ok(1..) = self.stream.read(&mut block) {}
    }

    fn read(&mut self) -> Option<Asked> {
        self.stream.set_read_timeout(Some(wait::PATIENCE)).ok()?;
        let mut raw = Vec::new();
        let end = self.fill(&mut raw, |raw| http::find(raw, b"\r\n\r\n"))?;
        let mut body = raw.split_off(end + 4);
        let head = String::from_utf8_lossy(&raw).into_owned();
        let mut lines = head.split("\r\n");
        let mut first = lines.next()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let asked = Asked { method, path, headers, body: Vec::new() };
        if asked.header("transfer-encoding").is_some() {
            let ended = |raw: &[u8]| raw.ends_with(b"0\r\n\r\n").then_some(());
            self.fill(&mut body, ended)?;
            body = unchunked(&body);
        } else {
            let length = asked.header("content-length").and_then(|text| text.parse().ok());
            let length: usize = length.unwrap_or(0);
            self.fill(&mut body, |raw| (raw.len() >= length).then_some(()))?;
        }
        Some(Asked { body, ..asked })
    }

    fn fill<T>(&mut self, raw: &mut Vec<u8>, done: impl Fn(&[u8]) -> Option<T>) -> Option<T> {
        let mut block = vec![0; 1 << 16];
        loop {
            if let Some(found) = done(raw) {
                return Some(found);
            }
            let read = self.stream.read(&mut block).ok().filter(|read| *read > 0)?;
            raw.extend(block.iter().take(read));
        }
    }
}

fn unchunked(mut raw: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = http::find(raw, b"\r\n") {
        let line = String::from_utf8_lossy(raw.get(..end).unwrap_or_default()).into_owned();
        let Ok(size) = usize::from_str_radix(line.trim(), 16) else { break };
        body.extend_from_slice(raw.get(end + 2..end + 2 + size).unwrap_or_default());
        raw = raw.get(end + 4 + size..).unwrap_or_default();
    }
    body
}
