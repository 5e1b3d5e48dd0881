//! Servers that lie over HTTP: whatever carries a list, the client sees what it may, or an error.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use testkit::http::{self, Call};
use testkit::scripted::{Asked, Out};
use testkit::{Cluster, HttpServer, Real, Scripted};

use super::http::META;
use super::lies;

type Answer = Box<dyn Fn(&Asked, &mut Out) + Send + Sync>;

/// A server that answers what it is told to, behind the gateway, and somebody who may use `echo`.
struct Site {
    server: Scripted,
    says: Arc<Mutex<Answer>>,
    pipe: HttpServer,
    _cluster: Cluster,
}

const BOTH: &str = r#"{"name":"echo","inputSchema":{}},{"name":"wipe","inputSchema":{}}"#;

/// The honest answer to `tools/list` under the id that the tests use.
fn honest() -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":5,"result":{{"tools":[{BOTH}],"resultType":"complete","ttlMs":0,"cacheScope":"private"}}}}"#
    )
}

impl Site {
    #[track_caller]
    fn new() -> Self {
        let (real, cluster) = (Real::locate(), Cluster::single());
        let says: Arc<Mutex<Answer>> = Arc::new(Mutex::new(Box::new(|_, _| ())));
        let told = Arc::clone(&says);
        let server = Scripted::start(move |asked, out| told.lock()(asked, out));
        cluster.tools_role("echoer", &["echo"]);
        let alice = cluster.identity("alice", &["echoer"]);
        cluster.app_pinned("lying", &server.uri("mcp+http", "/mcp"), "modern");
        let pipe = real.tls_pipe(&cluster, &alice);
        Self { server, says, pipe, _cluster: cluster }
    }

    fn say(&self, answer: impl Fn(&Asked, &mut Out) + Send + Sync + 'static) {
        *self.says.lock() = Box::new(answer);
    }

    /// Asks for the tools: the status and the body.
    #[track_caller]
    fn list(&self, name: &str) -> (u16, String) {
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":5,"method":"tools/list","params":{{{META}}}}}"#);
        let call = Call::post("/mcp/apps/lying", body)
            .header("mcp-protocol-version", "2026-07-28")
            .header("mcp-method", "tools/list");
        let reply = call.send(self.pipe.port()).unwrap_or_else(|why| panic!("{name}: {why}"));
        let status = reply.status;
        // A stream that the gateway breaks off has told what it told.
        let body = reply.whole().unwrap_or_else(|why| why.into_bytes());
        let body = String::from_utf8_lossy(&body).into_owned();
        assert!(!body.contains("wipe"), "{name}: {status} {body}");
        (status, body)
    }

    /// The client sees `echo` alone.
    #[track_caller]
    fn shows(&self, name: &str, answer: impl Fn(&Asked, &mut Out) + Send + Sync + 'static) {
        self.say(answer);
        let (status, body) = self.list(name);
        assert!(status == 200 && body.contains(r#""name":"echo""#), "{name}: {status} {body}");
    }

    /// The client sees nothing of it.
    #[track_caller]
    fn hides(&self, name: &str, answer: impl Fn(&Asked, &mut Out) + Send + Sync + 'static) {
        self.say(answer);
        let (status, body) = self.list(name);
        let empty = body.contains(r#""tools":[]"#);
        let error = body.contains(r#""error""#) || status >= 400 || body.trim().is_empty();
        assert!(empty || error, "{name}: {status} {body}");
    }
}

/// An answer as a stream of events.
fn stream(out: &mut Out, events: impl AsRef<[u8]>) {
    out.answer("200 OK", &["content-type: text/event-stream"], events);
}

#[test]
fn lies_in_json_and_in_events() {
    let site = Site::new();
    for lie in lies::messages() {
        let line = lie.lines[0].as_str().unwrap().replace("@ID@", "5");
        let (json, event) = (line.clone(), format!("data: {line}\n\n"));
        let told = [format!("{} in JSON", lie.name), format!("{} in an event", lie.name)];
        if lie.answered {
            site.shows(&told[0], move |_, out| out.json(&json));
            site.shows(&told[1], move |_, out| stream(out, &event));
        } else {
            site.hides(&told[0], move |_, out| out.json(&json));
            site.hides(&told[1], move |_, out| stream(out, &event));
        }
    }
}

#[test]
fn events_however_they_are_framed() {
    let site = Site::new();
    let halves = |between: &str| {
        let honest = honest();
        let (one, other) = honest.split_once("\"result\":").unwrap();
        format!("data: {one}\"result\":{between}data: {other}")
    };
    let framed = [
        ("carriage returns", format!("data: {}\r\r", honest())),
        ("both line ends", format!("event: message\r\nid: 1\r\ndata: {}\r\n\r\n", honest())),
        ("two data lines", format!("{}\n\n", halves("\n"))),
        ("two data lines and a comment", format!("{}\n\n", halves("\n: hidden\n"))),
        ("two data lines by carriage returns", format!("{}\r\r", halves("\r"))),
        ("no blank after the colon", format!("data:{}\n\n", honest())),
        ("a byte-order mark", format!("\u{feff}data: {}\n\n", honest())),
        ("comments and empty events", format!(": hi\n\n\n\nretry: 5\n\ndata: {}\n\n", honest())),
        ("an unknown field", format!("nothing: wrong\ndata: {}\n\n", honest())),
        ("a name", format!("event: message\ndata: {}\n\n", honest())),
    ];
    for (name, events) in framed {
        let whole = events.clone();
        site.shows(name, move |_, out| stream(out, &whole));
        // Byte by byte, so that each line end falls between two reads.
        site.shows(&format!("{name}, in pieces"), move |_, out| {
            out.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
            for piece in events.as_bytes().chunks(7) {
                out.write(piece);
            }
        });
    }
    let both = honest();
    let twice = format!("data: {}\n\ndata: {}\n\n", both.replace("wipe", "echo"), both);
    site.shows("a second answer", move |_, out| stream(out, &twice));
    let other = format!("event: other\ndata: {both}\n\n");
    site.say(move |_, out| stream(out, &other));
    site.list("an event of another name");
    let unfinished = format!("data: {both}");
    site.say(move |_, out| stream(out, &unfinished));
    site.list("an event without its end");
}

#[test]
fn content_types_statuses_and_codings_hide_nothing() {
    let site = Site::new();
    for kind in [
        "text/plain",
        "application/octet-stream",
        "text/html",
        "application/x-ndjson",
        "multipart/mixed; boundary=x",
        "text/event-stream",
        "application/json, text/plain",
        "json",
        "",
    ] {
        let line = format!("content-type: {kind}");
        site.hides(kind, move |_, out| out.answer("200 OK", &[&line], honest()));
    }
    site.hides("no content type", |_, out| out.answer("200 OK", &[], honest()));
    site.hides("two content types", |_, out| {
        let lines = ["content-type: text/plain", "content-type: application/json"];
        out.answer("200 OK", &lines, honest());
    });
    for kind in [
        "application/json; charset=utf-8",
        "Application/JSON",
        "application/json;charset=\"UTF-8\"",
    ] {
        let line = format!("content-type: {kind}");
        site.shows(kind, move |_, out| out.answer("200 OK", &[&line], honest()));
    }
    for status in [
        "201 Created",
        "202 Accepted",
        "206 Partial Content",
        "299 Odd",
        "400 Bad Request",
        "404 Not Found",
        "500 Broken",
    ] {
        site.say(move |_, out| out.answer(status, &["content-type: application/json"], honest()));
        site.list(status);
    }
    let wide: Vec<u8> = honest().encode_utf16().flat_map(u16::to_le_bytes).collect();
    site.hides("UTF-16", move |_, out| {
        out.answer("200 OK", &["content-type: application/json; charset=utf-16"], &wide);
    });
}

#[test]
fn compressed_lists_are_filtered_or_withheld() {
    let (site, real) = (Site::new(), Real::locate());
    let code = "import sys, gzip, zlib; data = sys.stdin.buffer.read(); \
        sys.stdout.buffer.write({'gzip': gzip.compress, 'deflate': zlib.compress}[sys.argv[1]](data))";
    for coding in ["gzip", "deflate"] {
        let python = testkit::Argv::new(real.python()).args(["-c", code, coding]);
        let packed =
            testkit::process::run(python.command(), honest().as_bytes(), testkit::wait::PATIENCE);
        let packed = packed.stdout;
        let lines = move |packed: Vec<u8>, header: &'static str| {
            move |_: &Asked, out: &mut Out| {
                let coding = format!("{header}: {coding}");
                out.answer("200 OK", &["content-type: application/json", &coding], &packed);
            }
        };
        site.say(lines(packed.clone(), "content-encoding"));
        let (status, body) = site.list(coding);
        let ok = body.contains(r#""name":"echo""#) || body.contains("error") || status >= 400;
        assert!(ok, "{coding}: {status} {body}");
        // Compressed, and nothing says so.
        site.hides(&format!("{coding}, untold"), lines(packed, "x-nothing"));
    }
    assert!(
        site.server.asked().iter().all(|asked| {
            asked.header("accept-encoding").is_none_or(|value| value == "identity")
        })
    );
}

#[test]
fn bodies_without_end_end() {
    let site = Site::new();
    for kind in ["application/json", "text/event-stream"] {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        site.hides(kind, move |_, out| {
            out.write(&head);
            let start: &[u8] = if head.contains("json") { b"{\"a\":\"" } else { b"data: \"" };
            out.write(format!("{:x}\r\n", start.len())).write(start).write("\r\n");
            let block = [b'x'; 1 << 16];
            // Far beyond any limit, and then for as long as anybody listens.
            for _ in 0..1024 {
                out.write("10000\r\n").write(block).write("\r\n");
            }
        });
    }
    // Too much said, too little sent.
    site.hides("a length that is a lie", |_, out| {
        out.write(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n{",
        );
    });
    site.hides("no HTTP", |_, out| {
        out.write("220 hello\r\n");
    });
}

#[test]
fn redirects_lead_nowhere() {
    let site = Site::new();
    let other = Scripted::start(|_, out| out.json(honest()));
    for status in ["301 Moved", "302 Found", "303 Other", "307 Temporary", "308 Permanent"] {
        let location = format!("location: http://127.0.0.1:{}/mcp", other.port());
        site.hides(status, move |_, out| {
            out.answer(status, &[&location, "content-type: application/json"], honest());
        });
    }
    assert_eq!(other.asked(), []);
    // What the other server would have been sent: nobody's evidence, in any case.
    let seen = site.server.asked();
    let first: Value = seen[0].json();
    assert_eq!(first["method"], "tools/list");
    assert!(http::find(&seen[0].body, b"wipe").is_none());
}
