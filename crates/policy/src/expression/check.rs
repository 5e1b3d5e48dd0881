//! From syntax to typed expressions.

use std::sync::Arc;

use super::functions::{self, FUNCTIONS};
use super::{BoolExpr, ListExpr, PatternArg, RegexArg, StrExpr};
use crate::golang::{Comparison, Expr, Node};
use crate::limits::MAX_EXPRESSION_PROGRAMS_BYTES;
use crate::pattern::Pattern;
use crate::regex::Regex;
use crate::syntax::{SyntaxError, nearest};

/// What comes to light beside the types.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// Constant patterns that do not compile.
    pub(super) broken: Vec<SyntaxError>,
    /// Memory of the programs of all patterns so far.
    pub(super) program_bytes: usize,
}

/// An expression with its type.
pub(super) enum Typed {
    Bool(BoolExpr),
    Str(StrExpr),
    List(ListExpr),
    Int(i64),
    Labels,
    Traits,
}

const NAMES: [&str; 3] = ["labels", "user.metadata.name", "user.spec.traits"];

// === impl Typed ===

impl Typed {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::Str(_) => "string",
            Self::List(_) => "[]string",
            Self::Int(_) => "int",
            Self::Labels => "map[string]string",
            Self::Traits => "map[string][]string",
        }
    }

    fn unexpected(&self, expected: &str, at: &Expr) -> SyntaxError {
        at.error(format!(
            "expected type {expected}, found an expression of type {}",
            self.type_name()
        ))
    }
}

// === impl Notes ===

impl Notes {
    /// Compiles the pattern that stands at `at`, unless those before it take all the memory there is.
    fn compile<T>(
        &mut self,
        text: &str,
        at: &Expr,
        compile: fn(&str) -> Result<T, SyntaxError>,
        program_bytes: fn(&T) -> usize,
    ) -> Result<T, SyntaxError> {
        let compiled = if self.program_bytes > MAX_EXPRESSION_PROGRAMS_BYTES {
            let message = format!(
                "those before it compile to more than {MAX_EXPRESSION_PROGRAMS_BYTES} bytes"
            );
            Err(SyntaxError::new(message, 0, 0))
        } else {
            compile(text)
        };
        match &compiled {
            Ok(compiled) => {
                self.program_bytes = self.program_bytes.saturating_add(program_bytes(compiled));
            }
            Err(error) => {
                let message = format!("the pattern {text:?} does not compile: {error}");
                self.broken
                    .push(at.error(message).with_optional_help(error.help().map(str::to_owned)));
            }
        }
        compiled
    }
}

pub(super) fn boolean(expr: &Expr, notes: &mut Notes) -> Result<BoolExpr, SyntaxError> {
    match infer(expr, notes)? {
        Typed::Bool(found) => Ok(found),
        other => Err(other.unexpected("bool", expr)),
    }
}

pub(super) fn string(expr: &Expr, notes: &mut Notes) -> Result<StrExpr, SyntaxError> {
    match infer(expr, notes)? {
        Typed::Str(found) => Ok(found),
        other => Err(other.unexpected("string", expr)),
    }
}

/// A list, or one string taken as a list of one.
pub(super) fn list(expr: &Expr, notes: &mut Notes) -> Result<ListExpr, SyntaxError> {
    match infer(expr, notes)? {
        Typed::List(found) => Ok(found),
        Typed::Str(found) => Ok(ListExpr::Set(vec![found])),
        other => Err(other.unexpected("[]string", expr)),
    }
}

pub(super) fn pattern(expr: &Expr, notes: &mut Notes) -> Result<PatternArg, SyntaxError> {
    match string(expr, notes)? {
        StrExpr::Constant(text) => {
            let compiled = notes.compile(&text, expr, Pattern::compile, Pattern::program_bytes);
            Ok(PatternArg::Constant(compiled))
        }
        dynamic => Ok(PatternArg::Dynamic(dynamic)),
    }
}

pub(super) fn regex(expr: &Expr, notes: &mut Notes) -> Result<RegexArg, SyntaxError> {
    match string(expr, notes)? {
        StrExpr::Constant(text) => {
            let compile = Regex::compile_with_groups;
            let compiled = notes.compile(&text, expr, compile, Regex::program_bytes);
            Ok(RegexArg::Constant(compiled.map(Arc::new)))
        }
        dynamic => Ok(RegexArg::Dynamic(dynamic)),
    }
}

fn infer(expr: &Expr, notes: &mut Notes) -> Result<Typed, SyntaxError> {
    match &expr.node {
        Node::Text(text) => Ok(Typed::Str(StrExpr::Constant(text.as_str().into()))),
        Node::Number(number) => Ok(Typed::Int(*number)),
        Node::Name(_) | Node::Select(..) => variable(expr),
        Node::Index(base, key) => index(base, key, notes),
        Node::Call(function, arguments) => {
            let name = function.path().unwrap_or_default().join(".");
            functions::call(expr, function, &name, arguments, notes)
        }
        Node::Not(inner) => {
            let inner = boolean(inner, notes)
                .map_err(|error| error.in_context("parsing the operand of the (!) operator"))?;
            Ok(Typed::Bool(BoolExpr::Not(Box::new(inner))))
        }
        Node::And(parts) => Ok(Typed::Bool(BoolExpr::All(operands("&&", parts, notes)?))),
        Node::Or(parts) => Ok(Typed::Bool(BoolExpr::Any(operands("||", parts, notes)?))),
        Node::Compare(comparison, left, right) => compare(*comparison, left, right, notes),
    }
}

fn operands(
    operator: &str,
    parts: &[Expr],
    notes: &mut Notes,
) -> Result<Vec<BoolExpr>, SyntaxError> {
    let mut side = "lhs";
    let mut found = Vec::with_capacity(parts.len());
    for part in parts {
        found.push(boolean(part, notes).map_err(|error| {
            error.in_context(&format!("parsing {side} of ({operator}) operator"))
        })?);
        side = "rhs";
    }
    Ok(found)
}

fn compare(
    comparison: Comparison,
    left: &Expr,
    right: &Expr,
    notes: &mut Notes,
) -> Result<Typed, SyntaxError> {
    let symbol = comparison.symbol();
    let rhs = |error: SyntaxError| error.in_context(&format!("parsing rhs of ({symbol}) operator"));
    match infer(left, notes)? {
        Typed::Str(left) => {
            let right = string(right, notes).map_err(rhs)?;
            Ok(Typed::Bool(BoolExpr::Compare(comparison, left, right)))
        }
        Typed::Int(left) => match infer(right, notes)? {
            Typed::Int(right) => {
                let equal = left == right;
                Ok(Typed::Bool(BoolExpr::Constant(equal == (comparison == Comparison::Equal))))
            }
            other => Err(rhs(other.unexpected("int", right))),
        },
        other => {
            let name = other.type_name();
            let error = left.error(format!("operator ({symbol}) not supported for type: {name}"));
            Err(match other {
                Typed::List(_) => {
                    error.with_help("a list is searched with contains(list, \"value\")")
                }
                _ => error,
            })
        }
    }
}

fn variable(expr: &Expr) -> Result<Typed, SyntaxError> {
    let Some(path) = expr.path() else {
        return Err(expr.error("only a name can stand before `.`"));
    };
    let constant = |key: &str| Box::new(StrExpr::Constant(key.into()));
    match *path {
        ["labels"] => Ok(Typed::Labels),
        ["labels", key] => Ok(Typed::Str(StrExpr::Label(constant(key)))),
        ["user", "metadata", "name"] => Ok(Typed::Str(StrExpr::UserName)),
        ["user", "spec", "traits"] => Ok(Typed::Traits),
        ["user", "spec", "traits", key] => Ok(Typed::List(ListExpr::Trait(constant(key)))),
        _ => {
            let name = path.join(".");
            let help = if FUNCTIONS.contains(&name.as_str()) {
                format!("{name} is a function: {name}(…)")
            } else if let Some(near) = nearest(&name, NAMES) {
                format!("did you mean {near}?")
            } else {
                "the names are labels[\"key\"], user.metadata.name and user.spec.traits[\"name\"]"
                    .to_owned()
            };
            Err(expr.error(format!("unknown identifier: {name:?}")).with_help(help))
        }
    }
}

fn index(base: &Expr, key: &Expr, notes: &mut Notes) -> Result<Typed, SyntaxError> {
    let map = infer(base, notes)?;
    let key = |notes| {
        string(key, notes)
            .map(Box::new)
            .map_err(|error| error.in_context("parsing the key in brackets"))
    };
    match map {
        Typed::Labels => Ok(Typed::Str(StrExpr::Label(key(notes)?))),
        Typed::Traits => Ok(Typed::List(ListExpr::Trait(key(notes)?))),
        other => Err(base.error(format!("cannot take a key of type {}", other.type_name()))),
    }
}
