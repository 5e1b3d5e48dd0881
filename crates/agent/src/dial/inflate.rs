//! Answers of servers that compress though they were asked not to.
//!
//! What is compressed cannot be filtered, so it is taken apart here, piece by piece: a small answer
//! that is large inside waits in the network and not in our memory.

use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use api::BoxError;
use bytes::{Buf, Bytes};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http_body::{Body, Frame};

use super::error::DialError;

/// So much is taken apart at a time. It can become a thousand times as much.
const PIECE: usize = 1024;

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Gzip,
    Deflate,
}

/// A body without its compression.
pub(super) struct Inflated<B> {
    body: B,
    coding: Coding,
    waiting: Bytes,
    /// Chosen by the first bytes.
    decoder: Option<Decoder>,
    ended: bool,
}

enum Decoder {
    Gzip(MultiGzDecoder<Vec<u8>>),
    Zlib(ZlibDecoder<Vec<u8>>),
    /// Some servers say "deflate" and leave out the wrapping that it stands for.
    Raw(DeflateDecoder<Vec<u8>>),
}

/// Takes a compression off a body, if there is one.
pub(super) fn inflate<B>(headers: &mut HeaderMap, body: B) -> Result<api::Body, DialError>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BoxError>,
{
    let Some(coding) = coding(headers)? else { return Ok(api::boxed(body)) };
    headers.remove(CONTENT_ENCODING);
    headers.remove(CONTENT_LENGTH);
    let waiting = Bytes::new();
    Ok(api::boxed(Inflated { body, coding, waiting, decoder: None, ended: false }))
}

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, DialError> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let name = String::from_utf8_lossy(value.as_bytes()).trim().to_ascii_lowercase();
    match (name.as_str(), values.next()) {
        ("identity" | "", None) => Ok(None),
        ("gzip" | "x-gzip", None) => Ok(Some(Coding::Gzip)),
        ("deflate", None) => Ok(Some(Coding::Deflate)),
        _ => Err(DialError::Coding { coding: name.chars().take(40).collect() }),
    }
}

// === impl Decoder ===

impl Decoder {
    fn new(coding: Coding, first: &[u8]) -> Self {
        match coding {
            Coding::Gzip => Self::Gzip(MultiGzDecoder::new(Vec::new())),
            // RFC 1950: method 8 in the low half of the first byte.
            Coding::Deflate if first.first().is_some_and(|byte| byte & 0x8f == 0x08) => {
                Self::Zlib(ZlibDecoder::new(Vec::new()))
            }
            Coding::Deflate => Self::Raw(DeflateDecoder::new(Vec::new())),
        }
    }

    fn feed(&mut self, piece: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Zlib(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Raw(decoder) => {
                decoder.write_all(piece)?;
                decoder.flush()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Zlib(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
            Self::Raw(decoder) => {
                decoder.try_finish()?;
                Ok(std::mem::take(decoder.get_mut()))
            }
        }
    }
}

// === impl Inflated ===

impl<B> Body for Inflated<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        loop {
            let this = &mut *self;
            if this.ended {
                return Poll::Ready(None);
            }
            let made = if this.waiting.has_remaining() {
                let piece = this.waiting.split_to(this.waiting.len().min(PIECE));
                let coding = this.coding;
                let decoder = this.decoder.get_or_insert_with(|| Decoder::new(coding, &piece));
                decoder.feed(&piece)
            } else {
                match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            this.waiting = data;
                        }
                        continue;
                    }
                    Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                    None => {
                        this.ended = true;
                        this.decoder.as_mut().map_or_else(|| Ok(Vec::new()), Decoder::finish)
                    }
                }
            };
            match made {
                Ok(made) if made.is_empty() => {}
                Ok(made) => return Poll::Ready(Some(Ok(Frame::data(made.into())))),
                Err(error) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
