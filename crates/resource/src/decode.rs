//! Reads typed values out of trees and collects every mistake on the way.
//!
//! A [`Reader`] stands at one node. Whatever is asked of it, it answers with a value, or with [`None`] after it has
//! noted what is wrong; so a whole document is read, and everything wrong with it told, in one pass. The path of
//! a field is found when a mistake needs it, by searching the tree for the node: correct documents pay nothing.

mod path;
mod table;
mod values;

use std::cell::{Cell, RefCell};

pub use path::locate;
pub(crate) use path::resolve;
pub use table::Table;

use crate::node::{Node, NodeValue, ScalarKind, Span};
use crate::report::{MAX_PROBLEMS, Problem, Report, quoted};
use crate::source::Source;

/// A type that can be read from a node.
pub trait FromNode: Sized {
    /// Reads the value, or notes what is wrong.
    fn from_node(reader: Reader<'_>) -> Option<Self>;
}

/// Reads a configuration file: one YAML document, every mistake reported at once.
///
/// # Errors
/// When the text is not one document that `T` can be read from.
pub fn decode_config<T: FromNode>(source: &Source) -> Result<T, Report> {
    let mut documents = crate::documents::trees(source, crate::limits::Limits::default())?;
    let node = match documents.next() {
        None => return Err(Report::new(source, vec![Problem::new("", "the file is empty")])),
        Some(read) => read.map_err(|problems| Report::hiding_secrets(source, problems))?,
    };
    if let Some(second) = documents.next() {
        let problem = Problem::new("", "the file holds more than one document");
        let span = second.map(|node| node.span).unwrap_or_default();
        return Err(Report::new(source, vec![problem.at(span)]));
    }
    decode(&node, T::from_node).map_err(|problems| problems.into_report(source))
}

/// Reads a value from a tree.
///
/// # Errors
/// With every mistake found.
pub fn decode<T>(node: &Node, read: impl FnOnce(Reader<'_>) -> Option<T>) -> Result<T, Problems> {
    match decode_partly(node, read) {
        (Some(value), problems) if problems.list.is_empty() => Ok(value),
        (_, problems) => Err(problems),
    }
}

/// Reads a value from a tree, and gives what could be read of it beside every mistake found.
pub(crate) fn decode_partly<T>(
    node: &Node,
    read: impl FnOnce(Reader<'_>) -> Option<T>,
) -> (Option<T>, Problems) {
    let sink = Sink { root: node, problems: RefCell::default(), more: Cell::new(0) };
    let value = read(Reader { node, sink: &sink });
    let mut problems = Problems { list: sink.problems.into_inner(), more: sink.more.get() };
    if value.is_none() && problems.list.is_empty() {
        // A reader that gives up without a word is a defect; the document is refused all the same.
        problems.list.push(Problem::new("", "not understood").at(node.span));
    }
    (value, problems)
}

/// Every mistake found in a tree, at most [`MAX_PROBLEMS`] of them in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems {
    /// In the order found.
    pub list: Vec<Problem>,
    /// How many more there are.
    pub more: usize,
}

impl Problems {
    /// Quotes the source at each of them.
    #[must_use]
    pub fn into_report(self, source: &Source) -> Report {
        Report::new(source, self.list).with_more(self.more)
    }
}

struct Sink<'n> {
    root: &'n Node,
    problems: RefCell<Vec<Problem>>,
    more: Cell<usize>,
}

/// Stands at one node of a tree that is being read.
#[derive(Clone, Copy)]
pub struct Reader<'n> {
    node: &'n Node,
    sink: &'n Sink<'n>,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({:?})", self.node)
    }
}

impl<'n> Reader<'n> {
    /// The node itself.
    #[must_use]
    pub fn node(self) -> &'n Node {
        self.node
    }

    /// Reads a typed value.
    pub fn read<T: FromNode>(self) -> Option<T> {
        T::from_node(self)
    }

    /// Reads a mapping with known keys. Keys that the closure does not ask for are mistakes.
    pub fn table<T>(self, read: impl FnOnce(&mut Table<'n>) -> Option<T>) -> Option<T> {
        let NodeValue::Mapping(entries) = &self.node.value else {
            return self.expected("a mapping");
        };
        let mut table = Table::new(self, entries);
        let value = read(&mut table);
        table.refuse_unknown();
        value
    }

    /// The items of a list.
    pub fn items(self) -> Option<impl Iterator<Item = Reader<'n>>> {
        match &self.node.value {
            NodeValue::Sequence(items) => Some(items.iter().map(move |node| self.inside(node))),
            NodeValue::Scalar(_) | NodeValue::Mapping(_) => self.expected("a list"),
        }
    }

    /// The keys and values of a mapping whose keys are free.
    pub fn entries(self) -> Option<impl Iterator<Item = (&'n str, Reader<'n>)>> {
        match &self.node.value {
            NodeValue::Mapping(entries) => Some(
                entries.iter().map(move |entry| (entry.key.as_str(), self.inside(&entry.value))),
            ),
            NodeValue::Scalar(_) | NodeValue::Sequence(_) => self.expected("a mapping"),
        }
    }

    /// Text. Unquoted numbers and truth values are text too, in their own spelling.
    pub fn text(self) -> Option<&'n str> {
        match self.node.as_scalar() {
            Some(scalar) if scalar.kind != ScalarKind::Null => Some(&scalar.text),
            _ => self.expected("text"),
        }
    }

    /// Text that must be one of a few words.
    pub fn choice<T: Copy>(self, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return Some(*value);
        }
        let names = choices.iter().map(|(name, _)| *name).filter(|name| !name.is_empty());
        let help = match crate::suggest::nearest(text, names.clone()) {
            Some(name) => format!("did you mean {name:?}?"),
            None => format!("expected one of {}", names.collect::<Vec<_>>().join(", ")),
        };
        self.refuse_with_help(format!("unknown {what} {}", quoted(text)), help)
    }

    /// Notes that something else was expected here.
    pub fn expected<T>(self, what: &str) -> Option<T> {
        let help = match &self.node.value {
            NodeValue::Scalar(scalar) if what.starts_with("a list") && !scalar.text.is_empty() => {
                Some("put each value on a line of its own, after a dash")
            }
            _ => None,
        };
        let problem = self.problem(format!("expected {what}, found {}", describe(self.node)));
        self.note(match help {
            Some(help) => problem.help(help),
            None => problem,
        })
    }

    /// Notes a mistake in this value.
    pub fn refuse<T>(self, message: impl Into<String>) -> Option<T> {
        self.note(self.problem(message))
    }

    /// Notes a mistake in this value and what may help.
    pub fn refuse_with_help<T>(
        self,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.note(self.problem(message).help(help))
    }

    /// Notes a mistake without showing the line it is on: the value is secret.
    pub fn refuse_secret<T>(self, message: impl Into<String>) -> Option<T> {
        self.note(self.problem(message).hide_line())
    }

    /// Like [`Self::refuse_secret`], and says what may help.
    pub fn refuse_secret_with_help<T>(
        self,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Option<T> {
        self.note(self.problem(message).help(help).hide_line())
    }

    /// A mistake in this value, not yet noted.
    fn problem(self, message: impl Into<String>) -> Problem {
        let (path, key) = self.place();
        // A mapping or list begins at its first key or dash, which is not where a reader looks.
        let span = match (&self.node.value, key) {
            (NodeValue::Scalar(_), _) | (_, None) => self.node.span,
            (_, Some(key)) => key,
        };
        Problem::new(path, message).at(span)
    }

    fn place(self) -> (String, Option<Span>) {
        // Nothing is searched for once nothing more will be noted.
        if self.is_full() {
            return (String::new(), None);
        }
        path::of(self.sink.root, self.node).unwrap_or_default()
    }

    fn is_full(self) -> bool {
        self.sink.problems.borrow().len() >= MAX_PROBLEMS
    }

    fn note<T>(self, problem: Problem) -> Option<T> {
        if self.is_full() {
            self.sink.more.set(self.sink.more.get().saturating_add(1));
        } else {
            self.sink.problems.borrow_mut().push(problem);
        }
        None
    }

    pub(crate) fn inside(self, node: &'n Node) -> Self {
        Self { node, sink: self.sink }
    }
}

/// A node as it is named in messages.
fn describe(node: &Node) -> String {
    match &node.value {
        NodeValue::Mapping(_) => "a mapping".to_owned(),
        NodeValue::Sequence(_) => "a list".to_owned(),
        NodeValue::Scalar(scalar) => match scalar.kind {
            ScalarKind::Null => "nothing".to_owned(),
            ScalarKind::Bool(_) => scalar.text.clone(),
            ScalarKind::Integer | ScalarKind::Float => format!("the number {}", scalar.text),
            ScalarKind::Text => quoted(&scalar.text),
        },
    }
}

#[cfg(test)]
mod tests;
