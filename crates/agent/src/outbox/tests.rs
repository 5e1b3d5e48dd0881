use std::task::{Context, Waker};

use http::HeaderMap;
use http_body_util::BodyExt;

use super::{ROOM, Room, outbox};

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

#[tokio::test]
async fn what_waits_goes_out_as_one_frame_and_then_the_trailers() {
    let (outbox, mut body) = outbox();
    outbox.push_line(b"one");
    outbox.push_line(b"two");
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "one\ntwo\n");
    let mut trailers = HeaderMap::new();
    trailers.insert("tessera-end", "idle".parse().unwrap());
    outbox.finish(trailers.clone());
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_slow_client_is_noticed_and_its_progress_too() {
    let (outbox, mut body) = outbox();
    assert_eq!(outbox.poll(&context()), Room::Free);
    outbox.push_line(&vec![b'x'; ROOM]);
    assert_eq!(outbox.poll(&context()), Room::Scarce);
    outbox.push_line(&vec![b'x'; ROOM]);
    assert_eq!(outbox.poll(&context()), Room::None);
    let woken = tokio_util::task::TaskTracker::new().spawn(async move {
        std::future::poll_fn(|cx| match outbox.poll(cx) {
            Room::None => std::task::Poll::Pending,
            room => std::task::Poll::Ready(room),
        })
        .await
    });
    body.frame().await.unwrap().unwrap();
    assert_eq!(woken.await.unwrap(), Room::Free);
}

#[tokio::test]
async fn a_client_that_is_gone_takes_nothing() {
    let (outbox, body) = outbox();
    outbox.push_line(b"x");
    drop(body);
    assert_eq!(outbox.poll(&context()), Room::Gone);
    outbox.push_line(b"y");
    assert!(outbox.shared.state.lock().waiting.is_empty());
}

#[tokio::test]
async fn what_is_dropped_breaks_off() {
    let (outbox, mut body) = outbox();
    outbox.push_line(b"half");
    drop(outbox);
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_err());
    assert!(body.frame().await.is_none());
}
