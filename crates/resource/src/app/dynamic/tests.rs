use serde_json::{Value, json};

use super::MAX_COMMAND_LABELS;
use crate::app::App;
use crate::app::tests::{app, static_app};

fn labelled(labels: &Value) -> Result<App, String> {
    app(json!({"uri": "mcp+http://h", "dynamic_labels": labels}))
}

fn many(count: usize) -> Value {
    (0..count)
        .map(|at| (format!("k{at}"), json!({"command": ["x"]})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn a_label_without_a_value_is_unknown_whatever_is_written_beside_it() {
    let mut app = labelled(&json!({
        "env": {"command": ["x"]}, "os": {"command": ["uname"], "result": "Linux"},
        "empty": {"command": ["true"], "result": ""},
    }))
    .unwrap();
    app.metadata.labels.insert("env".to_owned(), "dev".to_owned());
    let known = app.known_labels();
    assert_eq!(known.unknown.iter().map(String::as_str).collect::<Vec<_>>(), ["env"]);
    assert_eq!(known.labels.get("env"), None);
    assert_eq!((known.labels["os"].as_str(), known.labels["empty"].as_str()), ("Linux", ""));
    app.forget_results();
    assert_eq!(app.known_labels().unknown.len(), 3);
}

#[test]
fn what_another_command_told_is_not_taken() {
    let told = labelled(&json!({"os": {"command": ["uname"], "result": "Linux"}})).unwrap();
    let same = labelled(&json!({"os": {"command": ["uname"], "period": "1h"}})).unwrap();
    let other = labelled(&json!({"os": {"command": ["cat", "os"], "result": "written"}})).unwrap();
    let result = |app: &App| {
        let app = app.with_results(&told.spec.dynamic_labels);
        app.spec.dynamic_labels["os"].result.clone()
    };
    assert_eq!(result(&same).as_deref(), Some("Linux"));
    assert_eq!(result(&other), None);
}

#[test]
fn the_clusters_own_labels_are_not_told_by_commands() {
    for key in ["teleport.internal/app-sub-kind", "tessera.internal/x", "teleport.dev/origin"] {
        let refused = labelled(&json!({key: {"command": ["x"]}})).unwrap_err();
        assert!(refused.contains("is the cluster's own"), "{refused}");
    }
    assert!(labelled(&json!({"tessera.dev/os": {"command": ["x"]}})).is_ok());
}

#[test]
fn there_are_not_too_many() {
    assert!(labelled(&many(MAX_COMMAND_LABELS)).is_ok());
    let refused = labelled(&many(MAX_COMMAND_LABELS + 1)).unwrap_err();
    assert!(refused.contains("more than 32 labels"), "{refused}");
}

#[test]
fn a_key_has_one_command() {
    let twice = json!({"teleport.dev/a": {"command": ["x"]}, "tessera.dev/a": {"command": ["y"]}});
    assert!(labelled(&twice).unwrap_err().contains("told by two commands"));
    let command = json!({"name": "a", "command": ["x"]});
    let twice = json!({"name": "n", "uri": "mcp+http://h", "commands": [command, command]});
    assert!(static_app(twice).unwrap_err().contains("told by two commands"));
    let odd = json!({"name": "n", "uri": "mcp+http://h", "commands": [{"name": "a", "command": ["x"], "result": "y"}]});
    assert!(static_app(odd).unwrap_err().contains("unknown field"));
}

#[test]
fn a_command_line_can_be_executed() {
    for command in [json!([]), json!([""]), json!(["a", "b\u{0}"])] {
        assert!(labelled(&json!({"a": {"command": command}})).is_err(), "{command}");
    }
}
