//! Compressed answers: whole, in pieces, broken, and larger inside than out.

use std::collections::VecDeque;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use http_body_util::BodyExt as _;

use super::*;

/// A body of these pieces.
struct Pieces(VecDeque<Bytes>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }
}

fn headers(coding: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_ENCODING, coding.parse().unwrap());
    headers.insert(CONTENT_LENGTH, "7".parse().unwrap());
    headers
}

fn body(coding: &str, bytes: &[u8], piece: usize) -> api::Body {
    let pieces = bytes.chunks(piece).map(Bytes::copy_from_slice).collect();
    let mut headers = headers(coding);
    let body = inflate(&mut headers, Pieces(pieces)).unwrap();
    assert!(headers.is_empty());
    body
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn each_coding_is_taken_off_whatever_the_pieces() {
    let text = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#.repeat(40);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&text).unwrap();
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(&text).unwrap();
    let (zlib, raw) = (zlib.finish().unwrap(), raw.finish().unwrap());
    for piece in [1, 2, 7, 100_000] {
        for (coding, bytes) in [
            ("gzip", gzip(&text)),
            ("X-GZip", gzip(&text)),
            ("deflate", zlib.clone()),
            ("deflate", raw.clone()),
        ] {
            let whole = body(coding, &bytes, piece).collect().await.unwrap().to_bytes();
            assert_eq!(whole, text, "{coding} by {piece}");
        }
    }
}

#[tokio::test]
async fn what_a_stream_has_flushed_is_passed_on_before_its_end() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(b"data: one\n\n").unwrap();
    encoder.flush().unwrap();
    let mut body = body("gzip", encoder.get_ref(), 1000);
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "data: one\n\n");
}

#[tokio::test]
async fn what_is_broken_off_or_no_compression_is_an_error() {
    let whole = gzip(&b"something".repeat(100));
    for bytes in [&whole[..whole.len() - 9], &b"no gzip at all"[..]] {
        assert!(body("gzip", bytes, 1000).collect().await.is_err());
    }
}

#[tokio::test]
async fn a_bomb_comes_out_a_little_at_a_time() {
    let bomb = gzip(&vec![0; 64 << 20]);
    assert!(bomb.len() < 128 << 10);
    let mut body = body("gzip", &bomb, bomb.len());
    let mut whole = 0;
    while let Some(frame) = body.frame().await {
        let length = frame.unwrap().into_data().unwrap().len();
        assert!(length < 2 << 20, "{length}");
        whole += length;
    }
    assert_eq!(whole, 64 << 20);
}

#[test]
fn other_codings_are_refused() {
    for coding in ["br", "zstd", "gzip, gzip"] {
        let refused = inflate(&mut headers(coding), Pieces(VecDeque::new()));
        assert!(refused.is_err(), "{coding}");
    }
    let mut twice = headers("gzip");
    twice.append(CONTENT_ENCODING, "gzip".parse().unwrap());
    assert!(inflate(&mut twice, Pieces(VecDeque::new())).is_err());
}
