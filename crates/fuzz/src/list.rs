//! Answers to list requests: nothing stays that may not, and nothing else changes.

use mcp::{Era, ListKind};
use serde_json::Value;

const KINDS: [ListKind; 4] =
    [ListKind::Tools, ListKind::Prompts, ListKind::Resources, ListKind::ResourceTemplates];

pub(crate) fn run(input: &str) {
    for kind in KINDS {
        for era in [Era::Legacy, Era::Modern] {
            filter(kind, era, input);
        }
    }
}

fn filter(kind: ListKind, era: Era, input: &str) {
    // As good as any rule: names with an even number of bytes.
    let keeps = |name: &str| name.len().is_multiple_of(2);
    let mut kept = Vec::new();
    let filtered = mcp::list::filter(kind, era, input.as_bytes(), &mut |name| {
        if keeps(name) {
            kept.push(name.to_owned());
        }
        keeps(name)
    });
    let Ok(filtered) = filtered else { return };
    let Ok(after) = serde_json::from_slice::<Value>(filtered.bytes()) else {
        let before = serde_json::from_str::<Value>(input);
        assert!(before.is_err(), "what was JSON is none any more");
        return;
    };
    let entries = |value: &Value| {
        let list = value.pointer("/result").and_then(|result| result.get(kind.member()));
        list.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let name = |entry: &Value| entry.get(kind.key()).and_then(Value::as_str).map(str::to_owned);
    for entry in entries(&after) {
        let name = name(&entry);
        assert!(name.as_deref().is_some_and(keeps), "{name:?} slipped through");
    }
    if let Ok(before) = serde_json::from_str::<Value>(input) {
        let before: Vec<Value> = entries(&before);
        let stayed = entries(&after);
        assert!(stayed.iter().all(|entry| before.contains(entry)), "an entry was changed");
    }
    // Filtered again it stays as it is.
    let bytes = filtered.bytes().to_vec();
    let again = mcp::list::filter(kind, era, &bytes, &mut |name| keeps(name));
    let same = again.is_ok_and(|again| again.bytes() == bytes && again.removed == 0);
    assert!(same, "filtered twice is not filtered once");
}
