use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;

use super::*;

fn body(chunks: Vec<Vec<u8>>) -> Body {
    let frames = chunks.into_iter().map(|chunk| Ok::<_, std::io::Error>(Frame::data(chunk.into())));
    crate::boxed(StreamBody::new(stream::iter(frames)))
}

async fn read(chunks: Vec<Vec<u8>>) -> Vec<Result<WatchEvent, Error>> {
    watch_events(body(chunks)).collect().await
}

const LINES: &str = "{\"bookmark\":{\"cursor\":\"1\"}}\n\
    {\"delete\":{\"kind\":\"role\",\"name\":\"a\",\"cursor\":\"2\"}}\n";

#[tokio::test]
async fn lines_are_read_however_they_are_cut() {
    for size in [1, 2, 7, 1000] {
        let chunks = LINES.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
        let events = read(chunks).await;
        assert_eq!(events.len(), 2, "cut every {size} bytes");
        assert!(matches!(&events[0], Ok(WatchEvent::Bookmark { cursor }) if cursor == "1"));
        assert!(
            matches!(&events[1], Ok(WatchEvent::Delete { name, cursor, .. }) if name == "a" && cursor == "2")
        );
    }
}

#[tokio::test]
async fn an_error_ends_the_stream_with_its_kind() {
    let line = "{\"error\":{\"error\":{\"kind\":\"gone\",\"message\":\"m\"}}}\n";
    let events = read(vec![[line, LINES].concat().into_bytes()]).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].as_ref().unwrap_err().kind(), ErrorKind::Gone);
}

#[tokio::test]
async fn half_a_line_at_the_end_is_no_event() {
    assert!(read(vec![b"{\"type\":\"book".to_vec()]).await.is_empty());
}

#[tokio::test]
async fn nonsense_is_an_error_and_not_an_event() {
    let events = read(vec![b"[]\n".to_vec()]).await;
    assert!(events[0].is_err());
    let events = read(vec![vec![b'x'; MAX_LINE + 2]]).await;
    assert!(events[0].as_ref().unwrap_err().cause().unwrap().contains("longer"));
}
