use super::*;

fn mapping(remote: &str, local: &[&str]) -> RoleMapping {
    let local = local.iter().map(|role| (*role).to_owned()).collect();
    RoleMapping { remote: remote.to_owned(), local }
}

fn apply(mappings: &[RoleMapping], remote: &[&str]) -> Vec<String> {
    let remote: Vec<_> = remote.iter().map(|role| (*role).to_owned()).collect();
    RoleMap::compile(mappings).unwrap().apply(&remote).unwrap()
}

#[test]
fn matches_are_replaced() {
    assert_eq!(apply(&[mapping("a", &["x", "y"])], &["a", "b"]), ["x", "y"]);
    assert_eq!(apply(&[mapping("*-*", &["$2-$1"])], &["a-b"]), ["b-a"]);
    assert_eq!(apply(&[mapping("remote-*", &["$1_x", "${1}_x"])], &["remote-a"]), ["a_x"]);
    assert_eq!(apply(&[mapping("^(?P<team>.*)-dev$", &["$team"])], &["a-dev"]), ["a"]);
    assert_eq!(apply(&[mapping("a", &["$9", "l-$9"])], &["a"]), ["l-"]);
    assert_eq!(apply(&[mapping("A", &["x"])], &["a"]), [""; 0]);
    // Only the part that matched is replaced.
    assert_eq!(apply(&[mapping("^dev|ops$", &["x"])], &["dev-a", "my-ops"]), ["x-a", "my-x"]);
    assert_eq!(apply(&[mapping("*", &["l-*"])], &["a"]), ["l-*"]);
}

#[test]
fn users_without_roles_have_the_nameless_one() {
    assert_eq!(apply(&[mapping("*", &["guest"])], &[]), ["guest"]);
    assert_eq!(apply(&[mapping("a", &["guest"])], &[]), [""; 0]);
    assert_eq!(apply(&[mapping("^.+$", &["guest"])], &[]), [""; 0]);
    assert_eq!(apply(&[mapping("*", &["guest"])], &[IMPLICIT_ROLE]), [""; 0]);
}

#[test]
fn mistakes() {
    let refused = |mappings: &[RoleMapping]| RoleMap::compile(mappings).unwrap_err().to_string();
    assert!(refused(&[mapping("", &["x"])]).contains("missing 'remote' parameter"));
    assert!(refused(&[mapping("^(x$", &["x"])]).contains("failed to parse 'remote'"));
    assert!(refused(&[mapping("a", &[])]).contains("missing 'local' parameter"));
    assert!(refused(&[mapping("a", &["x", ""])]).contains("missing 'local' property"));
    assert!(
        refused(&[mapping("a", &["*"])]).contains("wildcard value is not supported for 'local'")
    );
    assert!(
        refused(&[mapping("a", &["x"]), mapping("b", &["x"]), mapping("a", &["y"])])
            .contains("remote role \"a\" match is already specified")
    );
    assert_eq!(RoleMap::for_trusted_cluster(&[]).unwrap_err(), RoleMapError::MissingMap);
    assert!(RoleMap::for_trusted_cluster(&[mapping("a", &["x"])]).is_ok());
}

#[test]
fn mapped_roles_are_bounded() {
    let map = RoleMap::compile(&[mapping("*", &["$1$1"])]).unwrap();
    let at = "a".repeat(MAX_VALUE_BYTES / 2);
    assert!(map.apply(std::slice::from_ref(&at)).is_ok());
    assert_eq!(map.apply(&[format!("{at}a")]), Err(RoleMapError::TooLong));
}

#[test]
fn mapping_is_bounded() {
    let map = RoleMap::compile(&[mapping("^a.*b|a|c{900}$", &["x"])]).unwrap();
    assert_eq!(map.apply(&["a".repeat(100)]).unwrap().len(), 1);
    let roles: Vec<_> = (0..200).map(|at| format!("a{at}{}", "a".repeat(60_000))).collect();
    assert_eq!(map.apply(&roles), Err(RoleMapError::TooMuch));
}
