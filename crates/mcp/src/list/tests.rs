use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn tools(result: &str, keep: &[&str]) -> Result<String, Reason> {
    released(ListKind::Tools, Era::Legacy, result, keep)
}

fn released(kind: ListKind, era: Era, result: &str, keep: &[&str]) -> Result<String, Reason> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let filtered = filter(kind, era, text.as_bytes(), &mut |name| keep.contains(&name)).map_err(
        |refused| {
            assert_eq!(refused.id, Some(crate::Id::Number(1)));
            refused.reason
        },
    )?;
    let text = String::from_utf8(filtered.into_bytes().into_owned()).unwrap();
    let result = text.strip_prefix(r#"{"jsonrpc":"2.0","id":1,"result":"#).unwrap();
    Ok(result.strip_suffix('}').unwrap().to_owned())
}

#[test]
fn exact_bytes() {
    let a = r#"{"name":"a","vendor":12345678901234567890123,"n":1.10,"x":"A\/"}"#;
    let b = r#"{ "description" : "b" , "name" : "b" }"#;
    let c = r#"{"inputSchema":{"name":"not c"},"name":"\u0063"}"#;
    for (list, keep, expected) in [
        (format!("[{a},{b},{c}]"), vec!["a", "b", "c"], format!("[{a},{b},{c}]")),
        (format!("[{a},{b},{c}]"), vec!["a"], format!("[{a}]")),
        (format!("[{a},{b},{c}]"), vec!["b"], format!("[{b}]")),
        (format!("[{a},{b},{c}]"), vec!["c"], format!("[{c}]")),
        (format!("[{a},{b},{c}]"), vec!["a", "c"], format!("[{a},{c}]")),
        (format!("[{a},{b},{c}]"), vec!["b", "c"], format!("[{b},{c}]")),
        (format!("[{a},{b},{c}]"), vec![], "[]".to_owned()),
        (format!("[{a},{b},{a},{b}]"), vec!["a"], format!("[{a},{a}]")),
        (format!("[\n  {a},\n  {b},\n  {c}\n]"), vec!["a", "c"], format!("[\n  {a},\n  {c}\n]")),
        (format!("[\n  {a},\n  {b},\n  {c}\n]"), vec!["b"], format!("[\n  {b}]")),
        (format!("[ {a} , {b} ]"), vec!["b"], format!("[ {b} ]")),
        (format!("[\n {a}\n]"), vec![], "[]".to_owned()),
        ("[]".to_owned(), vec!["a"], "[]".to_owned()),
        ("[ ]".to_owned(), vec![], "[ ]".to_owned()),
        ("null".to_owned(), vec![], "[]".to_owned()),
    ] {
        for (before, after) in
            [("", ""), (r#""_meta":{"k":[1 ,2]},"#, r#","nextCursor":"p\u0032","other": null "#)]
        {
            let result = tools(&format!(r#"{{{before}"tools":{list}{after}}}"#), &keep);
            assert_eq!(result, Ok(format!(r#"{{{before}"tools":{expected}{after}}}"#)));
        }
    }
}

#[test]
fn nothing_to_change_is_no_copy() {
    let text = br#"{"id":1,"result":{"tools":[{"name":"a"}],"nextCursor":"x"},"jsonrpc":"2.0"}"#;
    let filtered = filter(ListKind::Tools, Era::Legacy, text, &mut |_| true).unwrap();
    assert!(filtered.is_unchanged());
    assert_eq!((filtered.kept, filtered.removed, filtered.unreadable), (1, 0, 0));
    assert_eq!(filtered.bytes(), text);
}

#[test]
fn entries_that_could_be_two_things_are_hidden() {
    for entry in [
        r#"{"name":"a","name":"b"}"#,
        r#"{"name":"a","Name":"b"}"#,
        r#"{"name":"a","NAME":"b"}"#,
        r#"{"name":"a","n\u0061me":"b"}"#,
        r#"{"name":"a","name\u0000":"b"}"#,
        r#"{"name":"a"," name":"b"}"#,
        r#"{"Name":"a"}"#,
        "{}",
        r#"{"name":null}"#,
        r#"{"name":1}"#,
        r#"{"name":""}"#,
        r#"{"name":["a"]}"#,
        r#"{"name":"a\u0000"}"#,
        r#"{"name":"\ud800"}"#,
        r#""a""#,
        "1",
        "null",
        "[]",
        r#"[{"name":"a"}]"#,
    ] {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{entry},{{"name":"a"}}]}}}}"#);
        let filtered =
            filter(ListKind::Tools, Era::Legacy, text.as_bytes(), &mut |_| true).unwrap();
        assert_eq!((filtered.kept, filtered.unreadable), (1, 1), "{entry}");
        assert_eq!(
            filtered.bytes(),
            br#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#,
            "{entry}"
        );
    }
}

#[test]
fn each_list_has_its_key() {
    for (kind, member, key) in [
        (ListKind::Tools, "tools", "name"),
        (ListKind::Prompts, "prompts", "name"),
        (ListKind::Resources, "resources", "uri"),
        (ListKind::ResourceTemplates, "resourceTemplates", "uriTemplate"),
    ] {
        let result = format!(r#"{{"{member}":[{{"name":"n","{key}":"x"}},{{"{key}":"y"}}]}}"#)
            .replace(r#""name":"n","name""#, r#""title":"n","name""#);
        let kept = format!(r#"{{"{member}":[{{"{key}":"y"}}]}}"#);
        assert_eq!(released(kind, Era::Legacy, &result, &["y", "n"]), Ok(kept));
    }
    let traversal = r#"{"resources":[{"uri":"file:///a/../b"},{"uri":"file:///b"}]}"#;
    let kept =
        released(ListKind::Resources, Era::Legacy, traversal, &["file:///a/../b", "file:///b"]);
    assert_eq!(kept.unwrap(), r#"{"resources":[{"uri":"file:///b"}]}"#);
}

#[test]
fn a_list_that_cannot_be_told_is_withheld() {
    for result in
        ["{}", "[]", "null", "1", r#"{"tools":{}}"#, r#"{"tools":"a"}"#, r#"{"prompts":[]}"#]
    {
        assert_eq!(
            tools(result, &["a"]),
            Err(Reason::NoList { kind: ListKind::Tools }),
            "{result}"
        );
    }
    for result in [
        r#"{"tools":[],"tools":[{"name":"b"}]}"#,
        r#"{"tools":[],"Tools":[{"name":"b"}]}"#,
        r#"{"tools":[],"t\u006fols":[{"name":"b"}]}"#,
        r#"{"tools":[],"tools\u0000":[]}"#,
        r#"{"Tools":[{"name":"b"}]}"#,
        r#"{"tools":[],"nextCursor":"a","NextCursor":"b"}"#,
        r#"{"tools":[],"cacheScope":"private","cacheScope":"public"}"#,
        r#"{"tools":[],"TTLMS":1}"#,
    ] {
        assert_eq!(tools(result, &["a"]), Err(Reason::UnclearAnswer), "{result}");
    }
    let refused = filter(
        ListKind::Tools,
        Era::Legacy,
        br#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        &mut |_| true,
    );
    assert_eq!(refused.unwrap_err().reason.code(), crate::error::code::INTERNAL_ERROR);
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert!(filter(ListKind::Tools, Era::Legacy, request, &mut |_| true).is_err());
}

#[test]
fn other_lists_in_the_answer_do_not_slip_through() {
    let result = r#"{"prompts":[{"name":"a"}],"tools":[{"name":"a"},{"name":"b"}]}"#;
    assert_eq!(tools(result, &["a"]), Ok(r#"{"prompts":[],"tools":[{"name":"a"}]}"#.to_owned()));
}

#[test]
fn errors_pass() {
    let text =
        br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no","data":{"tools":[1]}}}"#;
    assert_eq!(filter(ListKind::Tools, Era::Legacy, text, &mut |_| false).unwrap().bytes(), text);
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let result =
        |count: usize| format!(r#"{{"tools":[{}]}}"#, vec![r#"{"name":"a"}"#; count].join(","));
    assert_eq!(tools(&result(ENTRIES), &["a"]), Ok(result(ENTRIES)));
    assert_eq!(tools(&result(ENTRIES + 1), &["a"]), Err(Reason::LongList { limit: ENTRIES }));
}

/// An entry as a server may send it: mostly sound, with members around the name.
fn any_entry() -> impl Strategy<Value = Value> {
    let named = ("[ab]", crate::json::tests::any_value(), any::<bool>()).prop_map(
        |(name, extra, first)| {
            if first {
                json!({"name": name, "x": extra})
            } else {
                json!({"x": extra, "name": name})
            }
        },
    );
    prop_oneof![4 => named, 1 => crate::json::tests::any_value()]
}

proptest! {
    #[test]
    fn filters_as_a_naive_filter_does(
        entries in prop::collection::vec(any_entry(), 0..8),
        rest in crate::json::tests::any_value(),
        pretty in any::<bool>(),
        tail in any::<bool>(),
    ) {
        let result = if tail { json!({"tools": entries, "x": rest}) } else { json!({"x": rest, "tools": entries}) };
        let message = json!({"jsonrpc": "2.0", "id": "i", "result": result});
        let text = if pretty { serde_json::to_string_pretty(&message).unwrap() } else { message.to_string() };
        let filtered = filter(ListKind::Tools, Era::Legacy, text.as_bytes(), &mut |name| name == "a").unwrap();

        let kept: Vec<&Value> = entries.iter().filter(|entry| entry.get("name") == Some(&json!("a"))).collect();
        let mut expected = message;
        expected["result"]["tools"] = json!(kept);
        let exact = expected.to_string();
        // Through the same reader, which does not keep every digit.
        let expected: Value = serde_json::from_str(&exact).unwrap();
        let read: Value = serde_json::from_slice(filtered.bytes()).unwrap();
        prop_assert_eq!(&read, &expected);
        prop_assert_eq!(filtered.kept, kept.len());
        prop_assert_eq!(filtered.kept + filtered.removed + filtered.unreadable, entries.len());

        // Byte for byte: the compact form of what is expected, when all was compact.
        if !pretty {
            prop_assert_eq!(filtered.bytes(), exact.as_bytes());
        }
        // Filtering again changes nothing.
        let again = filtered.into_bytes().into_owned();
        let twice = filter(ListKind::Tools, Era::Legacy, &again, &mut |name| name == "a").unwrap();
        prop_assert!(twice.is_unchanged());
    }
}
