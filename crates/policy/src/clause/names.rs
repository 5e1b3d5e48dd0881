//! The names that clauses may use.

use super::Value;
use crate::golang::Expr;
use crate::syntax::{SyntaxError, nearest};

/// What stands for a name.
pub(super) enum Named {
    Value(Value),
    UserTraits,
    ResourceLabels,
    /// A map without entries.
    NoLabels,
}

/// Names about things that a cluster of MCP servers does not have. Anything below them is known and absent.
const ABSENT: [&str; 4] = ["session", "ssh_session", "session_tracker", "host_cert"];

const NAMES: [&str; 11] = [
    "user.metadata.name",
    "user.metadata.labels",
    "user.spec.roles",
    "user.spec.traits",
    "resource.kind",
    "resource.metadata.name",
    "resource.metadata.description",
    "resource.metadata.labels",
    "name",
    "session.participants",
    "host_cert.principals",
];

/// Finds what a dotted name stands for.
pub(super) fn resolve(expr: &Expr) -> Result<Named, SyntaxError> {
    let Some(path) = expr.path() else {
        return Err(expr.error("only a name can stand before `.`"));
    };
    let value = match *path {
        ["user", "metadata", "name"] => Value::UserName,
        ["user", "metadata", "labels"] => return Ok(Named::NoLabels),
        ["user", "metadata", "namespace"] | ["resource", "metadata", "namespace"] => {
            Value::Text("default".into())
        }
        ["user", "metadata", "description"] | ["user" | "resource", "sub_kind"] => {
            Value::Text("".into())
        }
        ["user" | "resource", "metadata", "expires" | "revision" | "id"]
        | ["user" | "resource", "version"] => Value::Opaque,
        ["user", "kind"] => Value::Text("user".into()),
        ["user", "spec", "roles"] => Value::UserRoles,
        ["user", "spec", "traits"] => return Ok(Named::UserTraits),
        ["resource", "kind"] => Value::ResourceKind,
        ["resource", "metadata", "name"] | ["name"] => Value::ResourceName,
        ["resource", "metadata", "description"] => Value::ResourceDescription,
        ["resource", "metadata", "labels"] => return Ok(Named::ResourceLabels),
        [head, _, ..] if ABSENT.contains(&head) => Value::Absent,
        _ => return Err(unknown(expr, &path)),
    };
    Ok(Named::Value(value))
}

fn unknown(expr: &Expr, path: &[&str]) -> SyntaxError {
    let name = path.join(".");
    let help = match path {
        ["user", "spec", "traits", key] => Some(format!("write user.spec.traits[\"{key}\"]")),
        ["resource", "metadata", "labels", key] => {
            Some(format!("write resource.metadata.labels[\"{key}\"]"))
        }
        _ => nearest(&name, NAMES).map(|near| format!("did you mean {near}?")),
    };
    expr.error(format!("unknown identifier: {name:?}")).with_optional_help(help)
}
