use super::*;

fn check(json: &str, sort: Sort) -> Result<Cow<'_, str>, SubjectFault> {
    read(Some(Raw::checked(json)), "name", sort).map_err(|reason| match reason {
        Reason::Subject { fault, .. } => fault,
        other => panic!("{other}"),
    })
}

#[test]
fn names() {
    assert_eq!(check(r#""get_weather""#, Sort::Name).unwrap(), "get_weather");
    // Blanks and case are significant and for policy to judge.
    assert_eq!(check(r#"" A b ""#, Sort::Name).unwrap(), " A b ");
    assert_eq!(check(r#""../x""#, Sort::Name).unwrap(), "../x");
    assert_eq!(check(r#""\u0061""#, Sort::Name).unwrap(), "a");
    for (json, fault) in [
        (r#""""#, SubjectFault::Missing),
        ("null", SubjectFault::Missing),
        ("1", SubjectFault::NotText),
        (r#"["a"]"#, SubjectFault::NotText),
        (r#"{"a":1}"#, SubjectFault::NotText),
        (r#""\ud800""#, SubjectFault::NotText),
        (r#""a\u0000""#, SubjectFault::Control),
        (r#""a\nb""#, SubjectFault::Control),
        (r#""a\u007f""#, SubjectFault::Control),
        (r#""a\u0085""#, SubjectFault::Control),
    ] {
        assert_eq!(check(json, Sort::Name), Err(fault), "{json}");
    }
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let name = |length: usize| format!("\"{}\"", "x".repeat(length));
    assert!(check(&name(SUBJECT_BYTES), Sort::Name).is_ok());
    assert_eq!(check(&name(SUBJECT_BYTES + 1), Sort::Name), Err(SubjectFault::TooLong));
}

#[test]
fn uris_that_lead_elsewhere() {
    for uri in [
        "file:///ok/../etc/passwd",
        "file:///ok/..",
        "..",
        "../x",
        "file:///ok/%2e%2e/x",
        "file:///ok/.%2E/x",
        "file:///ok/..%2fx",
        "file:///ok%2F..%2Fx",
        "file:///ok/..\\\\x",
        "file:///ok/..%5cx",
        "file:///ok/..?q",
        "file:///ok/..#f",
    ] {
        assert_eq!(check(&format!("\"{uri}\""), Sort::Uri), Err(SubjectFault::Traversal), "{uri}");
    }
    for uri in [
        "file:///a/b",
        "demo://resource/static/1",
        "file:///a..b/c",
        "file:///...",
        "file:///a%20b",
        "x://h/p?up=../x",
        "file:///{path}",
        "file:///a/./b",
    ] {
        assert!(check(&format!("\"{uri}\""), Sort::Uri).is_ok(), "{uri}");
    }
}
