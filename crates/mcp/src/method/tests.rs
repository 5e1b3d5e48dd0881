use super::*;

fn read(json: &str) -> Result<Method<'_>, Reason> {
    Method::read(Raw::checked(json))
}

#[test]
fn governed_methods_are_read_back() {
    for method in &GOVERNED {
        let name = method.governed_name().unwrap();
        assert_eq!(read(&format!("\"{name}\"")).as_ref(), Ok(method));
        assert_eq!(method.as_str(), name);
        assert_eq!(Method::exact(name).as_ref(), Some(method));
        // Escapes are part of JSON, not of the name: every reader sees the same.
        let slash = name.replace('/', "\\/");
        assert_eq!(read(&format!("\"{slash}\"")).as_ref(), Ok(method));
    }
}

#[test]
fn what_a_lenient_server_takes_for_a_governed_method_is_refused() {
    for json in [
        r#""Tools/call""#,
        r#""TOOLS/CALL""#,
        r#""tools/Call""#,
        r#"" tools/call""#,
        r#""tools/call ""#,
        r#""tools/call\n""#,
        r#""tools/call\u0000""#,
        r#""tools/call\u0000x""#,
        r#""\u0000tools/call""#,
        r#""tools/call\t""#,
        r#""tools /call""#,
        "\"toolſ/call\"",
        "\"tools/call\u{200b}\"",
        "\"\u{feff}tools/call\"",
        "\"tools/call\u{a0}\"",
        "\"tools/call\u{7f}\"",
    ] {
        assert_eq!(read(json), Err(Reason::ConfusableMethod { method: "tools/call" }), "{json}");
    }
    assert_eq!(
        read(r#""Resources/Templates/List""#),
        Err(Reason::ConfusableMethod { method: "resources/templates/list" })
    );
}

#[test]
fn methods_that_are_no_plain_strings_are_refused() {
    for json in [
        "1",
        "null",
        "[]",
        r#""""#,
        r#""a\u0000b""#,
        r#""a\nb""#,
        r#"" x""#,
        r#""x ""#,
        r#""\ud800""#,
    ] {
        assert_eq!(read(json), Err(Reason::Method), "{json}");
    }
}

#[test]
fn other_methods_pass() {
    for name in
        ["ping", "tools/calls", "tools/call/x", "vendor/do It", "Ping", "日本", "tasks/gets"]
    {
        assert_eq!(read(&format!("\"{name}\"")), Ok(Method::Other(name.into())));
    }
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let method = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(read(&method(METHOD_BYTES)).is_ok());
    assert_eq!(read(&method(METHOD_BYTES + 1)), Err(Reason::Method));
}
