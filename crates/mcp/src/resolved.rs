//! The resource that a server reads when it resolves a URI.
//!
//! Servers do not compare URIs as text. The TypeScript SDK looks resources up by `new URL(uri).toString()`,
//! the Python SDK by what pydantic makes of them, file servers by what the file system does. To all of them
//! `DEMO://a/./b` is `demo://a/b`. Who may use the one may use the other, so both are decided on.

use std::borrow::Cow;

/// The schemes whose host is a name of the network, with their default ports (WHATWG URL, "special scheme").
const SPECIAL: [(&str, &str); 6] = [
    ("http", ":80"),
    ("https", ":443"),
    ("ws", ":80"),
    ("wss", ":443"),
    ("ftp", ":21"),
    ("file", ""),
];

/// The URI as it is once resolved: RFC 3986, section 6.2.2, and what WHATWG URL does beyond that for the
/// schemes of the web. A `..` is not resolved: it is refused before.
pub fn resolved(uri: &str) -> Cow<'_, str> {
    let trimmed = uri.trim_matches(|c: char| c == ' ' || c.is_ascii_control());
    let decoded = unreserved(trimmed);
    let Some((scheme, rest)) = split_scheme(&decoded) else {
        let (path, tail) = split_tail(&decoded);
        return changed(uri, format!("{}{tail}", without_dots(path, false)));
    };
    let lower = scheme.to_ascii_lowercase();
    let (body, tail) = split_tail(rest);
    let special = SPECIAL.iter().find(|(name, _)| *name == lower);
    let Some((_, port)) = special else {
        let (authority, path) = match body.strip_prefix("//") {
            Some(body) => body.split_at(body.find('/').unwrap_or(body.len())),
            None => return changed(uri, format!("{lower}:{}{tail}", without_dots(body, false))),
        };
        return changed(uri, format!("{lower}://{authority}{}{tail}", without_dots(path, false)));
    };
    let body = body.replace('\\', "/");
    if lower == "file" {
        let (host, path) = match body.strip_prefix("//") {
            Some(body) => body.split_at(body.find('/').unwrap_or(body.len())),
            None => ("", body.as_str()),
        };
        let host = Some(host.to_ascii_lowercase()).filter(|host| host != "localhost");
        let path = path.replace("%2f", "/").replace("%2F", "/");
        let path = without_dots(path.trim_start_matches('/'), true);
        return changed(uri, format!("file://{}/{path}{tail}", host.unwrap_or_default()));
    }
    let body = body.trim_start_matches('/');
    let (authority, path) = body.split_at(body.find('/').unwrap_or(body.len()));
    let (login, host) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(_, host)| authority.split_at(authority.len() - host.len()));
    let host = host.to_ascii_lowercase();
    let host = host.strip_suffix(port).or(host.strip_suffix(':')).unwrap_or(&host);
    let path = if path.is_empty() { "/".into() } else { without_dots(path, false) };
    changed(uri, format!("{lower}://{login}{host}{path}{tail}"))
}

fn changed(uri: &str, resolved: String) -> Cow<'_, str> {
    if resolved == uri { Cow::Borrowed(uri) } else { Cow::Owned(resolved) }
}

/// `scheme` and what follows its colon.
fn split_scheme(uri: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = uri.split_once(':')?;
    let plain =
        scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    (plain && scheme.starts_with(|c: char| c.is_ascii_alphabetic())).then_some((scheme, rest))
}

/// Query and fragment have no segments.
fn split_tail(text: &str) -> (&str, &str) {
    text.split_at(text.find(['?', '#']).unwrap_or(text.len()))
}

/// A path without segments that stand for where they are; to a file system an empty one does too.
fn without_dots(path: &str, is_file: bool) -> String {
    let last = path.split('/').count().saturating_sub(1);
    let kept = path.split('/').enumerate().filter_map(|(at, segment)| {
        let idle = segment == "." || (is_file && segment.is_empty());
        match (idle, at == last) {
            (false, _) => Some(segment),
            // What a path ends in is a directory all the same.
            (true, true) => Some(""),
            (true, false) => None,
        }
    });
    kept.collect::<Vec<_>>().join("/")
}

/// Escapes of characters that need none are undone: `%61` is `a` (RFC 3986, section 2.3).
fn unreserved(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let byte = after.get(..2).and_then(|hex| {
            hex.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u8::from_str_radix(hex, 16).ok())?
        });
        match byte {
            Some(b) if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') => {
                out.push(char::from(b));
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                out.push('%');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
