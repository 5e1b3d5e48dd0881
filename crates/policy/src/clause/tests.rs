use super::*;

fn eval_in(text: &str, with_resource: bool) -> bool {
    let clause = Clause::parse(text).unwrap_or_else(|error| panic!("{}", error.show(text)));
    let labels = Labels::from([
        ("env".to_owned(), "dev".to_owned()),
        ("tessera.dev/origin".to_owned(), "dynamic".to_owned()),
    ]);
    let traits = Traits::from([("teams".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);
    let roles = ["editor".to_owned()];
    let resource = ResourceRef { ca_type: "host", ..ResourceRef::new("app", "team-a-x", &labels) };
    clause.eval(Context {
        user: "alice",
        roles: &roles,
        traits: &traits,
        resource: with_resource.then_some(resource),
    })
}

#[track_caller]
fn holds(text: &str) {
    assert!(eval_in(text, true), "{text}");
}

#[track_caller]
fn fails(text: &str) {
    assert!(!eval_in(text, true), "{text}");
}

#[track_caller]
fn refused(text: &str, message: &str) {
    let error = Clause::parse(text).expect_err(text);
    assert!(error.message().contains(message), "{text}: {error}");
}

#[test]
fn names() {
    holds(r#"equals(user.metadata.name, "alice")"#);
    holds(r#"contains(user.spec.roles, "editor")"#);
    holds(r#"contains(user.spec.traits["teams"], "b")"#);
    fails(r#"contains(user.spec.traits["no"], "b")"#);
    holds(r#"equals(resource.kind, "app")"#);
    holds(r#"equals(resource.metadata.name, "team-a-x") && equals(name, "team-a-x")"#);
    holds(r#"equals(resource.metadata.labels["env"], "dev")"#);
    holds(r#"equals(resource.metadata.labels["teleport.dev/origin"], "dynamic")"#);
    holds(r#"equals(resource.metadata.labels["no"], "")"#);
    holds(r#"resource.metadata.labels["env"] == "dev""#);
    holds(r#"resource.metadata.labels["env"] != "prod""#);
    holds(r#"equals(system.catype(), "host")"#);
    holds(r#"equals(user.spec.roles, set("editor"))"#);
}

#[test]
fn functions() {
    holds(r#"has_prefix(name, "team-a-")"#);
    fails(r#"has_prefix(name, "team-b-")"#);
    holds(r#"is_subset(user.spec.traits["teams"], "a", "b", "c")"#);
    fails(r#"is_subset(user.spec.traits["teams"], "a")"#);
    holds(r#"is_subset(user.spec.traits["no"], "a")"#);
    holds(r#"is_subset(user.spec.traits["no"])"#);
    holds(r#"contains_any(user.spec.traits["teams"], set("x", "a"))"#);
    holds(r#"contains_all(user.spec.traits["teams"], set("a", "b"))"#);
    fails(r#"contains_all(user.spec.traits["teams"], set())"#);
    holds(r#"all_equal(set("a", "a"), "a")"#);
    fails(r#"all_equal(user.spec.traits["teams"], "a")"#);
    holds(r#"all_end_with(set("x.example.com"), ".example.com")"#);
    fails(r#"can_view()"#);
    holds(r#"!can_view() && (equals("a", "b") || equals("a", "a"))"#);
    holds(r#"equals(set("a", "b", "c", "d"), set("a", "b", "c", "d"))"#);
}

#[test]
fn wrong_types_are_false() {
    fails(r#"contains("editor", user.spec.roles)"#);
    fails(r#"contains(user.spec.traits, "a")"#);
    fails(r#"equals(user.spec.roles, "editor")"#);
    fails(r#"equals(1, 1)"#);
    fails(r#"has_prefix(user.spec.roles, "e")"#);
    fails(r#"is_subset("a", "a")"#);
    fails(r#"is_subset(user.spec.traits["teams"], set("a", "b"))"#);
    fails(r#"all_equal("a", "a")"#);
    fails(r#"equals(equals("a", "a"), "a")"#);
    fails(r#"equals(resource.metadata.labels, resource.metadata.labels)"#);
}

#[test]
fn what_is_not_there_compares_false() {
    for text in [
        r#"equals(resource.metadata.name, "x")"#,
        r#"resource.metadata.name == """#,
        r#"resource.metadata.labels["env"] != "prod""#,
        r#"has_prefix(resource.kind, "")"#,
        r#"equals(name, resource.metadata.name)"#,
    ] {
        assert!(!eval_in(text, false), "{text}");
    }
    assert!(eval_in(r#"equals(system.catype(), "")"#, false));
    fails(r#"contains(session.participants, user.metadata.name)"#);
    fails(r#"all_equal(host_cert.principals, "x")"#);
    fails(r#"session.user != "alice""#);
    fails(r#"equals(session_tracker.labels["a"], "")"#);
}

#[test]
fn errors() {
    refused("user.metadata.name", "expected a predicate");
    refused(r#"equals("a", "a") && user.metadata.name"#, "expected a predicate");
    refused("!name", "expected a predicate");
    refused(r#"equals(foo.bar, "x")"#, "unknown identifier");
    refused(r#"equals(user.spec.traits.teams, "x")"#, "unknown identifier");
    refused(r#"equals(user.spec.foo, "x")"#, "unknown identifier");
    refused(r#"equals(resource.spec.foo, "x")"#, "unknown identifier");
    refused("session", "unknown identifier");
    refused("true", "unknown identifier");
    refused(r#"containz(user.spec.roles, "x")"#, "unsupported function: containz");
    refused(r#"regexp.match(name, "a*")"#, "unsupported function: regexp.match");
    refused(r#"equals("a")"#, "function (equals) accepts 2 arguments, given 1");
    refused(r#"equals("a", "b", "c")"#, "given 3");
    refused("is_subset()", "accepts 1 argument or more");
    refused(r#"can_view("x")"#, "accepts no arguments");
    refused(r#"equals(name["x"], "y")"#, "only labels and traits have keys");
    refused(r#"equals(user.spec.traits[1], "y")"#, "a key is a string");
    refused(r#"equals("a"["x"], "y")"#, "only labels and traits have keys");
    refused("", "expected a value");
}

#[test]
fn actions() {
    assert!(check_action(r#"log("info", "log entry")"#).is_ok());
    assert!(check_action(r#"log("info", "user %v", user.metadata.name, 1)"#).is_ok());
    for bad in [
        r#"log("info")"#,
        "log()",
        "logg(\"a\", \"b\")",
        "\"log\"",
        "log(user.metadata.name, \"x\")",
        "log(\"info\", \"x\", foo.bar)",
        "log(",
        "equals(\"a\", \"b\")",
    ] {
        assert!(check_action(bad).is_err(), "{bad}");
    }
}

#[test]
fn errors_suggest() {
    let text = r#"equals(user.spec.traits.teams, "x")"#;
    assert_eq!(Clause::parse(text).unwrap_err().help(), Some("write user.spec.traits[\"teams\"]"));
    let text = r#"equals(user.metadata.nam, "x")"#;
    assert_eq!(Clause::parse(text).unwrap_err().help(), Some("did you mean user.metadata.name?"));
}
