//! What a scalar is: text, number, truth value or nothing.

use saphyr_parser::{ScalarStyle, Tag};

use crate::node::ScalarKind;

/// Types a scalar; the error is the message.
pub(super) fn resolve(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
) -> Result<ScalarKind, String> {
    let Some(tag) = tag else {
        return Ok(match style {
            ScalarStyle::Plain => kind_of_plain(text),
            _ => ScalarKind::Text,
        });
    };
    // A lone `!` asks for text.
    if tag.handle.is_empty() && tag.suffix == "!" {
        return Ok(ScalarKind::Text);
    }
    if !tag.is_yaml_core_schema() {
        return Err(unknown_tag(tag));
    }
    let kind = kind_of_plain(text);
    match (tag.suffix.as_str(), kind) {
        ("str", _) => Ok(ScalarKind::Text),
        ("null", ScalarKind::Null)
        | ("bool", ScalarKind::Bool(_))
        | ("int", ScalarKind::Integer)
        | ("float", ScalarKind::Float) => Ok(kind),
        ("float", ScalarKind::Integer) => Ok(ScalarKind::Float),
        ("null" | "bool" | "int" | "float", _) => {
            Err(format!("the value is not what its tag !!{} says", tag.suffix))
        }
        _ => Err(unknown_tag(tag)),
    }
}

pub(super) fn unknown_tag(tag: &Tag) -> String {
    format!("the tag {tag} is not supported")
}

/// What unquoted text is under the core schema.
pub(super) fn kind_of_plain(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" => ScalarKind::Bool(true),
        "false" | "False" | "FALSE" => ScalarKind::Bool(false),
        ".nan" | ".NaN" | ".NAN" => ScalarKind::Float,
        _ if is_integer(text) => ScalarKind::Integer,
        _ if is_float(text) => ScalarKind::Float,
        _ => ScalarKind::Text,
    }
}

fn is_integer(text: &str) -> bool {
    let all = |digits: &str, is_digit: fn(&char) -> bool| {
        !digits.is_empty() && digits.chars().all(|c| is_digit(&c))
    };
    if let Some(digits) = text.strip_prefix("0x") {
        return all(digits, char::is_ascii_hexdigit);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return all(digits, |c| c.is_digit(8));
    }
    all(text.strip_prefix(['-', '+']).unwrap_or(text), char::is_ascii_digit)
}

fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return true;
    }
    // Rust also reads `inf`, `infinity` and `nan`, which are text here.
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'))
        && unsigned.parse::<f64>().is_ok()
}
