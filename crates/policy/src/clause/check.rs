//! From syntax to tests.

use super::names::{Named, resolve};
use super::{Test, Value};
use crate::golang::{Expr, Node};
use crate::syntax::{SyntaxError, nearest};

const FUNCTIONS: [&str; 11] = [
    "equals",
    "contains",
    "contains_any",
    "contains_all",
    "set",
    "has_prefix",
    "is_subset",
    "all_equal",
    "all_end_with",
    "system.catype",
    "can_view",
];

/// A test or a value: which of the two shows only once an expression has been looked at.
enum Checked {
    Test(Test),
    Value(Value),
}

/// Checks an expression that has to be true or false.
pub(super) fn test(expr: &Expr) -> Result<Test, SyntaxError> {
    match check(expr)? {
        Checked::Test(test) => Ok(test),
        Checked::Value(_) => Err(expr
            .error("expected a predicate, found a value")
            .with_help("compare it: equals(value, \"text\")")),
    }
}

/// Checks one of a rule's actions: `log("level", "format", …)`.
pub(super) fn action(expr: &Expr) -> Result<(), SyntaxError> {
    let Node::Call(function, arguments) = &expr.node else {
        return Err(expr.error("expected a call of log"));
    };
    let name = function.path().unwrap_or_default().join(".");
    if name != "log" {
        return Err(function
            .error(format!("unsupported function: {name}"))
            .with_help("the one action is log(\"level\", \"format\", …)"));
    }
    let [level, format, values @ ..] = arguments.as_slice() else {
        return Err(expr.error(format!(
            "function (log) accepts a level, a format and values, given {}",
            arguments.len()
        )));
    };
    for text in [level, format] {
        if !matches!(text.node, Node::Text(_)) {
            return Err(text.error("expected a constant string"));
        }
    }
    values.iter().try_for_each(|argument| value(argument).map(|_| ()))
}

fn value(expr: &Expr) -> Result<Value, SyntaxError> {
    Ok(match check(expr)? {
        Checked::Value(value) => value,
        Checked::Test(_) => Value::Opaque,
    })
}

fn check(expr: &Expr) -> Result<Checked, SyntaxError> {
    let value = match &expr.node {
        Node::Text(text) => Value::Text(text.as_str().into()),
        Node::Number(_) => Value::Opaque,
        Node::Name(_) | Node::Select(..) => match resolve(expr)? {
            Named::Value(value) => value,
            Named::UserTraits | Named::ResourceLabels | Named::NoLabels => Value::Opaque,
        },
        Node::Index(base, key) => index(base, key)?,
        Node::Call(function, arguments) => return call(expr, function, arguments),
        Node::Not(inner) => return Ok(Checked::Test(Test::Not(Box::new(test(inner)?)))),
        Node::And(parts) => return tests(parts).map(Test::All).map(Checked::Test),
        Node::Or(parts) => return tests(parts).map(Test::Any).map(Checked::Test),
        Node::Compare(comparison, left, right) => {
            return Ok(Checked::Test(Test::Compare(*comparison, value(left)?, value(right)?)));
        }
    };
    Ok(Checked::Value(value))
}

fn tests(parts: &[Expr]) -> Result<Vec<Test>, SyntaxError> {
    parts.iter().map(test).collect()
}

fn index(base: &Expr, key: &Expr) -> Result<Value, SyntaxError> {
    let map = match &base.node {
        Node::Name(_) | Node::Select(..) => resolve(base)?,
        _ => return Err(base.error("only labels and traits have keys")),
    };
    let key_value = Box::new(value(key)?);
    if matches!(*key_value, Value::Opaque | Value::Set(_) | Value::UserRoles | Value::UserTrait(_))
    {
        return Err(key.error("a key is a string"));
    }
    match map {
        Named::UserTraits => Ok(Value::UserTrait(key_value)),
        Named::ResourceLabels => Ok(Value::ResourceLabel(key_value)),
        Named::NoLabels => Ok(Value::Text("".into())),
        Named::Value(Value::Absent) => Ok(Value::Absent),
        Named::Value(_) => Err(base.error("only labels and traits have keys")),
    }
}

fn call(expr: &Expr, function: &Expr, arguments: &[Expr]) -> Result<Checked, SyntaxError> {
    let name = function.path().unwrap_or_default().join(".");
    if !FUNCTIONS.contains(&name.as_str()) {
        let help = nearest(&name, FUNCTIONS).map_or_else(
            || format!("the functions are {}", FUNCTIONS.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        return Err(function.error(format!("unsupported function: {name}")).with_help(help));
    }
    let given = arguments.len();
    let mut values = arguments.iter().map(value).collect::<Result<Vec<_>, _>>()?.into_iter();
    let found = match (name.as_str(), values.next(), values.next(), values.next()) {
        ("set", first, second, third) => Some(Checked::Value(Value::Set(
            first.into_iter().chain(second).chain(third).chain(values).collect(),
        ))),
        ("is_subset", Some(items), second, third) => Some(Checked::Test(Test::IsSubset(
            items,
            second.into_iter().chain(third).chain(values).collect(),
        ))),
        ("system.catype", None, None, None) => Some(Checked::Value(Value::CaType)),
        ("can_view", None, None, None) => Some(Checked::Test(Test::CanView)),
        (name, Some(left), Some(right), None) => binary(name, left, right).map(Checked::Test),
        _ => None,
    };
    found.ok_or_else(|| {
        let wanted = match name.as_str() {
            "system.catype" | "can_view" => "no arguments",
            "is_subset" => "1 argument or more",
            _ => "2 arguments",
        };
        expr.error(format!("function ({name}) accepts {wanted}, given {given}"))
    })
}

fn binary(name: &str, left: Value, right: Value) -> Option<Test> {
    Some(match name {
        "equals" => Test::Compare(crate::golang::Comparison::Equal, left, right),
        "contains" => Test::Contains(left, right),
        "contains_any" => Test::ContainsAny(left, right),
        "contains_all" => Test::ContainsAll(left, right),
        "has_prefix" => Test::HasPrefix(left, right),
        "all_equal" => Test::AllEqual(left, right),
        "all_end_with" => Test::AllEndWith(left, right),
        _ => return None,
    })
}
