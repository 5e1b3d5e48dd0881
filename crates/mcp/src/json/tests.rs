use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::value::RawValue;

use super::*;
use crate::limits::{DEPTH, Limits};

fn accepts(text: &str, limits: &Limits) -> Result<(), Reason> {
    let mut scanner = Scanner::new(text, limits);
    scanner.space();
    scanner.skip()?;
    scanner.end()
}

/// Any JSON value, a few levels deep.
pub(crate) fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,6}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A JSON text as somebody else may write it: with blanks, or not quite JSON.
fn any_text() -> impl Strategy<Value = String> {
    let mutated = (
        any_value(),
        any::<prop::sample::Index>(),
        r#"[\[\]{}:,"\\0-9eE.+\-tfnu \n\x00\x7f]{0,3}"#,
    )
        .prop_map(|(value, place, insert)| {
            let mut chars: Vec<char> = value.to_string().chars().collect();
            let at = place.index(chars.len() + 1);
            chars.splice(at..at, insert.chars());
            chars.into_iter().collect()
        });
    prop_oneof![
        any_value().prop_map(|value| value.to_string()),
        any_value().prop_map(|value| serde_json::to_string_pretty(&value).unwrap()),
        mutated,
        r#"[\[\]{}:,"\\0-9eE.+\-a-z \n\t\x00]{0,24}"#,
    ]
}

proptest! {
    #[test]
    fn accepts_just_what_a_second_reader_accepts(text in any_text()) {
        let second = serde_json::from_str::<&RawValue>(&text).is_ok();
        prop_assert_eq!(accepts(&text, &Limits::SERVER).is_ok(), second, "{:?}", text);
    }

    #[test]
    fn unescapes_as_a_second_reader_does(text in any::<String>()) {
        let json = serde_json::to_string(&text).unwrap();
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        prop_assert_eq!(Raw::checked(&json).string().unwrap(), text.as_str());
        let escaped = format!("\"{escaped}\"");
        prop_assert_eq!(Raw::checked(&escaped).string().unwrap(), text.as_str());
    }

    #[test]
    fn finds_repeated_keys(keys in prop::collection::vec("[ab\u{e9}]{0,2}", 0..14), escape in any::<bool>()) {
        let spell = |key: &String| match escape {
            true => key.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect(),
            false => key.clone(),
        };
        let members: Vec<String> = keys.iter().enumerate()
            .map(|(i, key)| format!("\"{}\":{i}", if i % 2 == 0 { spell(key) } else { key.clone() }))
            .collect();
        let text = format!("[[{{\"outer\":{{{}}}}}]]", members.join(","));
        let distinct = keys.iter().collect::<BTreeSet<_>>().len() == keys.len();
        prop_assert_eq!(accepts(&text, &Limits::CLIENT).is_ok(), distinct, "{}", text);
        prop_assert!(accepts(&text, &Limits::SERVER).is_ok());
    }
}

#[test]
fn grammar_to_the_letter() {
    for text in [
        "0",
        "-0",
        "-1",
        "10",
        "1.5",
        "1e5",
        "1E+5",
        "1.0e-05",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\r\n}\n",
        r#""\"\\\/\b\f\n\r\té""#,
        "\"\u{7f}\u{2028}\"",
        "[1,2]",
        r#"{"a":[{}]}"#,
        r#""\ud800""#,
    ] {
        assert_eq!(accepts(text, &Limits::CLIENT), Ok(()), "{text:?}");
    }
}

#[test]
fn nearly_json() {
    for text in [
        "",
        " ",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "truee",
        "nul",
        "'a'",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\0\"",
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{a:1}",
        "{1:2}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[}",
        "{]",
        "[1}",
        "{\"a\":1]",
        "1 2",
        "{}{}",
        "[]]",
        "/**/1",
        "1//",
        "\u{a0}1",
        "\u{feff}1",
        "{\"a\"::1}",
    ] {
        assert!(accepts(text, &Limits::SERVER).is_err(), "{text:?}");
        assert!(accepts(text, &Limits::CLIENT).is_err(), "{text:?}");
    }
}

#[test]
fn specials_are_found_wherever_they_stand() {
    for special in ["\"", "\\", "\u{0}", "\u{1f}", "\n"] {
        for before in 0..20 {
            // Characters next to the special ones, and ones whose bytes have the high bit.
            for filler in ["a", "!", "#", "[", "]", " ", "\u{7f}", "é", "\u{ffff}"] {
                let inner = format!("{}{special}", filler.repeat(before));
                let text = format!("\"{inner}\"");
                assert!(accepts(&text, &Limits::SERVER).is_err(), "{text:?}");
            }
        }
    }
}

#[test]
fn depth_at_the_limit_and_one_past_it() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for limits in [Limits::CLIENT, Limits::SERVER] {
            let nested = |depth: usize| {
                format!(
                    "{}{}{}",
                    open.repeat(depth),
                    if open == "[" { "" } else { "1" },
                    close.repeat(depth)
                )
            };
            let limit = usize::try_from(DEPTH).unwrap();
            assert_eq!(accepts(&nested(limit), &limits), Ok(()));
            assert_eq!(accepts(&nested(limit + 1), &limits), Err(Reason::TooDeep { limit: DEPTH }));
            let narrow = Limits { depth: 3, ..limits };
            assert_eq!(accepts(&nested(3), &narrow), Ok(()));
            assert_eq!(accepts(&nested(4), &narrow), Err(Reason::TooDeep { limit: 3 }));
            // What passes can be read again as a tree.
            assert!(serde_json::from_str::<Value>(&nested(limit)).is_ok());
            // No limit is above what the scanner can count.
            let wide = Limits { depth: 10_000, ..limits };
            assert_eq!(accepts(&nested(limit + 1), &wide), Err(Reason::TooDeep { limit: DEPTH }));
        }
    }
    // Width is not depth.
    assert_eq!(accepts(&format!("[{}[]]", "[[]],".repeat(500)), &Limits::CLIENT), Ok(()));
}

#[test]
fn halves_of_surrogate_pairs_are_no_strings() {
    for text in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud800x""#,
        r#""\ud800\n""#,
    ] {
        assert_eq!(Raw::checked(text).string(), None, "{text}");
    }
    assert_eq!(Raw::checked(r#""\ud83d\ude00""#).string().unwrap(), "😀");
    assert_eq!(Raw::checked("12").string(), None);
    assert_eq!(Raw::checked("null").string(), None);
}

#[test]
fn debug_output_hides_the_value() {
    assert_eq!(format!("{:?}", Raw::checked("\"hunter2\"")), "Raw(String, 9 bytes)");
}
