//! The rules of a token: what the claims of a workload must be.

use std::fmt;

use serde_json::Value;

use crate::connector::filled;
use crate::decode::{Reader, Table};
use crate::object::Object;

/// The most rules of one token.
pub const MAX_RULES: usize = 100;
/// The longest value of a field, in bytes.
const MAX_VALUE: usize = 1024;

/// What one claim must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinClaim {
    /// The field of the rule.
    pub field: &'static str,
    /// The claim of the workload's token.
    pub claim: &'static str,
    /// What it must be.
    pub want: Want,
}

/// What a claim must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Want {
    /// This, to the letter.
    Text(String),
    /// What fits: `*` stands for any characters, `?` for any one.
    Glob(String),
    /// True or false; GitLab writes them as text.
    Flag(bool),
    /// The service account `namespace:name`, as the subject of a pod's token.
    ServiceAccount(String),
}

/// Claims that must all be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinRule {
    /// At least one of them tells one owner of workloads from another.
    pub claims: Vec<JoinClaim>,
}

/// How a field is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Text,
    Glob,
    Flag,
    ServiceAccount,
}

/// A field that rules may have.
pub(super) struct Field {
    name: &'static str,
    claim: &'static str,
    shape: Shape,
    /// Whether it tells one owner of workloads from another: what everybody may choose does not.
    identifies: bool,
}

const fn field(name: &'static str, shape: Shape, identifies: bool) -> Field {
    Field { name, claim: name, shape, identifies }
}

/// GitHub Actions: what its tokens say, by the names that it documents.
pub(super) const GITHUB: &[Field] = &[
    field("repository", Shape::Text, true),
    field("repository_owner", Shape::Text, true),
    field("sub", Shape::Text, true),
    field("workflow", Shape::Text, false),
    field("environment", Shape::Text, false),
    field("actor", Shape::Text, false),
    field("ref", Shape::Text, false),
    field("ref_type", Shape::Text, false),
];

/// GitLab CI.
pub(super) const GITLAB: &[Field] = &[
    field("project_path", Shape::Glob, true),
    field("namespace_path", Shape::Glob, true),
    field("sub", Shape::Glob, true),
    field("ci_config_ref_uri", Shape::Glob, true),
    field("ref", Shape::Glob, false),
    field("ref_type", Shape::Text, false),
    field("pipeline_source", Shape::Text, false),
    field("environment", Shape::Text, false),
    field("user_login", Shape::Text, false),
    field("user_id", Shape::Text, false),
    field("user_email", Shape::Text, false),
    field("ref_protected", Shape::Flag, false),
    field("environment_protected", Shape::Flag, false),
    field("ci_config_sha", Shape::Text, false),
    field("deployment_tier", Shape::Text, false),
    field("project_visibility", Shape::Text, false),
];

/// Pods of Kubernetes.
pub(super) const KUBERNETES: &[Field] = &[Field {
    name: "service_account",
    claim: "sub",
    shape: Shape::ServiceAccount,
    identifies: true,
}];

/// Reads `allow`. Without a rule nobody could join, and whoever wrote that meant something else.
pub(super) fn rules(table: &mut Table<'_>, fields: &'static [Field]) -> Option<Vec<JoinRule>> {
    let list = table.required("allow")?;
    let read: Vec<Option<JoinRule>> =
        list.items()?.map(|item| item.table(|table| rule(table, fields))).collect();
    if read.is_empty() {
        return list.refuse_with_help(
            "is empty: nobody could join",
            "say of each workload that may join what tells it from others",
        );
    }
    if read.len() > MAX_RULES {
        return list.refuse(format!("has {} rules, and {MAX_RULES} are allowed", read.len()));
    }
    read.into_iter().collect()
}

fn rule(table: &mut Table<'_>, fields: &'static [Field]) -> Option<JoinRule> {
    // Every field is read, so that all mistakes are told.
    let read: Vec<Option<JoinClaim>> = fields
        .iter()
        .filter_map(|field| {
            let reader = table.field(field.name)?;
            let want = want(reader, field.shape);
            Some(want.map(|want| JoinClaim { field: field.name, claim: field.claim, want }))
        })
        .collect();
    let claims: Vec<JoinClaim> = read.into_iter().collect::<Option<_>>()?;
    let identifies = |name: &str| fields.iter().any(|field| field.identifies && field.name == name);
    if !claims.iter().any(|claim| identifies(claim.field) && !claim.want.is_anything()) {
        let names: Vec<&str> =
            fields.iter().filter(|field| field.identifies).map(|field| field.name).collect();
        return table.reader().refuse_with_help(
            "the rule lets in workloads of anybody",
            format!("it needs one of {} that is more than \"*\"", names.join(", ")),
        );
    }
    Some(JoinRule { claims })
}

fn want(reader: Reader<'_>, shape: Shape) -> Option<Want> {
    if shape == Shape::Flag {
        return reader.read().map(Want::Flag);
    }
    let text = filled(reader)?;
    if text.len() > MAX_VALUE {
        return reader.refuse(format!("has {} bytes, and {MAX_VALUE} are allowed", text.len()));
    }
    Some(match shape {
        Shape::Glob => Want::Glob(text),
        Shape::ServiceAccount => {
            let is_name = |text: &str| {
                let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
                !text.is_empty() && text.bytes().all(fits)
            };
            match text.split_once(':') {
                Some((namespace, name)) if is_name(namespace) && is_name(name) => {}
                _ => return reader.expected("a service account: namespace:name"),
            }
            Want::ServiceAccount(text)
        }
        Shape::Text | Shape::Flag => Want::Text(text),
    })
}

// === impl JoinRule ===

impl JoinRule {
    pub(super) fn to_value(&self) -> Value {
        let mut object = Object::default();
        for JoinClaim { field, want, .. } in &self.claims {
            match want {
                Want::Text(text) | Want::Glob(text) | Want::ServiceAccount(text) => {
                    object.put(field, text.as_str());
                }
                Want::Flag(flag) => {
                    object.put(field, *flag);
                }
            }
        }
        object.into()
    }
}

// === impl Want ===

impl fmt::Display for Want {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Glob(text) => write!(f, "what fits {text:?}"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::ServiceAccount(account) => write!(f, "the service account {account:?}"),
        }
    }
}

impl Want {
    /// Whether everything fits.
    fn is_anything(&self) -> bool {
        // `*/*` is every project there is, and so is the same after what all subjects begin with.
        let open = |text: &str| text.chars().all(|c| matches!(c, '*' | '?' | '/' | ':'));
        matches!(self, Self::Glob(text) if open(text.strip_prefix("project_path:").unwrap_or(text)))
    }

    /// Whether a claim is what it must be. A claim that is not there never is.
    #[must_use]
    pub fn fits(&self, claim: &Value) -> bool {
        match (self, claim) {
            (Self::Text(text), Value::String(found)) => found == text,
            // Numbers are identifiers here: GitLab has written user_id as either.
            (Self::Text(text), Value::Number(found)) => found.to_string() == *text,
            (Self::Glob(pattern), Value::String(found)) => glob(pattern, found),
            (Self::Flag(flag), Value::Bool(found)) => found == flag,
            (Self::Flag(flag), Value::String(found)) => *found == flag.to_string(),
            (Self::ServiceAccount(account), Value::String(found)) => {
                found.strip_prefix("system:serviceaccount:") == Some(account)
            }
            _ => false,
        }
    }
}

/// Whether a pattern fits the whole of a text; in time that grows with the product of their lengths.
fn glob(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    // Where to go on when what follows the last star does not fit: the star takes one more.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let wanted = pattern.next();
        if wanted == Some('*') {
            retry = Some((pattern.clone(), text.clone()));
            continue;
        }
        let found = text.next();
        match (wanted, found) {
            (None, None) => return true,
            (Some('?'), Some(_)) => continue,
            (Some(wanted), Some(found)) if wanted == found => continue,
            _ => {}
        }
        let Some((after_star, from)) = &mut retry else { return false };
        if from.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = from.clone();
    }
}

#[cfg(test)]
mod tests;
