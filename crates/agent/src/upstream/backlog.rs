//! What waits for a slow server.

use std::collections::VecDeque;

use bytes::{Buf as _, BytesMut};

/// Who has something for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Author {
    /// Its client: it is not read while too much waits.
    Client,
    /// We, in the place of the client: the server has asked, and is not read while too much of this waits.
    Us,
}

/// Lines on their way to a server.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    bytes: BytesMut,
    /// How many bytes there ever were, and how many of them the server took.
    written: u64,
    taken: u64,
    /// Where the lines end that are from us, and how long they are.
    ours: VecDeque<(u64, usize)>,
    of_us: usize,
}

// === impl Backlog ===

impl Backlog {
    /// Adds a line.
    pub(super) fn push(&mut self, message: &[u8], from: Author) {
        let length = message.len() + 1;
        self.bytes.reserve(length);
        self.bytes.extend_from_slice(message);
        self.bytes.extend_from_slice(b"\n");
        self.written += length as u64;
        if from == Author::Us {
            self.ours.push_back((self.written, length));
            self.of_us += length;
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes there are of the lines that are from us.
    pub(super) const fn of_us(&self) -> usize {
        self.of_us
    }

    /// The server took so many bytes.
    pub(super) fn advance(&mut self, taken: usize) {
        self.bytes.advance(taken);
        self.taken += taken as u64;
        while let Some((_, length)) = self.ours.pop_front_if(|(end, _)| *end <= self.taken) {
            self.of_us -= length;
        }
        if self.bytes.is_empty() {
            // An idle connection holds nothing.
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_from_us_is_counted_until_the_server_has_taken_it() {
        let mut backlog = Backlog::default();
        backlog.push(b"client", Author::Client);
        backlog.push(b"us", Author::Us);
        backlog.push(b"client", Author::Client);
        backlog.push(b"us too", Author::Us);
        assert_eq!((backlog.bytes(), backlog.of_us()), (&b"client\nus\nclient\nus too\n"[..], 10));
        backlog.advance(9);
        assert_eq!(backlog.of_us(), 10, "not all of the line was taken");
        backlog.advance(1);
        assert_eq!(backlog.of_us(), 7);
        backlog.advance(13);
        assert_eq!((backlog.bytes(), backlog.of_us()), (&b"\n"[..], 7));
        backlog.advance(1);
        assert_eq!((backlog.bytes(), backlog.of_us()), (&b""[..], 0));
    }
}
