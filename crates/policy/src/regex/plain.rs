//! Regexes that say no more than globs can: literals, choices between literals, and `.*`.
//!
//! Most regexes in roles are of this kind, and globs are compiled and matched many times faster.

use regex_syntax::hir::{Class, Dot, Hir, HirKind, Look};

use crate::pattern::{Glob, Piece};

/// Globs that one regex may become.
const MOST: usize = 32;

type Pieces = Vec<Piece>;

/// The globs of which one matches exactly what `hir` matches, both ends being anchored; nothing when it
/// takes more than globs.
pub(super) fn globs(hir: &Hir) -> Option<Vec<Glob>> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let [first, inside @ .., last] = parts.as_slice() else { return None };
    let anchored = matches!(first.kind(), HirKind::Look(Look::Start))
        && matches!(last.kind(), HirKind::Look(Look::End));
    if !anchored {
        return None;
    }
    let start = vec![Pieces::new()];
    let all = inside.iter().try_fold(start, |all, part| product(&all, &choices(part)?))?;
    Some(all.iter().map(|pieces| Glob::of(pieces)).collect())
}

/// What `hir` may stand for.
fn choices(hir: &Hir) -> Option<Vec<Pieces>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Pieces::new()]),
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            Some(vec![vec![Piece::Text(text.to_owned())]])
        }
        HirKind::Class(Class::Unicode(class)) => {
            let count: usize = class.iter().map(regex_syntax::hir::ClassUnicodeRange::len).sum();
            let chars = class.iter().flat_map(|range| range.start()..=range.end());
            (count <= MOST).then(|| chars.map(|c| vec![Piece::Text(c.into())]).collect())
        }
        HirKind::Repetition(repetition) => {
            let any = Hir::dot(Dot::AnyCharExceptLF);
            let star = repetition.min == 0 && repetition.max.is_none() && *repetition.sub == any;
            star.then(|| vec![vec![Piece::Star]])
        }
        HirKind::Concat(parts) => {
            let start = vec![Pieces::new()];
            parts.iter().try_fold(start, |all, part| product(&all, &choices(part)?))
        }
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(choices(branch)?);
                if all.len() > MOST {
                    return None;
                }
            }
            Some(all)
        }
        HirKind::Class(Class::Bytes(_)) | HirKind::Look(_) | HirKind::Capture(_) => None,
    }
}

/// Everything of `before` with everything of `after` behind it.
fn product(before: &[Pieces], after: &[Pieces]) -> Option<Vec<Pieces>> {
    if before.len().saturating_mul(after.len()) > MOST {
        return None;
    }
    let joined = before
        .iter()
        .flat_map(|head| after.iter().map(|tail| head.iter().chain(tail).cloned().collect()));
    Some(joined.collect())
}
