//! The one body type of every HTTP message that we make or take.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Full};

/// Whatever went wrong with a body.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body: bytes known beforehand, or a stream.
pub type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// A body of no bytes.
#[must_use]
pub fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body of these bytes.
#[must_use]
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// Any body as ours.
pub fn boxed<B>(body: B) -> Body
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    body.map_err(Into::into).boxed_unsync()
}

/// A body's bytes, as long as there are at most `limit` of them.
///
/// # Errors
/// The body is longer, or broke off.
pub async fn collect(mut body: Body, limit: usize) -> Result<Bytes, BoxError> {
    let mut collected = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let data = match frame {
            Ok(frame) => frame.into_data().unwrap_or_default(),
            Err(error) => return Err(error),
        };
        if collected.len() + data.len() > limit {
            return Err(format!("the body is longer than {limit} bytes").into());
        }
        collected.extend_from_slice(&data);
    }
    Ok(collected.freeze())
}
