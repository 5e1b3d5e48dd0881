//! Replacing matches, with Go's template syntax: `$1`, `$name`, `${name}`, `$$`.

use regex_automata::Input;
use regex_automata::util::captures::Captures;

use thiserror::Error;

use super::unicode::{is_digit, is_letter};
use super::{Engine, Regex};
use crate::budget::{Budget, Overspent};
use crate::limits::MAX_VALUE_BYTES;

/// Why nothing is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum ReplaceError {
    /// The result would be larger than [`MAX_VALUE_BYTES`].
    #[error("a replaced value has more than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    #[error("replacing {0}")]
    Overspent(#[from] Overspent),
}

// === impl Regex ===

impl Regex {
    /// Replaces every match in `text` by `template`; nothing where there is none.
    pub(crate) fn replace_all(
        &self,
        text: &str,
        template: &str,
        budget: &Budget,
    ) -> Result<Option<String>, ReplaceError> {
        // What was compiled without its groups replaces nothing.
        let Engine::Automaton(engine) = &self.engine else { return Ok(None) };
        let mut captures = engine.create_captures();
        let mut out = String::new();
        let mut copied = 0;
        let mut from = 0;
        let mut matched = false;
        while from <= text.len() {
            // However near the match is, a search may read on to the end before it knows.
            budget.spend_search(1 + text.len() - from, self.program_bytes)?;
            engine.search_captures(&Input::new(text).range(from..), &mut captures);
            let Some(found) = captures.get_match() else { break };
            matched = true;
            out.push_str(text.get(copied..found.start()).unwrap_or_default());
            // An empty match right behind a match would replace the same place twice.
            if found.end() > copied || found.start() == 0 {
                self.expand(template, text, &captures, &mut out)?;
            }
            copied = found.end();
            let width =
                text.get(from..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
            from = found.end().max(from + width);
            if out.len() > MAX_VALUE_BYTES {
                return Err(ReplaceError::TooLong);
            }
        }
        if !matched {
            return Ok(None);
        }
        out.push_str(text.get(copied..).unwrap_or_default());
        if out.len() > MAX_VALUE_BYTES { Err(ReplaceError::TooLong) } else { Ok(Some(out)) }
    }

    fn expand(
        &self,
        template: &str,
        text: &str,
        captures: &Captures,
        out: &mut String,
    ) -> Result<(), ReplaceError> {
        let group = |index: usize| {
            captures.get_group(index).and_then(|span| text.get(span.start..span.end))
        };
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            if out.len() > MAX_VALUE_BYTES {
                return Err(ReplaceError::TooLong);
            }
            rest = after;
            if let Some(after) = rest.strip_prefix('$') {
                out.push('$');
                rest = after;
                continue;
            }
            let Some((name, after)) = reference(rest) else {
                // A dollar that names nothing is itself.
                out.push('$');
                continue;
            };
            rest = after;
            let value = match number(name) {
                Some(index) => group(index),
                None => self
                    .names
                    .iter()
                    .enumerate()
                    .filter(|(_, known)| known.as_deref() == Some(name))
                    .find_map(|(index, _)| group(index)),
            };
            out.push_str(value.unwrap_or_default());
        }
        out.push_str(rest);
        Ok(())
    }
}

/// The name at the start of `text`, in braces or as long as it goes, and what follows.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (body, braced) = text.strip_prefix('{').map_or((text, false), |body| (body, true));
    let end = body.find(|c: char| !(c == '_' || is_letter(c) || is_digit(c))).unwrap_or(body.len());
    let (name, rest) = body.split_at_checked(end)?;
    if name.is_empty() {
        return None;
    }
    if braced { Some((name, rest.strip_prefix('}')?)) } else { Some((name, rest)) }
}

/// The number that `name` is; with leading zeros it is a name.
fn number(name: &str) -> Option<usize> {
    let plain =
        name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0'));
    if plain { name.parse().ok() } else { None }
}
