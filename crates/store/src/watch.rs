//! The stream of changes that a watch is.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};

use crate::{Change, Cursor, Error, Event};

/// A running watch: a stream that ends after its first error.
pub struct Watch {
    steps: BoxStream<'static, Result<Step, Error>>,
    cursor: Cursor,
    ended: bool,
}

/// What an engine hands to a [`Watch`]: progress, with or without an event of interest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The place after this step.
    pub cursor: Cursor,
    /// The event, or `None` when what happened up to `cursor` was of no interest.
    pub event: Option<Event>,
}

// === impl Watch ===

impl Watch {
    /// A watch over an engine's steps, which begin after `from`.
    #[must_use]
    pub fn new(from: Cursor, steps: BoxStream<'static, Result<Step, Error>>) -> Self {
        Self { steps, cursor: from, ended: false }
    }

    /// The next change. Dropping the future loses nothing. After an error, [`Error::Closed`].
    ///
    /// # Errors
    /// [`Error::Compacted`] when this watch was too slow and changes were forgotten before it saw
    /// them; [`Error::Closed`] and [`Error::Unavailable`] when the engine ended it.
    pub async fn next(&mut self) -> Result<Change, Error> {
        futures_util::StreamExt::next(self).await.unwrap_or(Err(Error::Closed))
    }

    /// The place up to which this watch has told everything, also when nothing of interest
    /// happened for long. Watching again from here continues without a gap.
    #[must_use]
    pub const fn cursor(&self) -> &Cursor {
        &self.cursor
    }
}

impl Stream for Watch {
    type Item = Result<Change, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.steps.poll_next_unpin(cx)) {
                Some(Ok(Step { cursor, event })) => {
                    self.cursor = cursor.clone();
                    if let Some(event) = event {
                        return Poll::Ready(Some(Ok(Change { cursor, event })));
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => self.ended = true,
            }
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("cursor", &self.cursor).finish_non_exhaustive()
    }
}
