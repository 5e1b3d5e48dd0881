//! The functions of label expressions: their names, parameters and results.

use super::check::{Notes, Typed, list, pattern, regex, string};
use super::{BoolExpr, ListExpr};
use crate::golang::Expr;
use crate::syntax::{SyntaxError, nearest};

pub(super) const FUNCTIONS: [&str; 10] = [
    "set",
    "contains",
    "contains_any",
    "contains_all",
    "regexp.match",
    "regexp.replace",
    "email.local",
    "strings.upper",
    "strings.lower",
    "labels_matching",
];

const ORDINALS: [&str; 3] = ["first", "second", "third"];

/// Checks a call of the function `name`, whose own place is `function`.
pub(super) fn call(
    expr: &Expr,
    function: &Expr,
    name: &str,
    arguments: &[Expr],
    notes: &mut Notes,
) -> Result<Typed, SyntaxError> {
    match (name, arguments) {
        ("set", members) => {
            let mut found = Vec::with_capacity(members.len());
            for (at, member) in members.iter().enumerate() {
                found.push(string(member, notes).map_err(|error| {
                    error.in_context(&format!("parsing argument {} to (set)", at + 1))
                })?);
            }
            Ok(Typed::List(ListExpr::Set(found)))
        }
        ("contains", [items, item]) => {
            let items = nth(0, name, list(items, notes))?;
            let item = nth(1, name, string(item, notes))?;
            Ok(Typed::Bool(BoolExpr::Contains(items, item)))
        }
        ("contains_any" | "contains_all", [items, wanted]) => {
            let items = nth(0, name, list(items, notes))?;
            let wanted = nth(1, name, list(wanted, notes))?;
            Ok(Typed::Bool(if name == "contains_any" {
                BoolExpr::ContainsAny(items, wanted)
            } else {
                BoolExpr::ContainsAll(items, wanted)
            }))
        }
        ("regexp.match", [items, wanted]) => {
            let items = nth(0, name, list(items, notes))?;
            let wanted = nth(1, name, pattern(wanted, notes))?;
            Ok(Typed::Bool(BoolExpr::Match(items, wanted)))
        }
        ("regexp.replace", [items, wanted, replacement]) => {
            let items = nth(0, name, list(items, notes))?;
            let wanted = nth(1, name, regex(wanted, notes))?;
            let replacement = nth(2, name, string(replacement, notes))?;
            Ok(Typed::List(ListExpr::Replace(Box::new(items), wanted, replacement)))
        }
        ("email.local" | "strings.upper" | "strings.lower", [items]) => {
            let items = Box::new(only(name, list(items, notes))?);
            Ok(Typed::List(match name {
                "email.local" => ListExpr::EmailLocal(items),
                "strings.upper" => ListExpr::Upper(items),
                _ => ListExpr::Lower(items),
            }))
        }
        ("labels_matching", [key]) => {
            Ok(Typed::List(ListExpr::LabelsMatching(only(name, pattern(key, notes))?)))
        }
        _ => Err(match arity(name) {
            Some(wanted) => {
                let plural = if wanted == 1 { "" } else { "s" };
                let given = arguments.len();
                expr.error(format!(
                    "function ({name}) accepts {wanted} argument{plural}, given {given}"
                ))
            }
            None => unknown(function, name),
        }),
    }
}

fn arity(name: &str) -> Option<usize> {
    match name {
        "contains" | "contains_any" | "contains_all" | "regexp.match" => Some(2),
        "regexp.replace" => Some(3),
        "email.local" | "strings.upper" | "strings.lower" | "labels_matching" => Some(1),
        _ => None,
    }
}

fn unknown(function: &Expr, name: &str) -> SyntaxError {
    let help = match name {
        "regexp.not_match" => "write !regexp.match(…)".to_owned(),
        "equals" => "write `==`".to_owned(),
        _ => nearest(name, FUNCTIONS).map_or_else(
            || format!("the functions are {}", FUNCTIONS.join(", ")),
            |near| format!("did you mean {near}?"),
        ),
    };
    function.error(format!("unsupported function: {name}")).with_help(help)
}

fn nth<T>(at: usize, name: &str, found: Result<T, SyntaxError>) -> Result<T, SyntaxError> {
    let ordinal = ORDINALS.get(at).copied().unwrap_or("next");
    found.map_err(|error| error.in_context(&format!("parsing {ordinal} argument to ({name})")))
}

fn only<T>(name: &str, found: Result<T, SyntaxError>) -> Result<T, SyntaxError> {
    found.map_err(|error| error.in_context(&format!("parsing argument to ({name})")))
}
