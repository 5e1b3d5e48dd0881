//! Answers that tell a server's era: nobody is taken for modern who does not say so.

use mcp::{Era, probe};
use serde_json::Value;

pub(crate) fn run(input: &str) {
    let other: Value = serde_json::from_str(input).unwrap_or(Value::Null);
    let code = other.pointer("/error/code").and_then(Value::as_i64);
    if probe::judge_discover(Some(input.as_bytes())) == Era::Modern {
        let named = |pointer: &str| {
            let versions = other.pointer(pointer).and_then(Value::as_array);
            versions.is_some_and(|versions| versions.iter().any(|one| one == "2026-07-28"))
        };
        let complains = matches!(code, Some(-32020 | -32021));
        assert!(
            named("/result/supportedVersions") || named("/error/data/supported") || complains,
            "taken for modern"
        );
    }
    if probe::is_modern_refusal(input.as_bytes()) {
        assert!(code.is_some(), "a refusal without an error");
    }
}
