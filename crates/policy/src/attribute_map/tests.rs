//! What comes of attributes.

use super::*;

fn map(entries: &[(&str, &str, &[&str])]) -> AttributeMap {
    AttributeMap::compile(&mappings(entries)).unwrap()
}

fn mappings(entries: &[(&str, &str, &[&str])]) -> Vec<AttributeMapping> {
    let owned = |&(name, value, roles): &(&str, &str, &[&str])| AttributeMapping {
        name: name.to_owned(),
        value: value.to_owned(),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
    };
    entries.iter().map(owned).collect()
}

fn roles(entries: &[(&str, &str, &[&str])], attributes: &[(&str, &[&str])]) -> Vec<String> {
    let attributes: Traits = attributes
        .iter()
        .map(|(name, values)| {
            ((*name).to_owned(), values.iter().map(|&value| value.to_owned()).collect())
        })
        .collect();
    map(entries).apply(&attributes).unwrap().into_iter().map(|mapped| mapped.role).collect()
}

#[test]
fn text_globs_and_regexes_give_roles() {
    let claims: &[(&str, &[&str])] =
        &[("groups", &["eng", "team-red", "ops-eu"]), ("dept", &["7"])];
    assert_eq!(roles(&[("groups", "eng", &["dev"])], claims), ["dev"]);
    assert_eq!(roles(&[("groups", "team-*", &["t-$1"])], claims), ["t-red"]);
    assert_eq!(
        roles(&[("groups", r"^ops-(?P<r>eu|us)$", &["ops-${r}", "all"])], claims),
        ["ops-eu", "all"]
    );
    assert_eq!(roles(&[("dept", "*", &["staff"])], claims), ["staff"]);
    assert_eq!(
        roles(&[("groups", "eng", &["a"]), ("groups", "*", &["a", "b"])], claims),
        ["a", "b"]
    );
}

#[test]
fn nothing_else_gives_any() {
    let claims: &[(&str, &[&str])] =
        &[("groups", &["Eng", "engineers", "a eng b", "eng\nx"]), ("Groups", &["eng"])];
    assert_eq!(roles(&[("groups", "eng", &["dev"])], claims), [""; 0]);
    assert_eq!(roles(&[("groups", "^eng$", &["dev"])], claims), [""; 0]);
    assert_eq!(roles(&[("absent", "*", &["dev"])], claims), [""; 0]);
    // A group that is not there is empty, and an empty role none.
    assert_eq!(roles(&[("groups", "*", &["$7"])], claims), [""; 0]);
}

#[test]
fn a_role_tells_where_it_comes_from() {
    let claims = Traits::from([("groups".to_owned(), vec!["x".to_owned(), "team-a".to_owned()])]);
    let found = map(&[("groups", "y", &["no"]), ("groups", "team-*", &["r-$1"])]).apply(&claims);
    let expected = MappedRole {
        role: "r-a".to_owned(),
        entry: 1,
        name: "groups".to_owned(),
        value: "team-a".to_owned(),
        pattern: "team-*".to_owned(),
    };
    assert_eq!(found.unwrap(), [expected]);
}

#[test]
fn mistakes_are_found_when_it_is_compiled() {
    let error = |entries| AttributeMap::compile(&mappings(entries)).unwrap_err().to_string();
    assert!(error(&[("g", "^(a$", &["r"])]).starts_with("failed to parse the value \"^(a$\""));
    assert!(error(&[("g", "a", &["*"])]).contains("wildcard"));
}

#[test]
fn work_is_bounded() {
    let values = vec!["x".repeat(MAX_VALUE_BYTES); 600];
    let claims = Traits::from([("g".to_owned(), values)]);
    let found =
        map(&[("g", "*", &["r-$1"]), ("g", "*a", &["s"]), ("g", "*b", &["s"])]).apply(&claims);
    assert!(
        matches!(found, Err(AttributeMapError::TooLong | AttributeMapError::TooMuch)),
        "{found:?}"
    );
}
