use super::*;

fn launch() -> Launch {
    Launch {
        command: "/usr/bin/tsh".into(),
        args: vec!["mcp".into(), "connect".into(), "a&b".into()],
        env: serde_json::Map::new(),
    }
}

fn edit(text: &str) -> String {
    put(text, Client::Claude, "x", &launch(), Layout::Keep).unwrap()
}

#[test]
fn everything_else_stays_byte_for_byte() {
    let text = "{\n    \"theme\" : 1.10,\n    \"mcpServers\": {\n        \"other\": {\"n\": 1e2}\n    },\n    \"z\": [ ]\n}\n";
    let edited = edit(text);
    let expected = "{\n    \"theme\" : 1.10,\n    \"mcpServers\": {\n        \"other\": {\"n\": 1e2},\n        \"x\": {\n          \"command\": \"/usr/bin/tsh\",\n          \"args\": [\n            \"mcp\",\n            \"connect\",\n            \"a&b\"\n          ]\n        }\n    },\n    \"z\": [ ]\n}\n";
    assert_eq!(edited, expected);
    assert_eq!(edit(&edited), edited, "a second edit changes nothing");
}

#[test]
fn an_entry_of_that_name_is_replaced_whole() {
    let edited = edit(r#"{"mcpServers":{"x":{"command":"old","env":{"A":"b"}},"y":{}}}"#);
    assert_eq!(
        edited,
        r#"{"mcpServers":{"x":{"command":"/usr/bin/tsh","args":["mcp","connect","a&b"]},"y":{}}}"#
    );
}

#[test]
fn a_file_without_servers_gets_them() {
    for text in ["{}", "{\n}\n", "{\"a\": 1}", "{\n  \"a\": 1\n}\n", "{\"mcpServers\": {}}"] {
        let edited = edit(text);
        let value: serde_json::Value = serde_json::from_str(&edited).unwrap();
        assert_eq!(value["mcpServers"]["x"]["command"], "/usr/bin/tsh", "{text} became {edited}");
        if text.contains('a') && !text.contains("mcp") {
            assert_eq!(value["a"], 1);
        }
    }
}

#[test]
fn an_empty_object_counts_as_pretty() {
    assert!(edit("{}").contains("\n  \"mcpServers\": {\n"));
}

#[test]
fn code_has_another_key() {
    let edited = put("{}", Client::VsCode, "x", &launch(), Layout::Compact).unwrap();
    assert!(edited.starts_with(r#"{"servers":{"x":{"#), "{edited}");
}

#[test]
fn what_cannot_be_edited_is_refused() {
    let refused = |text| put(text, Client::Claude, "x", &launch(), Layout::Keep).unwrap_err();
    assert!(matches!(refused(""), NotEditable::Empty));
    assert!(matches!(refused("{\n // no\n}"), NotEditable::NotJson { line: 2, .. }));
    assert!(matches!(refused("[]"), NotEditable::NotAnObject(_)));
    assert!(matches!(refused(r#"{"mcpServers":[]}"#), NotEditable::NotAnObject("mcpServers")));
    assert!(matches!(refused(r#"{"mcpServers":{},"mcpServers":{}}"#), NotEditable::Duplicate(_)));
    assert!(matches!(refused(r#"{"mcpServers":{"x":1,"x":2}}"#), NotEditable::Duplicate(_)));
}
