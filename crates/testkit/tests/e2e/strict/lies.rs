//! Answers to `tools/list` that would bring a tool past a filter that reads them otherwise than the
//! client does. Each names the tool `wipe`, which the role does not let be used.

use serde_json::{Value, json};

/// What a server says when it is asked for its tools.
#[derive(Debug)]
pub(crate) struct Lie {
    pub(crate) name: &'static str,
    /// The lines, in which `@ID@` is the request's id.
    pub(crate) lines: Vec<Value>,
    /// Whether the request is answered with what may be seen; otherwise it is an error, an empty list,
    /// or nothing.
    pub(crate) answered: bool,
}

/// Its entries in a list.
const BOTH: &str = r#"{"name":"echo","inputSchema":{}},{"name":"wipe","inputSchema":{}}"#;
const ECHO: &str = r#"{"name":"echo","inputSchema":{}}"#;
const WIPE: &str = r#"{"name":"wipe","inputSchema":{}}"#;

/// An answer with these members of a result.
fn result(members: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":@ID@,"result":{{{members}}}}}"#)
}

fn tools(entries: &str) -> String {
    result(&format!(r#""tools":[{entries}]"#))
}

/// Lies of one message each: as well told over HTTP.
pub(crate) fn messages() -> Vec<Lie> {
    let lie = |name, line: String, answered| Lie { name, lines: vec![json!(line)], answered };
    let members = |members: &str| {
        let both = format!(r#""tools":[{BOTH}]"#);
        format!(r#"{{"jsonrpc":"2.0",{}}}"#, members.replace("@BOTH@", &both))
    };
    vec![
        lie("the truth", tools(BOTH), true),
        lie("an escaped key", result(&format!(r#""to\u006fls":[{BOTH}]"#)), false),
        lie("a list twice", result(&format!(r#""tools":[{ECHO}],"tools":[{WIPE}]"#)), false),
        lie(
            "a list in other case",
            result(&format!(r#""tools":[{ECHO}],"Tools":[{WIPE}]"#)),
            false,
        ),
        lie("a list in other case alone", result(&format!(r#""TOOLS":[{BOTH}]"#)), false),
        lie(
            "a list with a long s",
            result(&format!("\"tools\":[],\"tool\u{17f}\":[{BOTH}]")),
            false,
        ),
        lie(
            "a result twice",
            members(r#""id":@ID@,"result":{"tools":[]},"result":{@BOTH@}"#),
            false,
        ),
        lie(
            "a result in other case",
            members(r#""id":@ID@,"result":{"tools":[]},"Result":{@BOTH@}"#),
            false,
        ),
        lie(
            "a result and an error",
            members(r#""id":@ID@,"error":{"code":1,"message":"no"},"result":{@BOTH@}"#),
            false,
        ),
        lie("a list that is none", result(&format!(r#""tools":{{"wipe":{WIPE}}}"#)), false),
        lie("a list in a text", result(&format!(r#""tools":{:?}"#, format!("[{BOTH}]"))), false),
        lie("no list", result(r#""tools":null"#), false),
        lie("a name twice", tools(r#"{"name":"echo","name":"wipe"}"#), false),
        lie("a name in other case", tools(r#"{"name":"echo","Name":"wipe"}"#), false),
        lie("a name that is a list", tools(r#"{"name":["wipe"]}"#), false),
        lie("no name", tools(r#"{"title":"wipe"}"#), false),
        lie("a list in a batch", format!("[{}]", tools(BOTH)), false),
        lie("two in a batch", format!("[{},{}]", tools(ECHO), tools(WIPE)), false),
        lie("another id", tools(BOTH).replace("@ID@", "\"another\""), false),
        lie("no id", tools(BOTH).replace("@ID@", "null"), false),
        lie("a byte-order mark", format!("\u{feff}{}", tools(BOTH)), false),
        lie("two answers on a line", format!("{}{}", tools(ECHO), tools(WIPE)), false),
    ]
}

/// Lies of lines.
pub(crate) fn lines() -> Vec<Lie> {
    let lie = |name, lines: Vec<Value>, answered| Lie { name, lines, answered };
    let mut lies = messages();
    lies.extend([
        lie("answered twice", vec![json!(tools(ECHO)), json!(tools(WIPE))], true),
        lie(
            "another's first",
            vec![json!(tools(WIPE).replace("@ID@", "4711")), json!(tools(BOTH))],
            true,
        ),
        lie("a rounded id", vec![json!(tools(BOTH).replace("@ID@", "@ID@.0"))], false),
        lie("a carriage return", vec![json!(format!("{}\r{}", tools(ECHO), tools(WIPE)))], false),
        lie("banners", vec![json!("Welcome!"), json!(""), json!(tools(BOTH))], true),
        lie(
            "half a message",
            vec![json!(r#"{"jsonrpc":"2.0","id":@ID@,"result":{"tools":["#), json!(tools(BOTH))],
            true,
        ),
    ]);
    lies
}
