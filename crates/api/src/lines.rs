//! A watch as it travels: one JSON object a line.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use futures_util::stream::{BoxStream, StreamExt, unfold};
use http_body_util::BodyExt;
use resource::Kind;

use crate::body::Body;
use crate::client::parse_resource;
use crate::error::{Error, ErrorKind};
use crate::source::WatchEvent;
use crate::wire::WatchLine;

/// The longest line: one resource with room to spare.
const MAX_LINE: usize = 4 << 20;

struct Reader {
    body: Body,
    buffer: BytesMut,
    ended: bool,
}

/// The events in a watch's body. The stream ends after its first error.
pub(crate) fn watch_events(body: Body) -> BoxStream<'static, Result<WatchEvent, Error>> {
    let reader = Reader { body, buffer: BytesMut::new(), ended: false };
    unfold(reader, |mut reader| async move {
        if reader.ended {
            return None;
        }
        let event = match reader.line().await {
            Ok(Some(line)) => read_line(&line),
            Ok(None) => return None,
            Err(error) => Err(error),
        };
        reader.ended = event.is_err();
        Some((event, reader))
    })
    // Whoever asks after the end is told again that it is one.
    .fuse()
    .boxed()
}

impl Reader {
    async fn line(&mut self) -> Result<Option<BytesMut>, Error> {
        let mut searched = 0;
        loop {
            let fresh = self.buffer.get(searched..).unwrap_or_default();
            if let Some(end) = fresh.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(searched + end);
                self.buffer.advance(1);
                return Ok(Some(line));
            }
            searched = self.buffer.len();
            if searched > MAX_LINE {
                return Err(Error::internal(format!(
                    "a watch line is longer than {MAX_LINE} bytes"
                )));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        self.buffer.extend_from_slice(&data);
                    }
                }
                Some(Err(error)) => {
                    return Err(Error::unavailable(format!("the watch broke off: {error}")));
                }
            }
        }
    }
}

fn read_line(line: &[u8]) -> Result<WatchEvent, Error> {
    let line: WatchLine = serde_json::from_slice(line)
        .map_err(|error| Error::internal(format!("a watch line was not understood: {error}")))?;
    Ok(match line {
        WatchLine::Put { resource, cursor } => WatchEvent::Put {
            resource: Arc::new(parse_resource(resource.get().as_bytes())?),
            cursor,
        },
        WatchLine::Delete { kind, name, cursor } => {
            WatchEvent::Delete { kind: read_kind(&kind)?, name, cursor }
        }
        WatchLine::Changed { kind, name, cursor } => {
            WatchEvent::Changed { kind: read_kind(&kind)?, name, cursor }
        }
        WatchLine::Bookmark { cursor } => WatchEvent::Bookmark { cursor },
        WatchLine::Error { error } => {
            return Err(error
                .hints
                .into_iter()
                .fold(Error::new(error.kind, error.message), Error::hint));
        }
    })
}

fn read_kind(kind: &str) -> Result<Kind, Error> {
    Kind::parse(kind).map_err(|error| {
        Error::new(ErrorKind::Internal, "the server named an unknown kind").because(error)
    })
}

#[cfg(test)]
mod tests;
