use super::*;
use crate::limits::MAX_EXPRESSION_PROGRAMS_BYTES;

struct Fixture {
    labels: Labels,
    traits: Traits,
}

impl Fixture {
    fn new() -> Self {
        let labels = [
            ("env", "staging"),
            ("owner", "dev-123"),
            ("team", "a"),
            ("project-x", "one"),
            ("project-y", "two"),
            ("tessera.internal/app-sub-kind", "mcp"),
            ("alice", "yes"),
        ];
        let traits = [
            ("teams", vec!["a", "b"]),
            ("email", vec!["Bob <bob@example.com>"]),
            ("bad", vec!["nonsense"]),
            ("names", vec!["Straße", "İx", "ᾳ", "σς"]),
            ("key", vec!["env"]),
        ];
        Self {
            labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            traits: traits
                .into_iter()
                .map(|(k, v)| (k.to_owned(), v.into_iter().map(str::to_owned).collect()))
                .collect(),
        }
    }

    fn context<'a>(&'a self, user: &'a str) -> Context<'a> {
        Context { labels: &self.labels, user, traits: &self.traits }
    }
}

fn eval(text: &str) -> Result<bool, EvalError> {
    let expression =
        LabelExpression::parse(text).unwrap_or_else(|error| panic!("{}", error.show(text)));
    expression.eval(Fixture::new().context("alice"))
}

#[track_caller]
fn holds(text: &str) {
    assert_eq!(eval(text), Ok(true), "{text}");
}

#[track_caller]
fn fails(text: &str) {
    assert_eq!(eval(text), Ok(false), "{text}");
}

#[track_caller]
fn errs(text: &str) {
    assert!(eval(text).is_err(), "{text}");
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = LabelExpression::parse(text).expect_err(text);
    assert!(error.message().contains(message), "{text}: {error}");
}

#[test]
fn labels_and_traits() {
    holds(r#"labels["env"] == "staging""#);
    holds(r#"labels.env == "staging""#);
    holds(r#"labels.missing == """#);
    holds(r#"labels["missing"] != "x""#);
    holds(r#"labels[user.metadata.name] == "yes""#);
    holds(r#"labels["teleport.internal/app-sub-kind"] == "mcp""#);
    holds(r#"labels["tessera.internal/app-sub-kind"] == "mcp""#);
    holds(r#"contains(user.spec.traits.teams, "a")"#);
    holds(r#"contains(user.spec.traits["teams"], labels.team)"#);
    fails(r#"contains(user.spec.traits["missing"], "a")"#);
    holds(r#"user.metadata.name == "alice""#);
    fails(r#"contains(user.spec.traits["{{external.x}}"], "a")"#);
}

#[test]
fn operators() {
    holds(r#"labels.env == "staging" && labels.team == "a""#);
    fails(r#"labels.env == "x" || labels.team == "x""#);
    holds(r#"!(labels.env == "x") && !contains(set(), "a")"#);
    holds("1 == 1 && 1 != 2");
    fails("1 == 2");
    holds(r#"labels.env == "staging" || labels.env == "x" && labels.env == "y""#);
    holds("labels.env ==\n \"staging\"");
}

#[test]
fn lists() {
    holds(r#"contains_any(user.spec.traits.teams, set("x", "b"))"#);
    fails(r#"contains_any(set(), set("b"))"#);
    fails(r#"contains_any(set("b"), set())"#);
    holds(r#"contains_all(user.spec.traits.teams, set("a", "b"))"#);
    fails(r#"contains_all(user.spec.traits.teams, set("a", "c"))"#);
    fails(r#"contains_all(user.spec.traits.teams, set())"#);
    holds(r#"contains(labels.env, "staging")"#);
    holds(r#"contains_all("a", labels.team)"#);
}

#[test]
fn functions() {
    holds(r#"regexp.match(labels.owner, "dev-*")"#);
    holds(r#"regexp.match(user.spec.traits.teams, "^[b]$")"#);
    fails(r#"regexp.match(labels.env, "stag")"#);
    fails(r#"regexp.match(labels.env, "stag.*")"#);
    holds(r#"regexp.match(labels.env, labels.env)"#);
    holds(r#"contains(regexp.replace(labels.owner, "dev-(\\d+)", "$1"), "123")"#);
    holds(r#"contains(regexp.replace(labels.owner, "\\d", "x"), "dev-xxx")"#);
    fails(r#"contains(regexp.replace(labels.owner, "zzz", "x"), "dev-123")"#);
    holds(r#"contains(email.local(user.spec.traits.email), "bob")"#);
    holds(r#"contains(labels_matching("project-*"), "two")"#);
    fails(r#"contains(labels_matching("project"), "two")"#);
    holds(r#"contains(labels_matching("^project-(x|y)$"), "one")"#);
    holds(r#"contains(labels_matching("teleport.internal/*"), "mcp")"#);
    holds(r#"contains(labels_matching("tessera.internal/*"), "mcp")"#);
}

#[test]
fn letter_case_maps_character_by_character() {
    holds(r#"contains(strings.upper(user.spec.traits.names), "STRAßE")"#);
    holds(r#"contains(strings.lower(user.spec.traits.names), "ix")"#);
    holds(r#"contains(strings.upper(user.spec.traits.names), "ᾼ")"#);
    holds(r#"contains(strings.upper(user.spec.traits.names), "ΣΣ")"#);
    holds(r#"contains(strings.lower("ΣΣ"), "σσ")"#);
    holds(r#"contains(strings.lower(set("A", "B")), "b")"#);
}

#[test]
fn errors_while_evaluating() {
    errs(r#"contains(email.local(user.spec.traits.bad), "x")"#);
    errs(r#"contains(email.local(""), "x")"#);
    errs(r#"regexp.match(labels.env, "^(x$")"#);
    errs(r#"regexp.match(set(), "^(x$")"#);
    errs(r#"contains(regexp.replace(labels.env, "(x", ""), "x")"#);
    errs(r#"contains(labels_matching("^(x$"), "x")"#);
    let name = LabelExpression::parse(r#"user.metadata.name == """#).unwrap();
    assert!(name.eval(Fixture::new().context("")).is_err());
    // What is not reached does no harm.
    holds(r#"labels.env == "staging" || regexp.match(labels.env, "^(x$")"#);
    fails(r#"labels.env == "x" && regexp.match(labels.env, "^(x$")"#);
    let broken = LabelExpression::parse(r#"1 == 1 || regexp.match(labels.env, "^(x$")"#).unwrap();
    assert_eq!(broken.broken_patterns().len(), 1);
}

#[test]
fn types() {
    refused(r#"user.spec.traits["a"] == "b""#, "operator (==) not supported for type: []string");
    refused(r#"contains(labels, "env")"#, "parsing first argument to (contains)");
    refused(r#"contains("a", user.spec.traits["x"])"#, "parsing second argument to (contains)");
    refused(r#"contains(set(user.spec.traits["x"]), "a")"#, "parsing argument 1 to (set)");
    refused(r#"labels["a"] == 1"#, "parsing rhs of (==) operator: expected type string");
    refused(r#"1 == "a""#, "parsing rhs of (==) operator: expected type int");
    refused(r#"labels["a"]"#, "expected type bool, found an expression of type string");
    refused(r#""true""#, "expected type bool");
    refused("1", "expected type bool");
    refused("set()", "expected type bool");
    refused("labels", "expected type bool");
    refused(r#"!labels["a"]"#, "parsing the operand of the (!) operator");
    refused(r#"labels["a"] && 1 == 1"#, "parsing lhs of (&&) operator");
    refused(r#"1 == 1 || labels["a"]"#, "parsing rhs of (||) operator");
    refused("1 == 1 == 1", "operator (==) not supported for type: bool");
    refused("labels == labels", "not supported for type: map[string]string");
    refused(r#"labels["a"]["b"] == "x""#, "cannot take a key of type string");
    refused("labels[1] == \"x\"", "parsing the key in brackets");
    refused(r#"labels[set("a")] == "x""#, "parsing the key in brackets");
    refused(r#"contains(labels["a"])"#, "function (contains) accepts 2 arguments, given 1");
    refused(r#"email.local()"#, "function (email.local) accepts 1 argument, given 0");
    refused(
        r#"regexp.replace("a", "b")"#,
        "function (regexp.replace) accepts 3 arguments, given 2",
    );
    refused(r#"regexp.match(labels["a"], set("b"))"#, "parsing second argument to (regexp.match)");
}

#[test]
fn unknown_names() {
    for name in [
        "true",
        "false",
        "user.spec.roles",
        "user.spec",
        "user",
        "resource.kind",
        "labels.a.b",
        "user.spec.traits.a.b",
        "user.metadata.labels",
        "contains",
        "nil",
    ] {
        refused(name, "unknown identifier");
    }
    for name in [
        "ifelse",
        "choose",
        "option",
        "pair",
        "dict",
        "union",
        "strings.split",
        "strings.replaceall",
        "hasPrefix",
        "equals",
        "exists",
        "search",
        "split",
        "has_prefix",
        "is_subset",
        "system.catype",
        "regexp.not_match",
        "can_view",
        "labels.contains",
    ] {
        refused(&format!("{name}(labels.a)"), &format!("unsupported function: {name}"));
    }
    refused("(contains)[1](labels.a)", "unsupported function");
    refused("labels[\"a\"].b == \"c\"", "only a name can stand before `.`");
}

#[test]
fn errors_point_and_suggest() {
    let text = r#"containz(labels["env"], "staging")"#;
    assert_eq!(
        LabelExpression::parse(text).unwrap_err().show(text),
        "unsupported function: containz\n  containz(labels[\"env\"], \"staging\")\n  ^^^^^^^^\n  \
         help: did you mean contains?"
    );
    let text = r#"labls["env"] == "staging""#;
    assert_eq!(
        LabelExpression::parse(text).unwrap_err().show(text),
        "unknown identifier: \"labls\"\n  labls[\"env\"] == \"staging\"\n  ^^^^^\n  \
         help: did you mean labels?"
    );
}

#[test]
fn programs_are_bounded_together() {
    let one = r#"regexp.match(labels.a, "^x.{1,900}y$")"#;
    let bytes = LabelExpression::parse(one).unwrap().program_bytes();
    let fitting = MAX_EXPRESSION_PROGRAMS_BYTES / bytes + 1;
    let of = |count| LabelExpression::parse(&vec![one; count].join(" || ")).unwrap();
    assert_eq!(of(fitting).broken_patterns(), []);
    let over = of(fitting + 1);
    assert!(over.broken_patterns().first().unwrap().message().contains("those before it"));
    let labels = Labels::from([("a".to_owned(), "x".to_owned())]);
    let context = Context { labels: &labels, user: "alice", traits: &Traits::new() };
    assert_eq!(of(fitting).eval(context), Ok(false));
    assert!(over.eval(context).is_err());
}

#[test]
fn work_is_bounded() {
    let many = |prefix: &str, count: usize| (0..count).map(|at| format!("{prefix}{at}")).collect();
    let eval = |text: &str, count, times| {
        let traits =
            Traits::from([("a".to_owned(), many("a", count)), ("b".to_owned(), many("b", count))]);
        let labels = Labels::from([("p".to_owned(), "^.{1,900}$".to_owned())]);
        let context = Context { labels: &labels, user: "alice", traits: &traits };
        LabelExpression::parse(&vec![text; times].join(" || ")).unwrap().eval(context)
    };
    let overspent = |found: Result<bool, EvalError>| {
        found.is_err_and(|error| error.to_string().contains("more work than is allowed"))
    };
    let compared = "contains_any(user.spec.traits.a, user.spec.traits.b)";
    assert_eq!(eval(compared, 100, 200), Ok(false));
    assert!(overspent(eval(compared, 1000, 100)));
    // Patterns that are known only when they are used are compiled each time.
    let compiled = "regexp.match(user.spec.traits.none, labels.p)";
    assert_eq!(eval(compiled, 1, 2), Ok(false));
    assert!(overspent(eval(compiled, 1, 300)));
}
