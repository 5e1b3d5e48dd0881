//! What must not be kept is taken away by the types that events are made of.
//!
//! Names decide: a header or a query parameter whose name speaks of secrets loses its value. Free
//! text loses credentials in URLs and after `Bearer` and `Basic`, and its length is bounded.

use std::borrow::Cow;

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// What stands where something was taken away.
pub const REDACTED: &str = "<REDACTED>";

/// The longest free text: an error message, a path, a header's value.
pub const MAX_TEXT_BYTES: usize = 2048;

/// The most headers of one request.
pub const MAX_HEADERS: usize = 64;

/// The most bytes of header names and values of one request.
pub const MAX_HEADERS_BYTES: usize = 16 * 1024;

/// The longest HTTP body that is kept with an invalid request.
pub const MAX_BODY_BYTES: usize = 4 * 1024;

/// Parts of names that speak of secrets, in lower case. Rather one value too few than a password.
const SECRET_NAMES: [&str; 14] = [
    "auth",
    "token",
    "secret",
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "api-key",
    "api_key",
    "cookie",
    "credential",
    "assertion",
    "jwt",
    "signature",
];

/// Headers with these beginnings are Tessera's own, between its services: of no use to a reader,
/// and some carry evidence.
const OWN_HEADERS: [&str; 4] = ["tessera-", "x-tessera-", "teleport-", "x-teleport-"];

/// Free text, bounded and without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Text<'a>(Cow<'a, str>);

/// The headers of a request, without the values of those that carry secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<String>)>);

/// A query string, without the values of parameters that carry secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Query(String);

/// A URI, without user information and without the values of parameters that carry secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uri(String);

/// The body of a request: its text when it is short JSON, otherwise its size and digest. Whatever
/// else is sent to a wrong address, a form with a password for example, is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body<'a>(&'a [u8]);

/// A join token's name, which is the secret itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenName(String);

/// A resource's name, hidden when resources of its kind are named by a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceName(String);

/// The size and digest of something that is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Omitted {
    /// Its size in bytes.
    pub bytes: usize,
    /// Its SHA-256 digest in hexadecimal digits.
    pub sha256: String,
}

/// Whether a name speaks of a secret.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

// === impl Text ===

impl<'a> Text<'a> {
    /// The text, redacted and bounded.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(bounded(printable(scrub(text))))
    }

    /// The text as it is kept.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text, without the original.
    #[must_use]
    pub fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text::new(&text).into_owned()
    }
}

// === impl Headers ===

impl Headers {
    /// The headers in their order; values of the same name are kept together.
    #[must_use]
    pub fn new<'h>(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        let mut kept: Vec<(String, Vec<String>)> = Vec::new();
        let mut bytes = 0_usize;
        let mut omitted = 0_usize;
        for (index, (name, value)) in headers.into_iter().enumerate() {
            let name = name.to_ascii_lowercase();
            if OWN_HEADERS.iter().any(|own| name.starts_with(own)) {
                continue;
            }
            let value = if is_secret_name(&name) {
                REDACTED.to_owned()
            } else {
                Text::from(String::from_utf8_lossy(value).into_owned()).0.into_owned()
            };
            bytes = bytes.saturating_add(name.len()).saturating_add(value.len());
            if index >= MAX_HEADERS || bytes > MAX_HEADERS_BYTES {
                omitted = omitted.saturating_add(1);
                continue;
            }
            match kept.iter_mut().find(|(known, _)| *known == name) {
                Some((_, values)) => values.push(value),
                None => kept.push((name, vec![value])),
            }
        }
        if omitted > 0 {
            kept.push(("<OMITTED>".to_owned(), vec![omitted.to_string()]));
        }
        Self(kept)
    }
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, values)))
    }
}

// === impl Query ===

impl Query {
    /// The query string as it was sent, without the `?`.
    #[must_use]
    pub fn new(query: &str) -> Self {
        Self(Text::from(query_without_secrets(query)).0.into_owned())
    }
}

// === impl Uri ===

impl Uri {
    /// The URI as it is written in a resource.
    #[must_use]
    pub fn new(uri: &str) -> Self {
        let without = match uri.split_once('?') {
            Some((path, query)) => format!("{path}?{}", query_without_secrets(query)),
            None => uri.to_owned(),
        };
        Self(Text::from(without).0.into_owned())
    }
}

// === impl Body ===

impl<'a> Body<'a> {
    /// The body as it was received.
    #[must_use]
    pub const fn new(body: &'a [u8]) -> Self {
        Self(body)
    }

    fn short_json(&self) -> Option<String> {
        if self.0.len() > MAX_BODY_BYTES {
            return None;
        }
        let mut value = serde_json::from_slice(self.0).ok()?;
        hide_members(&mut value);
        Some(value.to_string())
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.short_json() {
            Some(text) => scrub(&text).serialize(serializer),
            None => Omitted::new(self.0).serialize(serializer),
        }
    }
}

// === impl TokenName ===

impl TokenName {
    /// How many characters of a long name are shown, to tell one from another.
    const SHOWN: usize = 4;

    /// The token with this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let length = name.chars().count();
        // A short name would be given away by its end.
        let hidden = if length >= 4 * Self::SHOWN { length - Self::SHOWN } else { length };
        Self("***".chars().chain(name.chars().skip(hidden)).collect())
    }

    /// The token with this name, which is no secret: another proof is needed to join by it.
    #[must_use]
    pub fn public(name: &str) -> Self {
        Self(Text::new(name).0.into_owned())
    }
}

// === impl ResourceName ===

impl ResourceName {
    /// The resource of this kind with this name.
    #[must_use]
    pub fn new(kind: &str, name: &str) -> Self {
        match kind {
            "token" | "tokens" => Self(TokenName::new(name).0),
            _ => Self(Text::new(name).0.into_owned()),
        }
    }
}

// === impl Omitted ===

impl Omitted {
    /// What stands for these bytes.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self { bytes: bytes.len(), sha256: hex::encode(Sha256::digest(bytes)) }
    }

    /// As a member of an object, under a name that no parameter has by accident.
    pub(crate) fn serialize_as_member<S: Serializer>(
        &self,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("tessera.omitted", self)?;
        map.end()
    }
}

/// Takes the values of members away whose names speak of secrets.
fn hide_members(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                if is_secret_name(name) {
                    *value = REDACTED.into();
                } else {
                    hide_members(value);
                }
            }
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(hide_members),
        _ => {}
    }
}

/// Replaces control characters, which JSON writes with six bytes for one, by one of three.
fn printable(text: Cow<'_, str>) -> Cow<'_, str> {
    let odd = |c: char| c.is_ascii_control() && !matches!(c, '\t' | '\n' | '\r');
    if text.contains(odd) { Cow::Owned(text.replace(odd, "\u{FFFD}")) } else { text }
}

/// Cuts a text that is too long, and says that it did.
fn bounded(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return text;
    }
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    let kept = text.get(..end).unwrap_or_default();
    Cow::Owned(format!("{kept}… ({} bytes)", text.len()))
}

fn query_without_secrets(query: &str) -> String {
    let mut kept = String::with_capacity(query.len());
    for (index, pair) in query.split('&').enumerate() {
        if index > 0 {
            kept.push('&');
        }
        match pair.split_once('=') {
            // A name with escapes in it may be any name.
            Some((name, _)) if is_secret_name(name) || name.contains('%') || name == "code" => {
                kept.push_str(name);
                kept.push('=');
                kept.push_str(REDACTED);
            }
            _ => kept.push_str(pair),
        }
    }
    kept
}

/// Takes credentials out of free text: `scheme://user:password@host`, `Bearer …`, `Basic …`.
fn scrub(text: &str) -> Cow<'_, str> {
    // Every mark has one of these; the name of a method, for example, has neither.
    if memchr::memchr2(b':', b' ', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let text = scrub_after(Cow::Borrowed(text), "://", user_information);
    let text = scrub_after(text, "bearer ", credentials);
    scrub_after(text, "basic ", credentials)
}

/// Replaces what `length` measures behind each occurrence of `mark`, which is in lower case.
fn scrub_after<'t>(text: Cow<'t, str>, mark: &str, length: fn(&str) -> usize) -> Cow<'t, str> {
    let lower = text.to_ascii_lowercase();
    let mut kept = String::new();
    let mut done = 0_usize;
    for (at, _) in lower.match_indices(mark) {
        let start = at.saturating_add(mark.len());
        let Some((before, rest)) = text.get(done..start).zip(text.get(start..)) else { continue };
        let taken = length(rest);
        if taken > 0 {
            kept.push_str(before);
            kept.push_str(REDACTED);
            done = start.saturating_add(taken);
        }
    }
    if done == 0 {
        return text;
    }
    kept.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(kept)
}

/// The length of `user:password` in front of an `@` within the authority.
fn user_information(rest: &str) -> usize {
    let authority = rest.find(|c: char| "/?#\"'<>".contains(c) || c.is_whitespace());
    let authority = rest.get(..authority.unwrap_or(rest.len())).unwrap_or_default();
    authority.rfind('@').unwrap_or(0)
}

/// The length of a word that can be a credential.
fn credentials(rest: &str) -> usize {
    let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/=".contains(c)));
    match word.unwrap_or(rest.len()) {
        // "basic authentication", "bearer token": words, not credentials.
        n if n < 8 => 0,
        n => n,
    }
}

#[cfg(test)]
mod tests;
