//! Repetition: `*`, `+`, `?` and counts in braces.

use regex_syntax::hir::{Hir, Repetition};

use super::parse::{Item, Node, Parser};
use crate::limits::MAX_REGEX_REPEAT;
use crate::syntax::SyntaxError;

/// How often something is repeated.
#[derive(Clone, Copy)]
pub(super) struct Count {
    pub(super) min: u32,
    pub(super) max: Option<u32>,
    /// Written in braces.
    pub(super) counted: bool,
}

// === impl Parser ===

impl Parser<'_> {
    /// Repeats what stands last.
    pub(super) fn repeat(
        &mut self,
        count: Count,
        from: usize,
        stacked: Option<usize>,
    ) -> Result<(), SyntaxError> {
        let mut greedy = !self.flags.swap_greed;
        if self.eat("?") {
            greedy = !greedy;
        }
        if let Some(first) = stacked {
            return Err(self.error("invalid nested repetition operator", first));
        }
        let Some(Item::Node(_)) = self.stack.last() else {
            return Err(self.error("missing argument to repetition operator", from));
        };
        let Some(Item::Node(node)) = self.stack.pop() else { return Ok(()) };
        let repeats = match count {
            Count { counted: false, .. } => node.repeats,
            Count { max: Some(0), .. } => 1,
            Count { min, max, .. } => node.repeats.saturating_mul(max.unwrap_or(min).max(1)),
        };
        if count.counted && count.max.unwrap_or(count.min) >= 2 && repeats > MAX_REGEX_REPEAT {
            return Err(self.error("invalid repeat count", from));
        }
        let depth = self.deeper(node.depth, from)?;
        let hir = Hir::repetition(Repetition {
            min: count.min,
            max: count.max,
            greedy,
            sub: Box::new(node.hir),
        });
        self.stack.push(Item::Node(Node { hir, repeats, depth }));
        Ok(())
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else beginning with a brace is literal text.
    pub(super) fn count(&mut self) -> Result<Option<Count>, SyntaxError> {
        let from = self.at;
        let Some(end) = self.rest().find('}') else { return Ok(None) };
        let inside = self.rest().get(1..end).unwrap_or_default();
        let (min, max) = match inside.split_once(',') {
            None => (inside, inside),
            Some(bounds) => bounds,
        };
        let Some(min) = number(min) else { return Ok(None) };
        let open_ended = max.is_empty();
        let max = if open_ended { None } else { number(max) };
        if max.is_none() && !open_ended {
            return Ok(None);
        }
        self.at += end + 1;
        if min > MAX_REGEX_REPEAT || max.is_some_and(|max| max > MAX_REGEX_REPEAT || max < min) {
            return Err(self.error("invalid repeat count", from));
        }
        Ok(Some(Count { min, max, counted: true }))
    }
}

/// A decimal number without leading zeros; one that is far too large is as large as can be.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    (digits && !leading_zero).then(|| text.parse().unwrap_or(u32::MAX))
}
