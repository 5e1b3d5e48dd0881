use futures_util::{StreamExt as _, stream};
use http_body::Frame;
use http_body_util::StreamBody;

use super::*;

fn frames(pieces: impl futures_util::Stream<Item = Bytes> + Send + 'static) -> Body {
    api::boxed(StreamBody::new(pieces.map(|bytes| Ok::<_, api::BoxError>(Frame::data(bytes)))))
}

async fn status(body: Body) -> u16 {
    read(body).await.unwrap_err().status().as_u16()
}

#[tokio::test]
async fn a_body_is_read_whatever_its_pieces() {
    for pieces in [vec!["{}"], vec!["{", "}"], vec!["", "{", "", "}", ""]] {
        let body = frames(stream::iter(pieces.into_iter().map(Bytes::from)));
        assert_eq!(read(body).await.unwrap(), "{}");
    }
    assert_eq!(read(api::empty()).await.unwrap(), "");
}

#[tokio::test]
async fn a_body_has_as_many_bytes_as_a_message() {
    let piece = Bytes::from(vec![b' '; MESSAGE_BYTES / 2]);
    let two = [piece.clone(), piece];
    assert_eq!(read(frames(stream::iter(two.clone()))).await.unwrap().len(), MESSAGE_BYTES);
    let more = two.into_iter().chain([Bytes::from_static(b" ")]);
    assert_eq!(status(frames(stream::iter(more))).await, 413);
    assert_eq!(status(api::full(vec![b' '; MESSAGE_BYTES + 1])).await, 413, "told beforehand");
    let endless = stream::repeat(Bytes::from_static(&[b' '; 64 * 1024]));
    assert_eq!(status(frames(endless)).await, 413);
}

#[tokio::test(start_paused = true)]
async fn a_body_comes_in_time() {
    let never = stream::iter([Bytes::from_static(b"{")]).chain(stream::pending());
    assert_eq!(status(frames(never)).await, 408);
    let slow = stream::iter(0..60).then(async |_| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Bytes::from_static(b" ")
    });
    assert_eq!(status(frames(slow)).await, 408, "a byte now and then is no body");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_none() {
    let pieces = [Ok(Frame::data(Bytes::from_static(b"{}"))), Err(api::BoxError::from("gone"))];
    assert_eq!(status(api::boxed(StreamBody::new(stream::iter(pieces)))).await, 400);
}
