//! HTTP/1.1 as it comes over a connection: requests are read by the server that we use, in pieces of several
//! sizes, and by a reader of our own that follows RFC 9112 to the letter ([`strict`]).
//!
//! Where one request ends and the next begins, nobody may see otherwise: what the server takes for a request is
//! one to the reader, too, at the same place, with the same method, target and body.

mod connection;
mod strict;

use self::strict::{Reader, Stop};

/// A request, as far as others could disagree about it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    body: Vec<u8>,
}

/// The bytes of a connection. A line end of an input is CR LF, so that inputs stay readable text; `\\r`, `\\n`,
/// `\\t` and `\\0` are those characters alone.
pub(crate) fn run(input: &str) {
    let bytes = bytes(input);
    let whole = connection::serve(&bytes, usize::MAX);
    for piece in [1, 7] {
        assert_eq!(connection::serve(&bytes, piece), whole, "depends on how it comes in");
    }
    let mut reader = Reader::new(&bytes);
    for served in &whole {
        let read = reader.next();
        // What this means is not about where requests end.
        if read == Err(Stop::Other) {
            return;
        }
        assert_eq!(read.as_ref(), Ok(served), "served, and another request to others, or none");
    }
}

fn bytes(input: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(input.len());
    let mut characters = input.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = match (character, characters.peek()) {
            ('\\', Some('r')) => b"\r",
            ('\\', Some('n')) => b"\n",
            ('\\', Some('t')) => b"\t",
            ('\\', Some('0')) => b"\0",
            ('\n', _) => {
                bytes.extend_from_slice(b"\r\n");
                continue;
            }
            _ => {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
        };
        characters.next();
        bytes.extend_from_slice(escaped);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is served, by target.
    fn served(input: &str) -> Vec<String> {
        run(input);
        connection::serve(&bytes(input), usize::MAX).into_iter().map(|seen| seen.target).collect()
    }

    #[test]
    fn requests_are_served_where_both_see_them() {
        let next = "GET /b HTTP/1.1\nHost: a\n\n";
        let post = |header: &str, body: &str| {
            served(&format!("POST /a HTTP/1.1\nHost: a\n{header}\n\n{body}{next}"))
        };
        assert_eq!(post("Content-Length: 2", "hi"), ["/a", "/b"]);
        assert_eq!(post("Transfer-Encoding: chunked", "2;x\nhi\n0\n\n"), ["/a", "/b"]);
        // One of the two was wrong: nothing that follows is believed.
        assert_eq!(post("Transfer-Encoding: chunked\nContent-Length: 2", "0\n\n"), ["/a"]);
        assert_eq!(post("Content-Length: 2\nTransfer-Encoding: chunked", "0\n\n"), ["/a"]);
        for header in [
            "Content-Length: 2\nContent-Length: 0",
            "Transfer-Encoding : chunked",
            "Content-Length: +2",
        ] {
            assert!(post(header, "hi").is_empty(), "{header}");
        }
    }

    #[test]
    #[should_panic(expected = "another request")]
    fn a_reader_that_sees_another_end_is_noticed() {
        let served =
            connection::serve(&bytes("POST /a HTTP/1.1\nHost: a\nContent-Length: 2\n\nhi"), 1);
        let other = bytes("POST /a HTTP/1.1\nHost: a\n\nhi");
        let read = Reader::new(&other).next();
        assert_eq!(read.ok().as_ref(), served.first(), "another request");
    }
}
