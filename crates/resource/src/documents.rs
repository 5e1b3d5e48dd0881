//! Reads the resources of a file: YAML documents or JSON values, one after another.

use crate::decode::{Problems, Reader, decode_partly, locate, resolve};
use crate::kind::Kind;
use crate::limits::Limits;
use crate::node::{Node, NodeValue, Position, Span, Style};
use crate::report::{Problem, Report};
use crate::resource::{Resource, read_resource};
use crate::source::Source;
use crate::{json, yaml};

/// A resource and where it was written.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The resource. What was written under `status` is not part of it.
    pub resource: Resource,
    source: Source,
    node: Node,
}

/// A mistake that somebody else than this crate found in a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// The field, as in `spec.allow.mcp.tools[2]`.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// From which byte of the field's value on.
    pub offset: usize,
    /// What may help.
    pub help: Option<String>,
}

impl Parsed {
    /// Where a byte of a field's value is written.
    #[must_use]
    pub fn locate(&self, path: &str, offset: usize) -> Option<Position> {
        locate(&self.source, &self.node, path, offset)
    }

    /// What the resource was read from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}

impl FieldProblem {
    /// The mistake with the place where it is written.
    fn placed(self, source: &Source, node: &Node, kind: Kind) -> Problem {
        let end = text_end(resolve(node, &self.path));
        let start = locate(source, node, &self.path, self.offset);
        let mut problem = Problem::new(self.path, self.message);
        if let Some(start) = start {
            problem = problem.at(Span { start, end: end.max(start) });
        }
        problem.help = self.help;
        if kind.holds_secrets() { problem.hide_line() } else { problem }
    }
}

/// Where a value ends, without its closing quote.
fn text_end(node: &Node) -> Position {
    let end = node.span.end;
    match node.as_scalar().map(|scalar| scalar.style) {
        Some(Style::SingleQuoted | Style::DoubleQuoted) => {
            Position { column: end.column.saturating_sub(1), ..end }
        }
        _ => end,
    }
}

/// Reads every resource of a source.
///
/// # Errors
/// When anything in any document is wrong; every mistake is in the report.
pub fn parse_documents(source: &Source) -> Result<Vec<Parsed>, Report> {
    let mut parsed = Vec::new();
    let mut report: Option<Report> = None;
    for document in documents(source) {
        match document {
            Ok(document) => parsed.push(document),
            Err(problems) => match &mut report {
                None => report = Some(problems),
                Some(report) => report.append(problems),
            },
        }
    }
    report.map_or(Ok(parsed), Err)
}

/// Reads the resources of a source one by one, so that a caller can stop at the first mistake.
///
/// A source without any resource yields one error.
#[must_use]
pub fn documents(source: &Source) -> Documents<'_> {
    documents_within(source, Limits::default())
}

/// Like [`documents`], with other limits.
#[must_use]
pub fn documents_within(source: &Source, limits: Limits) -> Documents<'_> {
    match trees(source, limits) {
        Ok(trees) => {
            Documents { source, trees, items: Vec::new(), refused: None, any: false, check: None }
        }
        Err(report) => Documents {
            source,
            trees: Trees::None,
            items: Vec::new(),
            refused: Some(report),
            any: true,
            check: None,
        },
    }
}

/// The resources of a source. See [`documents`].
pub struct Documents<'s> {
    source: &'s Source,
    trees: Trees<'s>,
    /// What is left of a list of resources, last first.
    items: Vec<Node>,
    refused: Option<Report>,
    any: bool,
    check: Option<Check>,
}

/// Finds mistakes that this crate does not know of.
pub type Check = fn(&Resource) -> Vec<FieldProblem>;

impl std::fmt::Debug for Documents<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").field("source", self.source).finish_non_exhaustive()
    }
}

impl Documents<'_> {
    /// Has `check` look at each resource too, and at what could be read of one with mistakes: all
    /// that is wrong with a document is told at once.
    #[must_use]
    pub fn checked_by(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    fn next_node(&mut self) -> Option<Result<Node, Vec<Problem>>> {
        loop {
            if let Some(node) = self.items.pop() {
                return Some(Ok(node));
            }
            let node = match self.trees.next()? {
                Ok(node) => node,
                Err(problems) => return Some(Err(problems)),
            };
            match node.value {
                // Between two separators there may be nothing.
                _ if node.is_null() => {}
                NodeValue::Sequence(mut items) => {
                    items.reverse();
                    self.items = items;
                }
                _ => return Some(Ok(node)),
            }
        }
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Parsed, Report>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(report) = self.refused.take() {
            return Some(Err(report));
        }
        let Some(read) = self.next_node() else {
            if std::mem::replace(&mut self.any, true) {
                return None;
            }
            let problem = Problem::new("", "no resources found, empty input?");
            return Some(Err(Report::new(self.source, vec![problem])));
        };
        self.any = true;
        let parsed = read
            .map_err(|problems| Report::hiding_secrets(self.source, problems))
            .and_then(|node| self.parse(node));
        Some(parsed)
    }
}

impl Documents<'_> {
    fn parse(&self, node: Node) -> Result<Parsed, Report> {
        let (read, mut problems) = read_from_document(&node);
        if let (Some(resource), Some(check)) = (&read, self.check) {
            let found = check(resource).into_iter();
            let kind = resource.kind();
            problems.list.extend(found.map(|one| one.placed(self.source, &node, kind)));
        }
        match read {
            Some(mut resource) if problems.list.is_empty() => {
                resource.clear_status();
                Ok(Parsed { resource, source: self.source.clone(), node })
            }
            _ => Err(problems.into_report(self.source)),
        }
    }
}

/// Reads a resource; the report will not quote documents that may hold secrets.
fn read_from_document(node: &Node) -> (Option<Resource>, Problems) {
    let read = |reader: Reader<'_>| {
        let resource = read_resource(reader)?;
        match &resource {
            Resource::Token(token) if token.is_masked() => reader.refuse_secret_with_help(
                "the token's name is masked",
                "print it with --with-secrets, or choose a name without \"*\"",
            ),
            _ => Some(resource),
        }
    };
    let (resource, mut problems) = decode_partly(node, read);
    let kind = node.get("kind").and_then(Node::as_scalar).map(|scalar| scalar.text.as_str());
    let known = kind.and_then(|kind| Kind::parse(kind).ok());
    if known.is_none_or(Kind::holds_secrets) {
        let hide = |problem: Problem| {
            if problem.path == "kind" && kind.is_some() { problem } else { problem.hide_line() }
        };
        problems.list = problems.list.into_iter().map(hide).collect();
    }
    (resource, problems)
}

/// The trees of a source, before anything is known of what they mean.
pub(crate) enum Trees<'t> {
    Yaml(Box<yaml::Documents<'t>>),
    Json(Box<json::Documents<'t>>),
    None,
}

impl Iterator for Trees<'_> {
    type Item = Result<Node, Vec<Problem>>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Yaml(documents) => documents.next(),
            Self::Json(documents) => documents.next(),
            Self::None => None,
        }
    }
}

/// Begins to read a source in the language that it looks like.
pub(crate) fn trees(source: &Source, limits: Limits) -> Result<Trees<'_>, Report> {
    let text = source.text();
    if text.len() > limits.source_bytes {
        let message = format!("larger than {} bytes", limits.source_bytes);
        return Err(Report::new(source, vec![Problem::new("", message)]));
    }
    Ok(if looks_like_json(text) {
        Trees::Json(Box::new(json::Documents::new(text, limits)))
    } else {
        Trees::Yaml(Box::new(yaml::Documents::new(text, limits)))
    })
}

/// JSON begins with `{"`, `{}` or `[{`; YAML in braces rarely does, and a list of resources in brackets then
/// needs no more of YAML than JSON has.
fn looks_like_json(text: &str) -> bool {
    let mut marks = text.chars().filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'));
    match (marks.next(), marks.next()) {
        (Some('{'), Some('"' | '}')) => true,
        (Some('['), Some('{')) => matches!(marks.next(), Some('"' | '}')),
        (Some('['), Some(']')) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
