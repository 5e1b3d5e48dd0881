//! Other ids for the same request: when several clients share one session with a server, each of them may
//! use the same ids and progress tokens. Only what names a request is written anew; all else keeps its bytes.

use std::ops::Range;

use crate::Raw;
use crate::json::Scanner;
use crate::limits::Limits;
use crate::meta::{PROGRESS_TOKEN, SUBSCRIPTION_ID};
use crate::refused::Reason;

/// Where a message names a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `id`, of a request or its answer.
    Id,
    /// The progress token, where it is asked for or used.
    Token,
    /// The listen request that a notification or an answer belongs to.
    Subscription,
    /// `requestId`, of `notifications/cancelled`.
    Cancelled,
}

/// The message with other names: `name` gives what is to be written, as JSON, or nothing where the message
/// stays as it is.
///
/// # Errors
/// The text is no JSON object.
pub fn rewrite<'a>(
    text: &'a str,
    name: &mut dyn FnMut(Place, Raw<'a>) -> Option<String>,
) -> Result<String, Reason> {
    let mut edits = Edits { name, found: Vec::new() };
    let mut scanner = Scanner::new(text, &Limits::SERVER);
    scanner.space();
    scanner.object(|scanner, key| match key.plain() {
        Some("id") => edits.value(scanner, Place::Id),
        Some(top @ ("params" | "result")) if scanner.peek() == Some(b'{') => {
            scanner.object(|scanner, key| match key.plain() {
                Some(PROGRESS_TOKEN) if top == "params" => edits.value(scanner, Place::Token),
                Some("requestId") if top == "params" => edits.value(scanner, Place::Cancelled),
                Some("_meta") if scanner.peek() == Some(b'{') => {
                    scanner.object(|scanner, key| match key.plain() {
                        Some(PROGRESS_TOKEN) if top == "params" => {
                            edits.value(scanner, Place::Token)
                        }
                        Some(SUBSCRIPTION_ID) => edits.value(scanner, Place::Subscription),
                        _ => scanner.skip(),
                    })
                }
                _ => scanner.skip(),
            })
        }
        _ => scanner.skip(),
    })?;
    scanner.end()?;
    let mut out = String::with_capacity(text.len() + 32);
    let mut from = 0;
    for (place, with) in edits.found {
        out.push_str(text.get(from..place.start).unwrap_or_default());
        out.push_str(&with);
        from = place.end;
    }
    out.push_str(text.get(from..).unwrap_or_default());
    Ok(out)
}

struct Edits<'n, 'a> {
    name: &'n mut dyn FnMut(Place, Raw<'a>) -> Option<String>,
    found: Vec<(Range<usize>, String)>,
}

// === impl Edits ===

impl<'a> Edits<'_, 'a> {
    fn value(&mut self, scanner: &mut Scanner<'a>, place: Place) -> Result<(), Reason> {
        let start = scanner.position();
        let value = scanner.value()?;
        if let Some(with) = (self.name)(place, value) {
            self.found.push((start..scanner.position(), with));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
