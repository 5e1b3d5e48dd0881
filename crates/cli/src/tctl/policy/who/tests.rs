use resource::{LabelSelector, Labels, Role};

use super::*;

fn role(name: &str, allow: &[&str], deny: &[&str]) -> (String, Arc<Role>) {
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let mut role = Role::new(name);
    role.spec.allow.app_labels = Some(LabelSelector::wildcard());
    role.spec.allow.mcp.tools = list(allow);
    role.spec.deny.mcp.tools = list(deny);
    (name.to_owned(), Arc::new(role))
}

fn user(name: &str, roles: &[&str], tools: &[&str]) -> (String, Holder) {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let traits = Traits::from([("mcp_tools".to_owned(), owned(tools))]);
    (name.to_owned(), Holder { roles: owned(roles), traits })
}

fn found(subject: &Subject<'_>) -> Found {
    let roles = Roles::from([
        role("reader", &["read_*"], &[]),
        role("own", &["{{internal.mcp_tools}}"], &[]),
        role("never", &[], &["read_secret"]),
    ]);
    let users = BTreeMap::from([
        user("ana", &["reader"], &[]),
        user("bob", &["own"], &["read_secret"]),
        user("cleo", &["never", "reader"], &[]),
        user("dan", &["own"], &[]),
        user("eve", &["gone", "reader"], &[]),
        user("fay", &[], &[]),
    ]);
    find(&roles, &users, AppRef::new("files", &Labels::new()), subject)
}

#[test]
fn users_and_roles_that_may_are_listed() {
    let subject = Subject::Tool("read_secret".into());
    assert_eq!(
        text(&found(&subject), "files", &subject),
        "\
User Through Role
---- ------------
ana  reader
bob  own

Roles that grant it: own, reader

Refused although they hold one:
  cleo: another role denies it
  dan: no fitting traits
  eve: a role of the user does not exist"
    );
    assert_eq!(to_json(&found(&subject))["users"][1], json!({ "name": "bob", "role": "own" }));
}

#[test]
fn nobody_may_is_said() {
    let subject = Subject::Tool("write".into());
    assert_eq!(
        text(&found(&subject), "files", &subject),
        "No user may use tool \"write\" of app \"files\".\n\nNo role grants it."
    );
}

#[test]
fn connecting_is_asked_about_without_a_name() {
    let users: Vec<String> = found(&Subject::Connect).users.into_keys().collect();
    assert_eq!(users, ["ana", "bob", "cleo", "dan"]);
}
