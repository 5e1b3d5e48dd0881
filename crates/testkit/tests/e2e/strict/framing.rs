//! Over HTTP/1.1: bytes that two readers cut into different requests. Each is sent raw, to the proxy and to `tsh
//! proxy mcp`, and is refused or read once: a request that is hidden in another is never carried out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream};

use testkit::{Cluster, Real, wait};

use super::http::META;
use super::{Fooled, Reader};

/// A call with its headers, of this many bytes.
fn call(path: &str, tool: &str) -> String {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{META},"name":"{tool}"}}}}"#
    );
    let length = body.len();
    format!("{}content-length: {length}\r\n\r\n{body}", head(path, tool))
}

fn head(path: &str, tool: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: \
         application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: \
         tools/call\r\nmcp-name: {tool}\r\n"
    )
}

/// What is sent, and whether the calls in it that show are `echo`, `hidden`, both or none. `hidden` is a call that
/// one way of reading finds within another request, and one does not.
fn shapes(path: &str) -> Vec<(&'static str, String)> {
    let outer = head(path, "echo");
    let hidden = call(path, "hidden");
    let body = |head: &str, rest: &str| format!("{outer}{head}\r\n{rest}");
    let chunk = format!("{:x}\r\n{hidden}\r\n0\r\n\r\n", hidden.len());
    let length = hidden.len();
    let two = |first: &str, second: &str| format!("{first}\r\n{second}\r\n");
    let both =
        |one: &str, other: &str| [body(&two(one, other), &hidden), body(&two(other, one), &hidden)];
    let mut shapes = vec![
        (
            "two lengths",
            body(&two("content-length: 0", &format!("content-length: {length}")), &hidden),
        ),
        ("two lengths in one", body(&format!("content-length: 0, {length}\r\n"), &hidden)),
        ("a signed length", body("content-length: +0\r\n", &hidden)),
        ("a hexadecimal length", body("content-length: 0x0\r\n", &hidden)),
        ("a length beyond all", body("content-length: 18446744073709551616\r\n", &hidden)),
        ("a length with a NUL", body("content-length: 0\0\r\n", &hidden)),
        (
            "a coding before a space",
            body(&two("transfer-encoding : chunked", &format!("content-length: {length}")), &chunk),
        ),
        (
            "a folded coding",
            body(
                &two("transfer-encoding:\r\n chunked", &format!("content-length: {length}")),
                &chunk,
            ),
        ),
        (
            "an unknown coding",
            body(&two("transfer-encoding: xchunked", &format!("content-length: {length}")), &chunk),
        ),
        ("chunked is not last", body("transfer-encoding: chunked, identity\r\n", &chunk)),
        ("a folded length", body(&format!("x: y\r\n content-length: {length}\r\n"), &hidden)),
        ("CR for a line end", body(&format!("x: y\rcontent-length: {length}\r\n"), &hidden)),
        (
            "a chunk with a sign",
            body("transfer-encoding: chunked\r\n", &format!("+0\r\n\r\n{hidden}")),
        ),
        ("a chunk of 0x0", body("transfer-encoding: chunked\r\n", &format!("0x0\r\n\r\n{hidden}"))),
        (
            "a chunk beyond all",
            body("transfer-encoding: chunked\r\n", &format!("10000000000000000\r\n\r\n{hidden}")),
        ),
        (
            "LF in an extension",
            body("transfer-encoding: chunked\r\n", &format!("5;a\nhello\r\n0\r\n\r\n{hidden}")),
        ),
        (
            "a chunk that is longer",
            body("transfer-encoding: chunked\r\n", &format!("5\r\nhelloXX\r\n0\r\n\r\n{hidden}")),
        ),
    ];
    let zero = "0\r\n\r\n";
    for shape in both("transfer-encoding: chunked", &format!("content-length: {}", zero.len())) {
        shapes.push(("a coding and a length", shape.replace(&hidden, &format!("{zero}{hidden}"))));
    }
    for shape in both("transfer-encoding: chunked", "transfer-encoding: identity") {
        shapes.push(("two codings", shape.replace(&hidden, &format!("{zero}{hidden}"))));
    }
    shapes
}

/// Whether a client says that it will send nothing more.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// As one does who wants no more than the answer to what was sent.
    Said,
    /// The requests themselves say when the connection is to be closed.
    Unsaid,
}

/// Sends bytes, and gives all that comes back until the other side has nothing more to say.
fn exchange(port: u16, bytes: &[u8], end: End) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(wait::PATIENCE)).unwrap();
    // One that refuses may close before it has read everything.
    _ = stream.write_all(bytes).and_then(|()| stream.flush());
    if end == End::Said {
        _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut piece) {
        answer.extend(piece.iter().take(length));
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_request_is_hidden_in_another() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let fooled = Fooled::new(&real, Reader::Node, cluster.scratch().path());
    let http = testkit::HttpServer::telling("/mcp", &fooled.argv.clone().arg("http"));
    cluster.app_pinned("node", &http.uri("mcp+http"), "modern");
    cluster.tools_role("all", &["*"]);
    let alice = cluster.identity("alice", &["all"]);
    let pipe = real.tls_pipe(&cluster, &alice);
    let local = cluster.local_proxy(&alice, "node");
    for (way, port, path) in
        [("proxy", pipe.port(), "/mcp/apps/node"), ("tsh proxy mcp", local.port(), "/mcp")]
    {
        // What is not hidden is carried out, one after the other: otherwise this shows nothing.
        fooled.forget();
        let last = call(path, "hidden").replacen("\r\n", "\r\nconnection: close\r\n", 1);
        let plain = format!("{}{last}", call(path, "echo"));
        let answer = exchange(port, plain.as_bytes(), End::Unsaid);
        assert_eq!(answer.matches("HTTP/1.1 200").count(), 2, "{way}: {answer}");
        assert!(fooled.log().contains("hidden"), "{way}: {}", fooled.log());
        for (name, bytes) in shapes(path) {
            fooled.forget();
            let answer = exchange(port, bytes.as_bytes(), End::Said);
            assert!(!fooled.log().contains("hidden"), "{way}, {name}: {answer}\n{}", fooled.log());
            assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{way}, {name}: {answer}");
            assert!(!answer.contains("HTTP/1.1 200"), "{way}, {name}: {answer}");
        }
    }
}
