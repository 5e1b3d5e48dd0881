//! Clauses of rules: the `where` predicate over users and resources, and the `actions` beside it.
//!
//! Unlike label expressions this language is untyped: a function given what it cannot use is false, not an
//! error. Only unknown names, wrong numbers of arguments and results that are no truth value are errors.

mod check;
mod eval;
mod names;

use resource::{Labels, Traits};

use crate::golang::Comparison;
use crate::syntax::SyntaxError;

/// A `where` clause that parsed.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    root: Test,
}

/// What a clause is evaluated over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) user: &'a str,
    pub(crate) roles: &'a [String],
    pub(crate) traits: &'a Traits,
    pub(crate) resource: Option<ResourceRef<'a>>,
}

/// The resource that a rule is asked about.
#[derive(Debug, Clone, Copy)]
pub struct ResourceRef<'a> {
    /// Its kind, such as `app`.
    pub kind: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its description.
    pub description: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// For a certificate authority its type, such as `host`; otherwise empty.
    pub ca_type: &'a str,
}

/// Something that is true or false.
#[derive(Debug, Clone)]
enum Test {
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare(Comparison, Value, Value),
    Contains(Value, Value),
    ContainsAny(Value, Value),
    ContainsAll(Value, Value),
    HasPrefix(Value, Value),
    IsSubset(Value, Vec<Value>),
    AllEqual(Value, Value),
    AllEndWith(Value, Value),
    /// Concerns recorded sessions, of which there are none.
    CanView,
}

/// Something that tests look at.
#[derive(Debug, Clone)]
enum Value {
    Text(Box<str>),
    Set(Vec<Value>),
    UserName,
    UserRoles,
    UserTrait(Box<Value>),
    ResourceKind,
    ResourceName,
    ResourceDescription,
    ResourceLabel(Box<Value>),
    CaType,
    /// A known name that has no value here, such as `session.user`.
    Absent,
    /// Something with a value that no test can use: numbers, maps, tests.
    Opaque,
}

// === impl Clause ===

impl Clause {
    /// Parses `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, SyntaxError> {
        let tree = crate::golang::parse(text)?;
        Ok(Self { root: check::test(&tree)? })
    }

    /// Whether the clause holds.
    pub(crate) fn eval(&self, context: Context<'_>) -> bool {
        self.root.eval(context)
    }
}

// === impl ResourceRef ===

impl<'a> ResourceRef<'a> {
    /// The resource of this kind and name, with these labels.
    #[must_use]
    pub fn new(kind: &'a str, name: &'a str, labels: &'a Labels) -> Self {
        Self { kind, name, description: "", labels, ca_type: "" }
    }
}

/// Checks one of a rule's `actions`.
pub(crate) fn check_action(text: &str) -> Result<(), SyntaxError> {
    check::action(&crate::golang::parse(text)?)
}

#[cfg(test)]
mod tests;
