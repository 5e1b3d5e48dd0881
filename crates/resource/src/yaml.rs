//! Reads YAML into trees, one document at a time, and writes it.
//!
//! Scalars are typed by the core schema of YAML 1.2. Beyond it, merge keys (`<<`) are understood, because documents in
//! use have them. Keys must be distinct. What aliases stand for counts against the limits of the document.

mod emit;
mod scalar;

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput, Tag};

pub use emit::to_yaml;

use crate::limits::{Budget, Limits};
use crate::node::{Entry, Node, NodeValue, Position, Scalar, Span, Style};
use crate::report::{MAX_PROBLEMS, Problem, quoted};

/// The documents of a YAML text, read as they are asked for.
pub(crate) struct Documents<'t> {
    parser: Parser<'t, StrInput<'t>>,
    limits: Limits,
    ended: bool,
}

impl<'t> Documents<'t> {
    pub(crate) fn new(text: &'t str, limits: Limits) -> Self {
        Self { parser: Parser::new_from_str(text), limits, ended: false }
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Vec<Problem>>;

    /// Ends after text that is not YAML: nothing certain can be said of what follows it.
    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let event = match self.parser.next_event() {
                None => break,
                Some(Err(error)) => {
                    self.ended = true;
                    return Some(Err(vec![scan_problem(&error)]));
                }
                Some(Ok((event, _))) => event,
            };
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    let mut composer = Composer::new(&mut self.parser, self.limits);
                    let composed = composer.document();
                    let mut problems = std::mem::take(&mut composer.problems);
                    return Some(match composed {
                        Ok(node) if problems.is_empty() => Ok(node),
                        Ok(_) => Err(problems),
                        Err(problem) => {
                            self.ended = true;
                            problems.push(problem);
                            Err(problems)
                        }
                    });
                }
                _ => {}
            }
        }
        self.ended = true;
        None
    }
}

/// Builds the tree of one document.
struct Composer<'p, 't> {
    parser: &'p mut Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    budget: Budget,
    /// Mistakes that do not keep the rest of the document from being read.
    problems: Vec<Problem>,
}

impl<'p, 't> Composer<'p, 't> {
    fn new(parser: &'p mut Parser<'t, StrInput<'t>>, limits: Limits) -> Self {
        Self { parser, anchors: HashMap::new(), budget: Budget::new(limits), problems: Vec::new() }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Problem> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span_of(span))),
            Some(Err(error)) => Err(scan_problem(&error)),
            None => Err(Problem::new("", "the document ends too early")),
        }
    }

    fn document(&mut self) -> Result<Node, Problem> {
        let (event, span) = self.next()?;
        let node = self.node(event, span, 1)?;
        // The end of the document; the parser has made sure of it.
        self.next()?;
        Ok(node)
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Problem> {
        let limit = |message: String| Problem::new("", message).at(span);
        self.budget.check_depth(depth).map_err(limit)?;
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.spend(1, text.len()).map_err(limit)?;
                let kind = match scalar::resolve(&text, style, tag.as_deref()) {
                    Ok(kind) => kind,
                    Err(message) => {
                        self.problem(Problem::new("", message).at(span));
                        crate::node::ScalarKind::Text
                    }
                };
                let scalar = Scalar { text: text.into_owned(), style: style_of(style), kind };
                (anchor, Node { span, value: NodeValue::Scalar(scalar) })
            }
            Event::SequenceStart(anchor, tag) => {
                self.budget.spend(1, 0).map_err(limit)?;
                self.check_tag(tag.as_deref(), "seq", span);
                (anchor, self.sequence(span, depth)?)
            }
            Event::MappingStart(anchor, tag) => {
                self.budget.spend(1, 0).map_err(limit)?;
                self.check_tag(tag.as_deref(), "map", span);
                (anchor, self.mapping(span, depth)?)
            }
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            _ => return Err(Problem::new("", "expected a value").at(span)),
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn sequence(&mut self, mut span: Span, depth: usize) -> Result<Node, Problem> {
        let mut items = Vec::new();
        loop {
            let (event, item_span) = self.next()?;
            if event == Event::SequenceEnd {
                span.end = item_span.end;
                return Ok(Node { span, value: NodeValue::Sequence(items) });
            }
            items.push(self.node(event, item_span, depth + 1)?);
        }
    }

    fn mapping(&mut self, mut span: Span, depth: usize) -> Result<Node, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Node> = Vec::new();
        let mut keys = HashMap::new();
        loop {
            let (event, key_span) = self.next()?;
            if event == Event::MappingEnd {
                span.end = key_span.end;
                break;
            }
            let is_merge =
                matches!(&event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<");
            let key = self.node(event, key_span, depth + 1)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            if is_merge {
                merged.push(value);
                continue;
            }
            let NodeValue::Scalar(Scalar { text: key, .. }) = key.value else {
                self.problem(Problem::new("", "a key must be a text").at(key_span));
                continue;
            };
            if let Some(first) = keys.insert(key.clone(), key_span.start.line) {
                let message = format!("duplicate key {}", quoted(&key));
                let help = format!("it is first written on line {first}");
                let problem = Problem::new("", message).at(key_span).help(help);
                self.problem(problem.hide_rest_of_line());
                continue;
            }
            entries.push(Entry { key, key_span, value });
        }
        if !merged.is_empty() {
            let keys = keys.into_keys().collect();
            self.merge(&mut entries, keys, merged);
        }
        Ok(Node { span, value: NodeValue::Mapping(entries) })
    }

    /// Adds what `<<` names, where the mapping itself and earlier merges say nothing.
    fn merge(&mut self, entries: &mut Vec<Entry>, mut keys: HashSet<String>, merged: Vec<Node>) {
        for source in merged {
            let span = source.span;
            let mappings = match source.value {
                NodeValue::Sequence(items) => items,
                value => vec![Node { span, value }],
            };
            for mapping in mappings {
                let NodeValue::Mapping(added) = mapping.value else {
                    let message = "a merge key takes a mapping or a list of mappings";
                    self.problem(Problem::new("", message).at(mapping.span));
                    continue;
                };
                entries.extend(added.into_iter().filter(|entry| keys.insert(entry.key.clone())));
            }
        }
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, Problem> {
        let limit = |message: String| Problem::new("", message).at(span);
        let Some(node) = self.anchors.get(&anchor) else {
            return Err(Problem::new("", "an alias inside the value it stands for").at(span));
        };
        let size = Size::of(node);
        self.budget.check_depth(depth + size.depth - 1).map_err(limit)?;
        self.budget.spend(size.nodes, size.text_bytes).map_err(limit)?;
        Ok(node.clone())
    }

    fn check_tag(&mut self, tag: Option<&Tag>, expected: &str, span: Span) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && tag.suffix == expected)
        {
            self.problem(Problem::new("", scalar::unknown_tag(tag)).at(span));
        }
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// How much a tree holds.
struct Size {
    nodes: usize,
    text_bytes: usize,
    depth: usize,
}

impl Size {
    fn of(node: &Node) -> Self {
        let mut size = Self { nodes: 1, text_bytes: 0, depth: 1 };
        match &node.value {
            NodeValue::Scalar(scalar) => size.text_bytes = scalar.text.len(),
            NodeValue::Sequence(items) => items.iter().for_each(|item| size.add(&Self::of(item))),
            NodeValue::Mapping(entries) => {
                for entry in entries {
                    size.add(&Self::of(&entry.value));
                    size.nodes += 1;
                    size.text_bytes += entry.key.len();
                }
            }
        }
        size
    }

    fn add(&mut self, inner: &Self) {
        self.nodes += inner.nodes;
        self.text_bytes += inner.text_bytes;
        self.depth = self.depth.max(inner.depth + 1);
    }
}

fn scan_problem(error: &ScanError) -> Problem {
    let start = position_of(*error.marker());
    Problem::new("", format!("not valid YAML: {}", error.info())).at(Span { start, end: start })
}

fn span_of(span: saphyr_parser::Span) -> Span {
    Span { start: position_of(span.start), end: position_of(span.end) }
}

/// The parser counts columns from zero.
fn position_of(marker: Marker) -> Position {
    Position { line: marker.line(), column: marker.col() + 1 }
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

#[cfg(test)]
mod tests;
