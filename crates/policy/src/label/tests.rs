use resource::Traits;

use super::*;

fn selector(pairs: &[(&str, &[&str])]) -> LabelSelector {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    LabelSelector(pairs.iter().map(|(key, values)| ((*key).to_owned(), owned(values))).collect())
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn expanded(pairs: &[(&str, &[&str])], side: Side) -> LabelMatcher {
    let traits = Traits::from([
        ("env".to_owned(), vec!["dev".to_owned(), "stage-*".to_owned()]),
        ("star".to_owned(), vec!["*".to_owned(), "x".to_owned()]),
        ("bad".to_owned(), vec!["^(x$".to_owned()]),
        ("key".to_owned(), vec!["env".to_owned(), "team".to_owned()]),
    ]);
    LabelMatcher::expand(
        &selector(pairs),
        side,
        Values::new("alice", &traits),
        &mut PatternCache::default(),
    )
}

#[track_caller]
fn check(matcher: &LabelMatcher, pairs: &[(&str, &str)], expected: Option<bool>) {
    let labels = labels(pairs);
    assert_eq!(matcher.matches(&labels).ok(), expected, "{pairs:?}");
    // The findings tell the same story.
    let findings = matcher.findings(&labels, &BTreeSet::new());
    let story = match findings.last().map(|finding| &finding.outcome) {
        Some(KeyOutcome::AnyValue | KeyOutcome::Value(_)) => Some(true),
        Some(KeyOutcome::NoValue | KeyOutcome::Absent) | None => Some(false),
        Some(KeyOutcome::Error(_)) => None,
    };
    if !matcher.is_everything() {
        assert_eq!(story, expected, "{findings:?}");
    }
}

#[test]
fn selectors() {
    let of = |pairs: &[(&str, &[&str])]| LabelMatcher::compile(&selector(pairs));
    check(&of(&[]), &[("a", "b")], Some(false));
    check(&of(&[("*", &["*"])]), &[], Some(true));
    check(&of(&[("*", &["*"]), ("env", &["prod"])]), &[], Some(true));
    check(&of(&[("*", &["prod"])]), &[("env", "prod")], Some(false));
    check(&of(&[("*", &["prod"])]), &[("*", "prod")], Some(true));
    check(&of(&[("*", &["*", "x"])]), &[("a", "b")], Some(false));
    check(&of(&[("env", &["*"])]), &[("env", "")], Some(true));
    check(&of(&[("env", &["*"])]), &[("env", "a\nb")], Some(true));
    check(&of(&[("env", &["*"])]), &[], Some(false));
    check(&of(&[("env", &[])]), &[("env", "x")], Some(false));
    check(
        &of(&[("env", &["a", "b"]), ("team", &["x"])]),
        &[("env", "b"), ("team", "x")],
        Some(true),
    );
    check(&of(&[("env", &["a"]), ("team", &["x"])]), &[("env", "a")], Some(false));
    check(&of(&[("env*", &["a"])]), &[("env1", "a")], Some(false));
}

#[test]
fn errors_are_met_in_order() {
    let of = |values: &[&str]| LabelMatcher::compile(&selector(&[("env", values)]));
    check(&of(&["^(x$"]), &[("env", "a")], None);
    check(&of(&["^(x$"]), &[("team", "a")], Some(false));
    check(&of(&["a", "^(x$"]), &[("env", "a")], Some(true));
    check(&of(&["^(x$", "a"]), &[("env", "a")], None);
    // The wildcard comes before everything, wherever it stands.
    check(&of(&["^(x$", "*"]), &[("env", "a")], Some(true));
}

#[test]
fn both_spellings_of_a_key_are_one() {
    let matcher = LabelMatcher::compile(&selector(&[("teleport.internal/app-sub-kind", &["mcp"])]));
    check(&matcher, &[("tessera.internal/app-sub-kind", "mcp")], Some(true));
    let labels = canonical(&labels(&[("teleport.dev/origin", "dynamic")]));
    assert_eq!(labels.keys().collect::<Vec<_>>(), ["tessera.dev/origin"]);
    assert_eq!(spellings("tessera.dev/x").collect::<Vec<_>>(), ["tessera.dev/x", "teleport.dev/x"]);
    assert_eq!(spellings("x").collect::<Vec<_>>(), ["x"]);
}

#[test]
fn templates() {
    for side in [Side::Allow, Side::Deny] {
        let env = expanded(&[("env", &["{{external.env}}"])], side);
        check(&env, &[("env", "dev")], Some(true));
        check(&env, &[("env", "stage-1")], Some(true));
        check(&env, &[("env", "prod")], Some(false));
        // A missing trait is the empty value, and removes neither the key nor the other values.
        let missing = expanded(&[("env", &["{{external.no}}", "prod"])], side);
        check(&missing, &[("env", "")], Some(true));
        check(&missing, &[("env", "prod")], Some(true));
        check(&missing, &[("env", "x")], Some(false));
        // A key has one value.
        let key = expanded(&[("{{external.key}}", &["a"])], side);
        check(&key, &[("env", "a")], Some(true));
        check(&key, &[("team", "a")], Some(false));
        let key = expanded(&[("{{external.no}}", &["a"])], side);
        check(&key, &[("no", "a")], Some(false));
        check(&key, &[("", "a")], Some(true));
        let everything = expanded(&[("{{external.star}}", &["{{\"*\"}}"])], side);
        check(&everything, &[], Some(true));
        check(&expanded(&[("env", &["{{external.bad}}"])], side), &[("env", "a")], None);
        check(&expanded(&[("env", &["{{external.star}}"])], side), &[("env", "zz")], Some(true));
    }
}

#[test]
fn what_cannot_be_evaluated_is_empty_in_allow_and_an_error_in_deny() {
    for entry in
        ["{{external.a}}{{external.b}}", "{{internal.nope}}", "{{email.local(external.env)}}"]
    {
        let value: &[(&str, &[&str])] = &[("env", &[entry])];
        check(&expanded(value, Side::Allow), &[("env", "")], Some(true));
        check(&expanded(value, Side::Allow), &[("env", "x")], Some(false));
        check(&expanded(value, Side::Deny), &[("env", "x")], None);
        check(&expanded(value, Side::Deny), &[("team", "x")], Some(false));
        let key: &[(&str, &[&str])] = &[(entry, &["x"])];
        check(&expanded(key, Side::Allow), &[("", "x")], Some(true));
        check(&expanded(key, Side::Deny), &[("team", "x")], None);
    }
}

#[test]
fn keys_that_become_one() {
    let pairs: &[(&str, &[&str])] = &[("env", &["a"]), ("{{\"env\"}}", &["b"])];
    // Both have to hold where they grant; one is enough where they deny.
    check(&expanded(pairs, Side::Allow), &[("env", "a")], Some(false));
    check(&expanded(pairs, Side::Deny), &[("env", "a")], Some(true));
    check(&expanded(pairs, Side::Deny), &[("env", "b")], Some(true));
}

#[test]
fn values_that_are_too_long_cannot_be_evaluated() {
    let matcher = LabelMatcher::compile(&LabelSelector::from_pairs([("k", "a*")]));
    let labels = |bytes| Labels::from([("k".to_owned(), "a".repeat(bytes))]);
    assert_eq!(matcher.matches(&labels(MAX_SUBJECT_BYTES)), Ok(true));
    assert!(matcher.matches(&labels(MAX_SUBJECT_BYTES + 1)).is_err());
    let any = LabelMatcher::compile(&LabelSelector::from_pairs([("k", "*")]));
    assert_eq!(any.matches(&labels(MAX_SUBJECT_BYTES + 1)), Ok(true));
}
