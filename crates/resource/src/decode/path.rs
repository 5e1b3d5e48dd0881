//! Field paths: `spec.allow.app_labels.env[0]`, and `metadata.labels["tessera.dev/origin"]` where a key is no
//! plain word.

use crate::label::canonical_label_key;
use crate::node::{Node, NodeValue, Position, Span, Style};
use crate::source::Source;

/// The path of a node inside a tree, and where its key is written when it is a value of a mapping.
pub(super) fn of(root: &Node, wanted: &Node) -> Option<(String, Option<Span>)> {
    if std::ptr::eq(root, wanted) {
        return Some((String::new(), None));
    }
    match &root.value {
        NodeValue::Scalar(_) => None,
        NodeValue::Sequence(items) => items.iter().enumerate().find_map(|(index, item)| {
            let (rest, key) = of(item, wanted)?;
            Some((join(&format!("[{index}]"), &rest), key))
        }),
        NodeValue::Mapping(entries) => entries.iter().find_map(|entry| {
            let (rest, key) = of(&entry.value, wanted)?;
            let key = if rest.is_empty() { Some(entry.key_span) } else { key };
            Some((join(&child("", &entry.key), &rest), key))
        }),
    }
}

/// The path of a key inside the mapping at `parent`.
pub(super) fn child(parent: &str, key: &str) -> String {
    let is_word =
        !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let segment =
        if is_word { key.to_owned() } else { format!("[{}]", crate::report::quoted(key)) };
    join(parent, &segment)
}

fn join(before: &str, after: &str) -> String {
    if before.is_empty() || after.is_empty() || after.starts_with('[') {
        format!("{before}{after}")
    } else {
        format!("{before}.{after}")
    }
}

/// Where a character of a field's value is written. `offset` counts bytes of the value.
///
/// The path may begin at the document, or at its `spec`. When it leads past what is written, the position is that of the
/// innermost value that is there; when the value's spelling cannot be followed, that of its beginning.
#[must_use]
pub fn locate(source: &Source, root: &Node, path: &str, offset: usize) -> Option<Position> {
    let node = resolve(root, path);
    let start = node.span.start;
    if !start.is_known() {
        return None;
    }
    Some(position_in(source, node, offset).unwrap_or(start))
}

/// The innermost node that a path leads to.
pub(crate) fn resolve<'n>(root: &'n Node, path: &str) -> &'n Node {
    let segments = segments(path);
    let (node, depth) = walk(root, &segments);
    let Some(spec) = root.get("spec").filter(|_| depth == 0 && !segments.is_empty()) else {
        return node;
    };
    walk(spec, &segments).0
}

/// Follows segments as far as they lead; also says how far that was.
fn walk<'n>(root: &'n Node, segments: &[Segment]) -> (&'n Node, usize) {
    let mut node = root;
    for (depth, segment) in segments.iter().enumerate() {
        let next = match (segment, &node.value) {
            (Segment::Key(key), NodeValue::Mapping(entries)) => entries
                .iter()
                .find(|entry| entry.key == *key || canonical_label_key(&entry.key) == *key)
                .map(|entry| &entry.value),
            (Segment::Index(index), NodeValue::Sequence(items)) => items.get(*index),
            // A scalar is a list of one wherever a list of text is wanted.
            (Segment::Index(0), NodeValue::Scalar(_)) => Some(node),
            _ => None,
        };
        match next {
            Some(next) => node = next,
            None => return (node, depth),
        }
    }
    (node, segments.len())
}

enum Segment {
    Key(String),
    Index(usize),
}

fn segments(path: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        rest = rest.strip_prefix('.').unwrap_or(rest);
        if let Some(bracket) = rest.strip_prefix("[\"") {
            let (key, after) = bracket.split_once("\"]").unwrap_or((bracket, ""));
            segments.push(Segment::Key(key.replace("\\\"", "\"").replace("\\\\", "\\")));
            rest = after;
        } else if let Some(bracket) = rest.strip_prefix('[') {
            let (index, after) = bracket.split_once(']').unwrap_or((bracket, ""));
            segments.push(match index.parse() {
                Ok(index) => Segment::Index(index),
                Err(_) => Segment::Key(index.to_owned()),
            });
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if !key.is_empty() {
                segments.push(Segment::Key(key.to_owned()));
            }
            rest = after;
        }
    }
    segments
}

/// Follows the spelling of a scalar up to a byte of its value.
fn position_in(source: &Source, node: &Node, offset: usize) -> Option<Position> {
    let scalar = node.as_scalar()?;
    let before = scalar.text.get(..offset)?;
    let start = node.span.start;
    match scalar.style {
        Style::Plain | Style::SingleQuoted | Style::DoubleQuoted => {
            if node.span.end.line != start.line {
                return None;
            }
            let line: Vec<char> = source.line(start.line)?.chars().collect();
            let written = line.get(start.column - 1..)?;
            let column = start.column + columns(written, scalar.style, before)?;
            Some(Position { line: start.line, column })
        }
        Style::Literal => {
            let line_of_value = before.matches('\n').count();
            let in_line = before.rsplit('\n').next().unwrap_or_default().chars().count();
            // The block's text begins on the line after its `|`, wherever the parser places its start.
            let first = scalar.text.split('\n').next().unwrap_or_default();
            let header = (start.line.saturating_sub(1)..=start.line + 1).find(|number| {
                source.line(*number).is_some_and(|line| {
                    !first.is_empty() && line.trim_start() == first.trim_start()
                })
            })?;
            let line = header + line_of_value;
            let value_line = scalar.text.split('\n').nth(line_of_value)?;
            let written = source.line(line)?;
            let indent = written.chars().count().checked_sub(value_line.chars().count())?;
            Some(Position { line, column: indent + in_line + 1 })
        }
        Style::Folded => None,
    }
}

/// How many characters are written before the one that follows `before` in the value.
fn columns(written: &[char], style: Style, before: &str) -> Option<usize> {
    if style == Style::Plain {
        return Some(before.chars().count());
    }
    let mut at = 1;
    for _ in before.chars() {
        at += match (style, written.get(at)?) {
            (Style::SingleQuoted, '\'') => 2,
            (Style::DoubleQuoted, '\\') => match written.get(at + 1)? {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                _ => 2,
            },
            _ => 1,
        };
    }
    Some(at)
}
