use super::*;
use crate::json::Raw;

const KNOWN: [&str; 5] = ["name", "uri", "_meta", "nextCursor", "tasks"];

fn check(json: &str) -> Option<&'static str> {
    confusable(Raw::checked(json).text().unwrap(), &KNOWN)
}

#[test]
fn other_spellings_are_confusable() {
    for (json, known) in [
        (r#""Name""#, "name"),
        (r#""NAME""#, "name"),
        (r#""n\u0061me""#, "name"),
        (r#""name\u0000""#, "name"),
        (r#""name\u0000x""#, "name"),
        (r#""\u0000name""#, "name"),
        (r#"" name""#, "name"),
        (r#""name ""#, "name"),
        (r#""name\n""#, "name"),
        (r#""na_me""#, "name"),
        (r#""na-me""#, "name"),
        ("\"name\u{200b}\"", "name"),
        ("\"\u{feff}name\"", "name"),
        ("\"name\u{a0}\"", "name"),
        ("\"urı\"", "uri"),
        ("\"urİ\"", "uri"),
        ("\"taſks\"", "tasks"),
        ("\"tas\u{212a}s\"", "tasks"),
        (r#""next_cursor""#, "nextCursor"),
        (r#""nextcursor""#, "nextCursor"),
        (r#""_META""#, "_meta"),
        (r#""Meta""#, "_meta"),
        (r#""m\u0065ta""#, "_meta"),
        (r#""\u005fmeta""#, "_meta"),
    ] {
        assert_eq!(check(json), Some(known), "{json}");
    }
}

#[test]
fn other_words_are_not() {
    for json in [
        r#""names""#,
        r#""nam""#,
        r#""title""#,
        r#""""#,
        r#""\u0000""#,
        r#""x\u0000name""#,
        r#""meta""#,
        r#""url""#,
        r#""名""#,
        r#""name.x""#,
        r#""io.modelcontextprotocol/name""#,
    ] {
        assert_eq!(check(json), None, "{json}");
    }
}

#[test]
fn excerpts_are_short() {
    assert_eq!(excerpt("short"), "short");
    assert_eq!(excerpt(&"é".repeat(40)), "é".repeat(40));
    assert_eq!(excerpt(&"é".repeat(41)), format!("{}…", "é".repeat(40)));
}
