//! Where two states of a resource differ. What is secret is compared and not shown.

use std::collections::BTreeMap;
use std::fmt;

use resource::secret::MASK;
use resource::{Resource, Secrets};
use serde_json::{Value, json};

/// A longer value is cut when it is shown.
const SHOWN: usize = 120;
/// What the cluster fills in when a file leaves it out.
const FILLED_IN: [&str; 4] =
    ["spec.created_by", "spec.created_at", "spec.created_on", "metadata.namespace"];

/// A place where they differ; a side that has nothing there is `None`, and both are where it is secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    path: String,
    before: Option<Value>,
    after: Option<Value>,
}

/// All places where they differ, in order.
pub(super) fn between(before: &Resource, after: &Resource) -> Vec<Difference> {
    let shown = [leaves(before, Secrets::Redact), leaves(after, Secrets::Redact)];
    let [before, after] = [leaves(before, Secrets::Include), leaves(after, Secrets::Include)];
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| before.get(*path) != after.get(*path))
        .filter(|path| after.contains_key(*path) || !FILLED_IN.contains(&path.as_str()))
        .filter(|path| !(before.contains_key(*path) && is_masked(path, after.get(*path))))
        .map(|path| {
            let sides = [before.get(path), after.get(path)];
            let is_shown = !is_secret(path) && sides == shown.each_ref().map(|side| side.get(path));
            let [before, after] = sides.map(|side| side.filter(|_| is_shown).cloned());
            Difference { path: path.clone(), before, after }
        })
        .collect()
}

/// A secret as `tctl get` prints it: written back, it stays.
fn is_masked(path: &str, value: Option<&Value>) -> bool {
    is_secret(path) && value.and_then(Value::as_str) == Some(MASK)
}

/// What an app's server is given may be a credential.
fn is_secret(path: &str) -> bool {
    path.starts_with("spec.mcp.env") || path.starts_with("spec.rewrite.headers")
}

/// The single values of a resource by their paths, without what is observed and the revision.
fn leaves(resource: &Resource, secrets: Secrets) -> BTreeMap<String, Value> {
    let mut resource = resource.clone();
    resource.clear_status();
    resource.metadata_mut().revision = None;
    let mut found = BTreeMap::new();
    flatten(resource.to_json(secrets), String::new(), &mut found);
    found
}

fn flatten(value: Value, path: String, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let path = match (path.is_empty(), plain) {
                    (true, _) => key,
                    (false, true) => format!("{path}.{key}"),
                    (false, false) => format!("{path}[{key:?}]"),
                };
                flatten(value, path, found);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, value) in items.into_iter().enumerate() {
                flatten(value, format!("{path}[{at}]"), found);
            }
        }
        leaf => drop(found.insert(path, leaf)),
    }
}

// === impl Difference ===

impl Difference {
    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        json!({"path": self.path, "before": self.before, "after": self.after})
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, before, after } = self;
        match (before, after) {
            (Some(before), Some(after)) => {
                write!(f, "{path}: {} -> {}", shown(before), shown(after))
            }
            (None, Some(after)) => write!(f, "{path}: {} added", shown(after)),
            (Some(before), None) => write!(f, "{path}: {} removed", shown(before)),
            (None, None) => write!(f, "{path}: the secret value changes"),
        }
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests;
