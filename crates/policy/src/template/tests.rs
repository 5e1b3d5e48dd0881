use super::*;
use crate::limits::{MAX_TEMPLATE_BYTES, MAX_TEMPLATE_VALUES, MAX_VALUE_BYTES};

fn traits() -> Traits {
    let list = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    Traits::from([
        ("foo".to_owned(), list(&["foovalue"])),
        ("many".to_owned(), list(&["a", "", "b", "a"])),
        ("blank".to_owned(), list(&["", ""])),
        ("none".to_owned(), list(&[])),
        ("email".to_owned(), list(&["Bob <bob@example.com>", "eve@example.com"])),
        ("bad_email".to_owned(), list(&["bob@example.com", "nonsense"])),
        ("empty_email".to_owned(), list(&["bob@example.com", ""])),
        ("foo-bar".to_owned(), list(&["x"])),
        ("logins".to_owned(), list(&["root"])),
        ("local".to_owned(), list(&["l"])),
        ("type".to_owned(), list(&["t"])),
    ])
}

#[derive(Debug, PartialEq)]
enum Found {
    Values(Vec<String>),
    Syntax,
    Bad,
    Nothing,
}

fn expand(text: &str) -> Found {
    let traits = traits();
    let values = Values::new("alice", &traits);
    match Template::parse(text).and_then(|template| template.expand(values)) {
        Ok(values) => Found::Values(values),
        Err(TemplateError::Syntax(_)) => Found::Syntax,
        Err(TemplateError::BadParameter(_) | TemplateError::BadValue(_)) => Found::Bad,
        Err(TemplateError::NotFound(_)) => Found::Nothing,
    }
}

#[track_caller]
fn ok(text: &str, expected: &[&str]) {
    let expected = expected.iter().map(|value| (*value).to_owned()).collect();
    assert_eq!(expand(text), Found::Values(expected), "{text}");
}

#[test]
fn plain_text_stands_for_itself() {
    ok("foo", &["foo"]);
    ok("  foo ", &["  foo "]);
    ok("^a{2}$", &["^a{2}$"]);
    ok("{a}", &["{a}"]);
    assert_eq!(expand(""), Found::Nothing);
}

#[test]
fn traits_by_namespace() {
    ok("{{external.foo}}", &["foovalue"]);
    ok("{{external[\"foo-bar\"]}}", &["x"]);
    ok("{{external[`foo-bar`]}}", &["x"]);
    ok("{{internal.logins}}", &["root"]);
    ok("{{external.logins}}", &["root"]);
    ok("{{anything.foo}}", &["foovalue"]);
    ok("{{user.foo}}", &["foovalue"]);
    ok("{{user.metadata.name}}", &["alice"]);
    ok("{{email.local}}", &["l"]);
    assert_eq!(expand("{{internal.foo}}"), Found::Bad);
    assert_eq!(expand("{{internal[\"foo\"]}}"), Found::Bad);
    assert_eq!(expand("{{internal.Logins}}"), Found::Bad);
    assert_eq!(expand("{{internal.mcp_tools}}"), Found::Nothing);
    assert_eq!(expand("{{external.missing}}"), Found::Nothing);
    assert_eq!(expand("{{external.none}}"), Found::Nothing);
    assert_eq!(expand("{{external.blank}}"), Found::Nothing);
}

#[test]
fn what_stands_around_a_template() {
    ok("  hello,  {{  external.foo  }}  there! ", &["hello,  foovalue  there!"]);
    ok("IAM#{{external.many}};", &["IAM#a;", "IAM#b;", "IAM#a;"]);
    ok("^{{external.foo}}$", &["^foovalue$"]);
    ok("\n{{\nexternal.foo\n}}\n", &["foovalue"]);
    // Something around an empty value does not make it a value.
    assert_eq!(expand("x{{external.blank}}"), Found::Nothing);
}

#[test]
fn shapes_that_are_no_template() {
    for text in [
        "{{external.foo",
        "external.foo}}",
        "{{}}",
        "{{ }}",
        "{{external.foo}}{{external.foo}}",
        "{{external.foo}}{",
        "}{{external.foo}}",
        "{{{external.foo}}}",
        "{{external..foo}}",
        "{{external}}",
        "{{external.foo.bar}}",
        "{{external.foo[\"bar\"]}}",
        "{{external[foo]}}",
        "{{external['foo']}}",
        "{{external[1]}}",
        "{{1}}",
        "{{external.foo + \"x\"}}",
        "{{external.foo == \"x\"}}",
        "{{!external.foo}}",
        "{{external.foo external.foo}}",
        "{{external.foo-bar}}",
        "{{external.type}}",
        "{{\"a\"[\"b\"]}}",
        "{{user.metadata.nam}}",
        "^a{{2}}$",
    ] {
        assert_eq!(expand(text), Found::Syntax, "{text}");
    }
    ok("{{(external.foo)}}", &["foovalue"]);
    ok("{{external.foo /* why */}}", &["foovalue"]);
    ok("{{external[\"type\"]}}", &["t"]);
}

#[test]
fn constants() {
    ok("{{\"asdf\"}}", &["asdf"]);
    ok("{{`a\\d`}}", &["a\\d"]);
    assert_eq!(expand("{{\"\"}}"), Found::Nothing);
    assert_eq!(expand("{{\"\\d\"}}"), Found::Syntax);
}

#[test]
fn email_local() {
    ok("{{email.local(external.email)}}", &["bob", "eve"]);
    ok("{{email.local(\"Alice <alice@example.com>\")}}", &["alice"]);
    assert_eq!(expand("{{email.local(external.bad_email)}}"), Found::Bad);
    assert_eq!(expand("{{email.local(external.empty_email)}}"), Found::Bad);
    assert_eq!(expand("{{email.local(external.none)}}"), Found::Nothing);
    assert_eq!(expand("{{email.local(external.missing)}}"), Found::Nothing);
    assert_eq!(expand("{{email.local()}}"), Found::Syntax);
    assert_eq!(expand("{{email.local(external.email, 1)}}"), Found::Syntax);
    assert_eq!(expand("{{email.local(internal.foo)}}"), Found::Bad);
}

#[test]
fn regexp_replace() {
    ok(r#"{{regexp.replace(external.foo, "^(.*)value$", "$1")}}"#, &["foo"]);
    ok(r#"{{regexp.replace(external.foo, "o", "0")}}"#, &["f00value"]);
    ok("{{regexp.replace(external.email, `@.*`, \"\")}}", &["Bob <bob", "eve"]);
    ok(r#"{{regexp.replace(external.many, "b", "c")}}"#, &["c"]);
    ok(r#"{{regexp.replace(email.local(external.email), "(.)$", "$1$1")}}"#, &["bobb", "evee"]);
    ok(r#"{{regexp.replace("abc", "(b)", "<$1>")}}"#, &["a<b>c"]);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, "zzz", "x")}}"#), Found::Nothing);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, ".*", "")}}"#), Found::Nothing);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, "(()", "x")}}"#), Found::Bad);
    assert_eq!(expand(r#"{{regexp.replace(external.missing, "(()", "x")}}"#), Found::Bad);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, external.foo, "x")}}"#), Found::Syntax);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, "a", external.foo)}}"#), Found::Syntax);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, "a")}}"#), Found::Syntax);
    assert_eq!(expand(r#"{{regexp.replace(external.foo, "\d", "x")}}"#), Found::Syntax);
}

#[test]
fn functions_of_other_languages() {
    for call in [
        "regexp.match(\"a\")",
        "regexp.not_match(\"a\")",
        "strings.lower(external.foo)",
        "foo()",
        "email.localz(external.email)",
        "external.foo()",
        "set(\"a\")",
        "labels.a()",
        "regexp.replace(regexp.match(\"a\"), \"a\", \"b\")",
    ] {
        assert_eq!(expand(&format!("{{{{{call}}}}}")), Found::Syntax, "{call}");
    }
}

#[test]
fn tools_of_the_root_cluster_join_the_trait() {
    let traits = Traits::from([("mcp_tools".to_owned(), vec!["own".to_owned()])]);
    let root = ["slack_*".to_owned()];
    let values = Values { root_tools: &root, ..Values::new("alice", &traits) };
    let expand = |text: &str| Template::parse(text).unwrap().expand(values).unwrap();
    assert_eq!(expand("{{internal.mcp_tools}}"), ["slack_*", "own"]);
    assert_eq!(expand("{{external.mcp_tools}}"), ["own"]);
    let none = Traits::new();
    let values = Values { traits: &none, ..values };
    let template = Template::parse("{{internal.mcp_tools}}").unwrap();
    assert_eq!(template.expand(values).unwrap(), ["slack_*"]);
    assert!(template.reads_root_tools());
    assert!(!Template::parse("{{external.mcp_tools}}").unwrap().reads_root_tools());
}

#[test]
fn errors_point() {
    let shown = |text: &str| match Template::parse(text) {
        Err(TemplateError::Syntax(error) | TemplateError::BadParameter(error)) => error.show(text),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        shown("x-{{email.localz(external.email)}}"),
        "unsupported function: email.localz\n  x-{{email.localz(external.email)}}\n      \
         ^^^^^^^^^^^^\n  help: did you mean email.local?"
    );
    assert_eq!(
        shown("{{foo}}"),
        "`foo` has no namespace\n  {{foo}}\n    ^^^\n  help: a trait is written external.foo"
    );
    assert!(shown(r#"{{regexp.replace(external.foo, "(()", "x")}}"#).contains("missing closing )"));
}

#[test]
fn bounds() {
    let at = "a".repeat(MAX_TEMPLATE_BYTES);
    assert!(Template::parse(&at).is_ok());
    assert!(Template::parse(&format!("{at}a")).is_err());

    let template = Template::parse("{{external.t}}").unwrap();
    let expand = |values: Vec<String>| {
        let traits = Traits::from([("t".to_owned(), values)]);
        template.expand(Values::new("alice", &traits))
    };
    assert!(expand(vec!["x".to_owned(); MAX_TEMPLATE_VALUES]).is_ok());
    assert!(expand(vec!["x".to_owned(); MAX_TEMPLATE_VALUES + 1]).is_err());
    assert!(expand(vec!["x".repeat(MAX_VALUE_BYTES)]).is_ok());
    assert!(expand(vec!["x".repeat(MAX_VALUE_BYTES + 1)]).is_err());
}
