use super::*;
use crate::limits::Limits;

fn read(json: &str) -> Result<Params<'_>, Reason> {
    Params::scan(&mut Scanner::new(json, &Limits::SERVER))
}

#[test]
fn every_key_has_its_place() {
    for key in KEYS {
        let json = format!(r#"{{"other":[1],"{key}":"value"}}"#);
        let params = read(&json).unwrap();
        assert_eq!(params.sound(), Ok(()));
        let mut members = params.members.clone();
        let (slot, name) = members.slot(key).unwrap();
        assert_eq!(name, key);
        assert_eq!(slot.unwrap().as_str(), "\"value\"");
        assert_eq!(params.raw().unwrap().as_str(), json);
    }
}

#[test]
fn repeated_and_confusable_keys_make_params_unsound() {
    for key in KEYS {
        let twice = format!(r#"{{"{key}":1,"x":{{}},"{key}":1}}"#);
        assert_eq!(
            read(&twice).unwrap().sound(),
            Err(Reason::RepeatedKey { key: key.to_owned() }),
            "{twice}"
        );
        let upper = format!(r#"{{"{}":1}}"#, key.to_uppercase());
        assert_eq!(read(&upper).unwrap().sound(), Err(Reason::ConfusableKey { key }), "{upper}");
    }
}

#[test]
fn params_are_an_object_or_absent() {
    assert_eq!(read("null").unwrap().raw().unwrap().as_str(), "null");
    for json in ["[]", "[1]", "1", "\"a\"", "true"] {
        assert_eq!(read(json).unwrap_err(), Reason::Params, "{json}");
    }
    assert!(matches!(read("{"), Err(Reason::Syntax { .. })));
    assert!(matches!(read("nul"), Err(Reason::Syntax { .. })));
}

#[test]
fn meta() {
    let json = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",
        "io.modelcontextprotocol/clientCapabilities":{"roots":{}},"progressToken":7,"traceparent":"00"}}"#;
    let meta = read(json).unwrap().meta().unwrap().unwrap();
    assert_eq!(meta.protocol_version.unwrap(), "2026-07-28");
    assert_eq!(meta.client_capabilities.unwrap().as_str(), r#"{"roots":{}}"#);
    assert_eq!(meta.progress_token.unwrap().as_str(), "7");
    assert!(read("{}").unwrap().meta().unwrap().is_none());
    for (json, reason) in [
        (r#"{"_meta":[]}"#, Reason::Member { key: "_meta", expected: "an object" }),
        (r#"{"_meta":{},"_Meta":{}}"#, Reason::ConfusableKey { key: "_meta" }),
        (r#"{"_meta":{"ProgressToken":1}}"#, Reason::ConfusableKey { key: "progressToken" }),
        (
            r#"{"_meta":{"progressToken":1,"progressToken":2}}"#,
            Reason::RepeatedKey { key: "progressToken".to_owned() },
        ),
        (
            r#"{"_meta":{"io.modelcontextprotocol/protocolversion":"x"}}"#,
            Reason::ConfusableKey { key: crate::meta::PROTOCOL_VERSION },
        ),
        (
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":1}}"#,
            Reason::Member { key: crate::meta::PROTOCOL_VERSION, expected: "a string" },
        ),
    ] {
        assert_eq!(read(json).unwrap().meta().unwrap_err(), reason, "{json}");
    }
}
