//! Go expression syntax, in which templates, label expressions and rule clauses are written.
//!
//! The syntax alone: a tree of names, literals, calls, indexes and logical operators. What names and
//! functions exist, and of which types, is the business of those who use the tree.

mod lexer;
mod parser;
mod string;
mod token;

use std::ops::Range;

use crate::syntax::SyntaxError;

pub(crate) use parser::parse;

/// One expression and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) node: Node,
    pub(crate) span: Range<usize>,
    depth: usize,
}

/// What an expression can be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Name(String),
    Text(String),
    Number(i64),
    /// `a.b`
    Select(Box<Expr>, String),
    /// `a[b]`
    Index(Box<Expr>, Box<Expr>),
    /// `a(b, c)`
    Call(Box<Expr>, Vec<Expr>),
    Not(Box<Expr>),
    /// Two or more, in order.
    And(Vec<Expr>),
    /// Two or more, in order.
    Or(Vec<Expr>),
    Compare(Comparison, Box<Expr>, Box<Expr>),
}

/// `==` or `!=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
}

// === impl Expr ===

impl Expr {
    /// The dotted name that this expression is, if it is one.
    pub(crate) fn path(&self) -> Option<Vec<&str>> {
        match &self.node {
            Node::Name(name) => Some(vec![name]),
            Node::Select(base, name) => {
                let mut path = base.path()?;
                path.push(name);
                Some(path)
            }
            _ => None,
        }
    }

    /// An error about this expression.
    pub(crate) fn error(&self, message: impl Into<String>) -> SyntaxError {
        SyntaxError::new(message, self.span.start, self.span.len())
    }
}

// === impl Comparison ===

impl Comparison {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

#[cfg(test)]
mod tests;
