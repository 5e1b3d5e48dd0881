//! Encoded words (RFC 2047) in display names, as far as they can make an address invalid.

/// The character sets a display name may be encoded in.
const CHARSETS: [&str; 3] = ["utf-8", "iso-8859-1", "us-ascii"];

/// False for an encoded word whose character set is not known; other words that do not decode stay as they
/// are.
pub(super) fn decodes(word: &str) -> bool {
    let Some(body) = word.strip_prefix("=?").and_then(|rest| rest.strip_suffix("?=")) else {
        return true;
    };
    let parts: Vec<&str> = body.split('?').collect();
    let [charset, encoding, text] = *parts else { return true };
    let encoded = match encoding {
        "q" | "Q" => is_quoted_printable(text),
        "b" | "B" => is_base64(text),
        _ => false,
    };
    charset.is_empty()
        || !encoded
        || CHARSETS.iter().any(|known| known.eq_ignore_ascii_case(charset))
}

fn is_quoted_printable(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let valid = match byte {
            b'=' => {
                let hex = [bytes.next(), bytes.next()];
                hex.into_iter().all(|digit| digit.is_some_and(|digit| digit.is_ascii_hexdigit()))
            }
            b' '..=b'~' | b'\n' | b'\r' | b'\t' => true,
            _ => false,
        };
        if !valid {
            return false;
        }
    }
    true
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let padding = text.len() - body.len();
    text.len().is_multiple_of(4)
        && padding <= 2
        && body.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}
