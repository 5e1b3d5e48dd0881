use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::message::{Body, Message, Outcome};

/// So many are read in these tests.
const MOST: usize = 100;

fn of(result: &str) -> Vec<Definition> {
    shown(result).tools
}

fn shown(result: &str) -> Shown {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let message = Message::parse(text.as_bytes(), &Limits::SERVER).unwrap();
    let Body::Response(response) = message.body else { panic!("no response") };
    let Outcome::Result(answer) = response.outcome else { panic!("no result") };
    tools(answer.raw(), MOST)
}

fn one(tool: &str) -> Definition {
    of(&format!(r#"{{"tools":[{tool}]}}"#)).pop().unwrap()
}

#[test]
fn what_is_only_written_differently_is_the_same() {
    let plain = one(r#"{"name":"read","description":"a/é","inputSchema":{"type":"object"}}"#);
    for same in [
        r#"{ "inputSchema" : {"type" :"object"}, "name":"read",
             "description":"a\/\u00e9" }"#,
        r#"{"name":"\u0072ead","description":"\u0061/é","input\u0053chema":{"type":"object"}}"#,
    ] {
        let other = one(same);
        assert_eq!((&other.name, other.digest), (&plain.name, plain.digest), "{same}");
    }
}

#[test]
fn whatever_a_model_may_read_counts() {
    let plain = one(r#"{"name":"read","description":"a","x":[1,2],"y":{"a":1}}"#);
    for other in [
        r#"{"name":"read","description":"b","x":[1,2],"y":{"a":1}}"#,
        r#"{"name":"read","description":"a","x":[2,1],"y":{"a":1}}"#,
        r#"{"name":"read","description":"a","x":[1,2.0],"y":{"a":1}}"#,
        r#"{"name":"read","description":"a","x":[1,2],"y":{"a":1},"annotations":{}}"#,
        r#"{"name":"read","description":"hidden","description":"a","x":[1,2],"y":{"a":1}}"#,
        r#"{"name":"read","description":"a","x":[1,2],"y":{"a":1,"a":1}}"#,
        r#"{"name":"read","description":"a\ud800","x":[1,2],"y":{"a":1}}"#,
    ] {
        assert_ne!(one(other).digest, plain.digest, "{other}");
    }
}

#[test]
fn what_nobody_is_shown_is_left_out() {
    let names = |result| -> Vec<_> { of(result).into_iter().map(|tool| tool.name).collect() };
    assert_eq!(
        names(r#"{"tools":[{"name":"a"},{"Name":"b","name":"c"},7,{"x":1}]}"#),
        ["a".into()]
    );
    assert_eq!(names(r#"{"tools":null}"#), [] as [Box<str>; 0]);
    assert_eq!(names(r#"{"tools":[{"name":"a"}],"Tools":[]}"#), [] as [Box<str>; 0]);
    assert_eq!(names("[]"), [] as [Box<str>; 0]);
    // A name that clients are not shown is none that was missed.
    let hidden = shown(r#"{"tools":[{"name":"a\nb"},{"name":""},{"name":"a"}]}"#);
    assert_eq!((hidden.tools.len(), hidden.more), (1, false));
}

#[test]
fn names_and_lists_have_their_bounds_and_what_is_beyond_is_told_of() {
    let outcome = |result: &str| {
        let shown = shown(result);
        (shown.tools.len(), shown.more)
    };
    let named = |length| format!(r#"{{"tools":[{{"name":"{}"}}]}}"#, "n".repeat(length));
    assert_eq!(outcome(&named(NAME_BYTES)), (1, false));
    assert_eq!(outcome(&named(NAME_BYTES + 1)), (0, true));
    let quoted = |count| format!(r#"{{"tools":[{{"name":"{}"}}]}}"#, r#"\""#.repeat(count));
    assert_eq!(outcome(&quoted(NAME_BYTES / 2)), (1, false));
    assert_eq!(outcome(&quoted(NAME_BYTES / 2 + 1)), (0, true));
    let many = |count: usize| {
        let tools: Vec<_> = (0..count).map(|n| format!(r#"{{"name":"{n}"}}"#)).collect();
        format!(r#"{{"tools":[{}]}}"#, tools.join(","))
    };
    assert_eq!(outcome(&many(MOST)), (MOST, false));
    assert_eq!(outcome(&many(MOST + 1)), (MOST, true));
}

proptest! {
    /// Two definitions have one digest when, and only when, a reader takes them for the same.
    #[test]
    fn a_digest_is_of_the_meaning(
        one_text in "[a-c]{0,2}", other_text in "[a-c]{0,2}", first in 0..3u8, second in 0..3u8,
    ) {
        let tool = |text: &str, number: u8, turned: bool| {
            let (a, b) = (format!(r#""d":"{text}""#), format!(r#""n":{number}"#));
            let (a, b) = if turned { (b, a) } else { (a, b) };
            one(&format!(r#"{{"name":"t",{a},{b}}}"#)).digest
        };
        let same = one_text == other_text && first == second;
        prop_assert_eq!(tool(&one_text, first, false) == tool(&other_text, second, true), same);
    }
}
