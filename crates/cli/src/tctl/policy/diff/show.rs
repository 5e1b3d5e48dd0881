//! The difference that an edit makes, for people and for programs.

use serde_json::{Value, json};

use super::compare::{Change, Difference, Direction, Edited, What};
use crate::table::Table;

/// How many users of a change are named to people.
const MAX_NAMED: usize = 5;

/// For people, without a line break at its end.
pub(super) fn text(difference: &Difference, edited: &Edited<'_>) -> String {
    let mut lines: Vec<String> = edited
        .names
        .iter()
        .map(|name| match (edited.before.get(name), edited.after.get(name)) {
            (None, _) => format!("role {name:?} is new"),
            (before, after) if before.map(|role| &role.spec) == after.map(|role| &role.spec) => {
                format!("role {name:?} stays as it is")
            }
            _ => format!("role {name:?} changes"),
        })
        .collect();
    lines.push(match difference.holders {
        0 => "No user holds a role of these, so nobody gains or loses anything.".to_owned(),
        1 => "1 user holds a role of these.".to_owned(),
        holders => format!("{holders} users hold a role of these."),
    });
    if difference.holders > 0 && difference.changes.is_empty() {
        lines.push("Nobody gains or loses anything.".to_owned());
    }
    for (direction, title) in
        [(Direction::Gains, "Gains"), (Direction::Loses, "Loses"), (Direction::Limits, "Sessions")]
    {
        let mut table = Table::new(&["Users", "App", "What"]);
        let mut any = false;
        for (change, users) in
            difference.changes.iter().filter(|(change, _)| change.direction == direction)
        {
            any = true;
            let app = change.app.clone().unwrap_or_else(|| "-".to_owned());
            table.row(vec![named(users), app, what(&change.what)]);
        }
        if any {
            lines.push(format!("\n{title}\n\n{}", table.render(None)));
        }
    }
    lines.join("\n")
}

fn named(users: &[String]) -> String {
    let shown = users.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match users.len().saturating_sub(MAX_NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn what(what: &What) -> String {
    match what {
        What::Connect => "connect".to_owned(),
        What::Named { noun, name, .. } => format!("{noun} {name}"),
        What::Pattern { field, pattern, except } => {
            let which = match pattern.as_str() {
                "*" => format!("all {field}"),
                _ => format!("{field} that fit {pattern}"),
            };
            match &except[..] {
                [] => which,
                except => format!("{which}, except: {}", except.join(", ")),
            }
        }
        What::Verb { kind, verb } => format!("{verb} {kind}"),
        What::Limit(line) => line.clone(),
    }
}

/// For programs.
pub(super) fn to_json(difference: &Difference, edited: &Edited<'_>) -> Value {
    let of = |wanted: Direction| -> Vec<Value> {
        difference
            .changes
            .iter()
            .filter(|(change, _)| change.direction == wanted)
            .map(|(change, users)| value(change, users))
            .collect()
    };
    json!({
        "roles": edited.names,
        "holders": difference.holders,
        "gains": of(Direction::Gains),
        "loses": of(Direction::Loses),
        "sessions": of(Direction::Limits),
    })
}

fn value(change: &Change, users: &[String]) -> Value {
    let mut value = match &change.what {
        What::Connect => json!({ "connect": true }),
        What::Named { noun, name, .. } => json!({ *noun: name }),
        What::Pattern { field, pattern, except } if except.is_empty() => {
            json!({ *field: pattern })
        }
        What::Pattern { field, pattern, except } => json!({ *field: pattern, "except": except }),
        What::Verb { kind, verb } => json!({ "kind": kind, "verb": verb }),
        What::Limit(line) => json!({ "limit": line }),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("users".to_owned(), json!(users));
        if let Some(app) = &change.app {
            object.insert("app".to_owned(), json!(app));
        }
    }
    value
}
