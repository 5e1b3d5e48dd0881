//! Client and server of bytes against each other.

use super::Call;
use crate::scripted::Scripted;

#[test]
fn what_is_said_arrives_and_what_is_answered_comes_back() {
    let server = Scripted::start(|asked, out| match asked.path.as_str() {
        "/chunks" => {
            out.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab");
            out.write("c\r\n1\r\nd\r\n0\r\n\r\n");
        }
        "/closed" => {
            out.write("HTTP/1.1 200 OK\r\n\r\nall of it");
        }
        _ => out.answer("404 Not Found", &["x-seen: yes"], asked.body.clone()),
    });
    let body = |path: &str| Call::new("GET", path).send(server.port()).unwrap().whole().unwrap();
    assert_eq!(body("/chunks"), b"abcd");
    assert_eq!(body("/closed"), b"all of it");
    let reply = Call::post("/x", "{}").header("X-A", "1").send(server.port()).unwrap();
    assert_eq!((reply.status, reply.header("x-seen")), (404, Some("yes")));
    assert_eq!(reply.json(), serde_json::json!({}));
    let asked = server.asked();
    assert_eq!(asked[2].header("x-a"), Some("1"));
    assert_eq!((asked.len(), asked[2].method.as_str()), (3, "POST"));
    assert!(server.saw("{}") && !server.saw("nothing"));
}

#[test]
fn chunked_requests_are_read() {
    let server = Scripted::start(|asked, out| out.json(&asked.body));
    let mut call = Call::new("POST", "/").header("transfer-encoding", "chunked");
    call.body = b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".to_vec();
    assert_eq!(call.send(server.port()).unwrap().whole().unwrap(), b"abcde");
}

#[test]
fn a_stream_is_read_as_far_as_needed() {
    let server = Scripted::start(|_, out| {
        out.write("HTTP/1.1 200 OK\r\n\r\nfirst\n").until_left();
    });
    let mut reply = Call::new("GET", "/").send(server.port()).unwrap();
    let seen = reply.until(|body| body.ends_with(b"\n")).unwrap();
    assert_eq!(seen, b"first\n");
    reply.leave();
}
