//! Label expressions: typed predicates over the labels of an app and the traits of a user.

mod check;
mod eval;
mod functions;

use std::collections::BTreeSet;
use std::sync::Arc;

use resource::{Labels, Traits};
use thiserror::Error;

use crate::budget::{Budget, Overspent};
use crate::golang::Comparison;
use crate::pattern::Pattern;
use crate::regex::{Regex, ReplaceError};
use crate::syntax::SyntaxError;

use check::Notes;

/// A predicate that parsed and has the right types.
///
/// ```
/// use policy::{ExpressionContext, LabelExpression};
/// use resource::{Labels, Traits};
///
/// let expression = LabelExpression::parse(r#"labels["env"] == "dev""#).unwrap();
/// let labels = Labels::from([("env".into(), "dev".into())]);
/// let context = ExpressionContext { labels: &labels, user: "alice", traits: &Traits::new() };
/// assert_eq!(expression.eval(context), Ok(true));
/// ```
#[derive(Debug, Clone)]
pub struct LabelExpression {
    root: BoolExpr,
    /// Constant patterns that do not compile: harmless until they are reached, but refused when written.
    broken: Vec<SyntaxError>,
    program_bytes: usize,
}

/// What an expression is evaluated over.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Labels of the app, under canonical keys.
    pub labels: &'a Labels,
    /// Login name of the user.
    pub user: &'a str,
    /// Traits of the user.
    pub traits: &'a Traits,
}

/// The same, and how much work may be done with it.
#[derive(Debug, Clone, Copy)]
struct Scope<'a> {
    labels: &'a Labels,
    user: &'a str,
    traits: &'a Traits,
    /// Labels without values yet.
    unknown: &'a BTreeSet<String>,
    budget: &'a Budget,
}

/// An expression that cannot be evaluated for this user and app.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct EvalError(pub(crate) String);

#[derive(Debug, Clone)]
enum BoolExpr {
    All(Vec<BoolExpr>),
    Any(Vec<BoolExpr>),
    Not(Box<BoolExpr>),
    Constant(bool),
    Compare(Comparison, StrExpr, StrExpr),
    Contains(ListExpr, StrExpr),
    ContainsAny(ListExpr, ListExpr),
    ContainsAll(ListExpr, ListExpr),
    Match(ListExpr, PatternArg),
}

#[derive(Debug, Clone)]
enum StrExpr {
    Constant(Arc<str>),
    Label(Box<StrExpr>),
    UserName,
}

#[derive(Debug, Clone)]
enum ListExpr {
    Set(Vec<StrExpr>),
    Trait(Box<StrExpr>),
    EmailLocal(Box<ListExpr>),
    Upper(Box<ListExpr>),
    Lower(Box<ListExpr>),
    Replace(Box<ListExpr>, RegexArg, StrExpr),
    LabelsMatching(PatternArg),
}

/// A pattern argument: compiled once where it is constant.
#[derive(Debug, Clone)]
enum PatternArg {
    Constant(Result<Pattern, SyntaxError>),
    Dynamic(StrExpr),
}

/// A regex argument: compiled once where it is constant.
#[derive(Debug, Clone)]
enum RegexArg {
    Constant(Result<Arc<Regex>, SyntaxError>),
    Dynamic(StrExpr),
}

// === impl LabelExpression ===

impl LabelExpression {
    /// Parses and type-checks `text`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its place. A constant pattern that does not compile is not among
    /// them: see [`LabelExpression::broken_patterns`].
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let tree = crate::golang::parse(text)?;
        let mut notes = Notes::default();
        let root = check::boolean(&tree, &mut notes)?;
        Ok(Self { root, broken: notes.broken, program_bytes: notes.program_bytes })
    }

    /// Constant patterns that do not compile: errors only when they are reached.
    #[must_use]
    pub fn broken_patterns(&self) -> &[SyntaxError] {
        &self.broken
    }

    /// Whether the expression holds.
    ///
    /// # Errors
    ///
    /// When a part that is reached cannot be evaluated for this user and app.
    pub fn eval(&self, context: Context<'_>) -> Result<bool, EvalError> {
        self.eval_with(context, &BTreeSet::new())
    }

    /// The same, where some labels have no values yet: what reads one of them cannot be evaluated.
    pub(crate) fn eval_with(
        &self,
        context: Context<'_>,
        unknown: &BTreeSet<String>,
    ) -> Result<bool, EvalError> {
        let Context { labels, user, traits } = context;
        self.root.eval(Scope { labels, user, traits, unknown, budget: &Budget::new() })
    }

    /// Memory that the programs of its patterns take.
    pub(crate) fn program_bytes(&self) -> usize {
        self.program_bytes
    }
}

// === impl EvalError ===

impl From<Overspent> for EvalError {
    fn from(error: Overspent) -> Self {
        Self(format!("the expression {error}"))
    }
}

impl From<ReplaceError> for EvalError {
    fn from(error: ReplaceError) -> Self {
        Self(error.to_string())
    }
}

#[cfg(test)]
mod tests;
