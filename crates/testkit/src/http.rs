//! An HTTP/1.1 client of bytes: says exactly what it is told, and keeps what comes back as it came.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use serde_json::Value;

use crate::wait;

/// A request, whose header lines and body are sent as they are given.
#[derive(Debug, Clone)]
pub struct Call {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// A request whose answer nobody has read yet.
#[derive(Debug)]
pub struct Sent {
    stream: TcpStream,
    /// How sending it went.
    how: Result<(), String>,
}

/// An answer that is being read.
#[derive(Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The header fields, the names in lower case.
    pub headers: Vec<(String, String)>,
    stream: TcpStream,
    /// What was received and not yet read as body.
    raw: Vec<u8>,
    body: Vec<u8>,
    length: Length,
}

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunks,
    UntilClosed,
    Over,
}

// === impl Call ===

impl Call {
    /// A request without headers and body.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A message for an MCP server, with the headers that every client sends.
    #[must_use]
    pub fn post(path: &str, body: impl Into<Vec<u8>>) -> Self {
        let mut call = Self::new("POST", path);
        call.body = body.into();
        call.header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// With one more header line.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With all of these header lines.
    #[must_use]
    pub fn headers(self, lines: &[(&str, &str)]) -> Self {
        lines.iter().fold(self, |call, (name, value)| call.header(name, value))
    }

    /// Without a header.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(one, _)| !one.eq_ignore_ascii_case(name));
        self
    }

    /// Sends it to a port of the loopback address and reads the head of the answer. `host` and
    /// `content-length` are added where they are not given.
    ///
    /// # Errors
    /// When the connection breaks before the answer's head has come.
    pub fn send(&self, port: u16) -> Result<Reply, String> {
        let sent = self.begin(port)?;
        let how = sent.how.clone();
        sent.reply().map_err(|why| format!("{why}; sending: {how:?}"))
    }

    /// Sends it and waits for nothing.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn begin(&self, port: u16) -> Result<Sent, String> {
        let mut stream = connect(port)?;
        let sent = stream.write_all(&self.bytes(port)).and_then(|()| stream.flush());
        // One that has heard enough may answer and close before everything was sent.
        Ok(Sent { stream, how: sent.map_err(|cause| cause.to_string()) })
    }

    /// Sends so many bytes of it, and waits for nothing.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn begin_part(&self, port: u16, bytes: usize) -> Result<Sent, String> {
        let mut stream = connect(port)?;
        let all = self.bytes(port);
        let part = all.get(..bytes).unwrap_or(&all);
        let sent = stream.write_all(part).and_then(|()| stream.flush());
        Ok(Sent { stream, how: sent.map_err(|cause| cause.to_string()) })
    }

    fn bytes(&self, port: u16) -> Vec<u8> {
        let given = |name: &str| self.headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !given("host") {
            head += &format!("host: 127.0.0.1:{port}\r\n");
        }
        if !given("content-length") && !given("transfer-encoding") {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "connection: close\r\n\r\n";
        [head.as_bytes(), &self.body].concat()
    }
}

// === impl Sent ===

impl Sent {
    /// Reads the head of the answer.
    ///
    /// # Errors
    /// When the connection breaks before it has come.
    pub fn reply(self) -> Result<Reply, String> {
        Reply::begin(self.stream)
    }

    /// Says that no more is sent, and still listens.
    pub fn finish(&self) {
        self.stream.shutdown(Shutdown::Write).ok();
    }

    /// Leaves without listening.
    pub fn leave(self) {
        self.stream.shutdown(Shutdown::Both).ok();
    }
}

// === impl Reply ===

impl Reply {
    fn begin(stream: TcpStream) -> Result<Self, String> {
        let mut reply = Self {
            status: 0,
            headers: Vec::new(),
            stream,
            raw: Vec::new(),
            body: Vec::new(),
            length: Length::UntilClosed,
        };
        loop {
            if let Some(end) = find(&reply.raw, b"\r\n\r\n") {
                let rest = reply.raw.split_off(end + 4);
                let head = std::mem::replace(&mut reply.raw, rest);
                reply.head(&String::from_utf8_lossy(&head))?;
                if reply.status != 100 {
                    reply.take_body()?;
                    return Ok(reply);
                }
            } else if reply.receive()? == 0 {
                let got = String::from_utf8_lossy(&reply.raw).into_owned();
                return Err(format!("the connection was closed before an answer: {got:?}"));
            }
        }
    }

    fn head(&mut self, head: &str) -> Result<(), String> {
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap_or_default().split(' ').nth(1);
        self.status =
            status.and_then(|status| status.parse().ok()).ok_or_else(|| head.to_owned())?;
        self.headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = self.header("transfer-encoding").is_some_and(|coding| coding == "chunked");
        let known = self.header("content-length").and_then(|length| length.parse().ok());
        self.length = match known {
            _ if chunked => Length::Chunks,
            _ if matches!(self.status, 100 | 204 | 304) => Length::Over,
            Some(length) => Length::Known(length),
            None => Length::UntilClosed,
        };
        Ok(())
    }

    /// The first header field of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The body to its end.
    ///
    /// # Errors
    /// When the connection breaks, or nothing comes for a long time.
    pub fn whole(mut self) -> Result<Vec<u8>, String> {
        while self.length != Length::Over {
            self.more()?;
        }
        Ok(self.body)
    }

    /// The body to its end, which is JSON.
    ///
    /// # Panics
    /// When it is not.
    #[must_use]
    #[track_caller]
    pub fn json(self) -> Value {
        let status = self.status;
        let body = self.whole().unwrap_or_else(|why| panic!("an answer with {status}: {why}"));
        serde_json::from_slice(&body).unwrap_or_else(|cause| {
            panic!("{status}: no JSON ({cause}): {}", String::from_utf8_lossy(&body))
        })
    }

    /// Reads on until the body so far fits; gives what it is then.
    ///
    /// # Errors
    /// When it ends before, with what it was.
    pub fn until(&mut self, fits: impl Fn(&[u8]) -> bool) -> Result<&[u8], String> {
        while !fits(&self.body) {
            if self.length == Length::Over {
                return Err(format!("it ended: {:?}", String::from_utf8_lossy(&self.body)));
            }
            self.more()?;
        }
        Ok(&self.body)
    }

    /// Leaves before the end.
    pub fn leave(self) {
        self.stream.shutdown(Shutdown::Both).ok();
    }

    fn more(&mut self) -> Result<(), String> {
        if self.receive()? == 0 {
            if self.length == Length::UntilClosed {
                self.take_body()?;
                self.length = Length::Over;
                return Ok(());
            }
            let got = String::from_utf8_lossy(&self.body).into_owned();
            return Err(format!("the connection was closed within a body: {got:?}"));
        }
        self.take_body()
    }

    fn receive(&mut self) -> Result<usize, String> {
        let mut block = vec![0; 1 << 16];
        let read = self.stream.read(&mut block).map_err(|cause| cause.to_string())?;
        self.raw.extend(block.iter().take(read));
        Ok(read)
    }

    /// Moves what has come of the body out of the transfer coding.
    fn take_body(&mut self) -> Result<(), String> {
        match self.length {
            Length::Over => {}
            Length::UntilClosed => self.body.append(&mut self.raw),
            Length::Known(length) => {
                self.body.append(&mut self.raw);
                if self.body.len() >= length {
                    self.length = Length::Over;
                }
            }
            Length::Chunks => {
                while let Some(end) = find(&self.raw, b"\r\n") {
                    let line = String::from_utf8_lossy(self.raw.get(..end).unwrap_or_default());
                    let size = line.split(';').next().unwrap_or_default().trim();
                    let size = usize::from_str_radix(size, 16)
                        .map_err(|_no_number| format!("a chunk of {size:?} bytes"))?;
                    let (from, to) = (end + 2, end + 2 + size);
                    if self.raw.len() < to + 2 {
                        break;
                    }
                    self.body.extend_from_slice(self.raw.get(from..to).unwrap_or_default());
                    drop(self.raw.drain(..to + 2));
                    if size == 0 {
                        self.length = Length::Over;
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

fn connect(port: u16) -> Result<TcpStream, String> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).map_err(|e| e.to_string())?;
    stream
        .set_read_timeout(Some(wait::PATIENCE))
        .and_then(|()| stream.set_write_timeout(Some(wait::PATIENCE)))
        .map_err(|cause| cause.to_string())?;
    Ok(stream)
}

/// Where something begins in something longer.
#[must_use]
pub fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests;
