use super::*;

fn update(set_roles: Option<&[&str]>, set_logins: Option<&[&str]>) -> Update {
    let owned = |list: &[&str]| list.iter().map(|&item| item.to_owned()).collect();
    Update {
        name: "alice".to_owned(),
        set_roles: set_roles.map(owned),
        set_logins: set_logins.map(owned),
    }
}

#[test]
fn only_the_lists_that_are_given_are_replaced() {
    let mut user = User::new("alice", ["a", "b"]);
    set_logins(&mut user, vec!["root".to_owned()]);
    update(Some(&["c"]), None).apply(&mut user);
    assert_eq!(user.spec.roles, ["c"]);
    assert_eq!(user.spec.traits[LOGINS], ["root"]);
    update(None, Some(&["ops", "dba"])).apply(&mut user);
    assert_eq!(user.spec.roles, ["c"]);
    assert_eq!(user.spec.traits[LOGINS], ["ops", "dba"]);
}

#[test]
fn an_empty_list_takes_everything_away() {
    let mut user = User::new("alice", ["a"]);
    set_logins(&mut user, vec!["root".to_owned()]);
    update(Some(&[""]), Some(&[""])).apply(&mut user);
    assert!(user.spec.roles.is_empty());
    assert!(!user.spec.traits.contains_key(LOGINS));
}

#[test]
fn an_update_of_nothing_is_a_usage_error() {
    assert!(update(None, None).check().is_err());
    assert!(update(Some(&[]), None).check().is_ok());
}
