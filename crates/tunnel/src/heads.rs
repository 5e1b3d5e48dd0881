//! How long the headers of a message may be that goes through a tunnel.
//!
//! HTTP/2 ends a whole connection over headers that are far too long: whatever else runs in the tunnel,
//! whosever it is, would end with them. So who sends looks first.

use http::HeaderMap;

/// Headers of one request together: evidence, and what a client may send to the proxy.
pub(crate) const REQUEST_BYTES: u32 = 128 << 10;
/// Headers of one answer together: what a server may say to its client.
pub(crate) const ANSWER_BYTES: u32 = 64 << 10;

/// What HTTP/2 counts for each header besides its name and value (RFC 9113, section 6.5.2).
const EACH: usize = 32;
/// Room for method, address and status, which are headers there.
const ROOM: usize = 4 << 10;

/// Whether headers are short enough to be sent where so many bytes are taken.
pub(crate) fn fit(headers: &HeaderMap, most: u32) -> bool {
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + EACH);
    usize::try_from(most).is_ok_and(|most| bytes.sum::<usize>() + ROOM <= most)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn headers_fit_to_the_last_byte() {
        let most = 8 << 10;
        let of = |length: usize| {
            let value = HeaderValue::try_from("x".repeat(length)).unwrap();
            HeaderMap::from_iter([(http::header::ALLOW, value)])
        };
        let longest = most - ROOM - EACH - "allow".len();
        let most = u32::try_from(most).unwrap();
        assert!(fit(&of(longest), most));
        assert!(!fit(&of(longest + 1), most));
    }
}
