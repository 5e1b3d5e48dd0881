use std::convert::Infallible;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;

/// A client of a server that answers before it has read anything.
fn client() -> DuplexStream {
    let (near, far) = tokio::io::duplex(1 << 20);
    let service = service_fn(async |request| {
        let (request, unread) = Unread::of(request);
        drop(request);
        Ok::<_, Infallible>(unread.settle(Response::new(api::full("no"))).await)
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(far), service);
    let tasks = runtime::Tasks::new();
    tasks.spawn_until_cancelled("test.server", async move {
        _ = serving.await;
    });
    near
}

fn head(length: usize, more: &str) -> String {
    format!("POST / HTTP/1.1\r\nhost: p\r\n{more}content-length: {length}\r\n\r\n")
}

/// The next answer.
async fn answer(client: &mut DuplexStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nno") {
        match client.read_u8().await {
            Ok(byte) => text.push(byte),
            Err(_end) => break,
        }
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_on_when_the_rest_comes_soon() {
    let mut client = client();
    client.write_all(head(4, "").as_bytes()).await.unwrap();
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    tokio::time::advance(PATIENCE / 2).await;
    client.write_all(b"rest").await.unwrap();
    let first = answer(&mut client).await;
    assert!(first.starts_with("HTTP/1.1 200") && !first.contains("close"), "{first}");
    client.write_all(head(0, "").as_bytes()).await.unwrap();
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200"), "the next request");
}

#[tokio::test(start_paused = true)]
async fn who_is_not_heard_any_more_is_told() {
    for (length, sent, more) in [
        (4, 3, ""),
        (MOST + 1, MOST + 1, ""),
        // It would send what nobody wants.
        (4, 0, "expect: 100-continue\r\n"),
    ] {
        let mut client = client();
        client.write_all(head(length, more).as_bytes()).await.unwrap();
        client.write_all(&vec![b'x'; sent]).await.unwrap();
        let first = answer(&mut client).await;
        assert!(first.starts_with("HTTP/1.1 200"), "{first}");
        assert!(first.contains("connection: close"), "{length}: {first}");
        assert_eq!(answer(&mut client).await, "", "{length}");
    }
}
