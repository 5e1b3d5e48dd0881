use resource::{JoinRole, Revision, Role, Token};

use super::*;

fn before() -> Resource {
    Resource::from(Role::new("dev")).with_revision(Revision::new("7"))
}

fn edited(text: &str) -> Result<Resource, String> {
    read(text, &before()).map_err(|error| error.to_string())
}

#[test]
fn a_change_keeps_the_revision_whatever_the_text_says() {
    for revision in ["", "  revision: '9'\n"] {
        let text =
            format!("kind: role\nversion: v8\nmetadata:\n  name: dev\n{revision}spec: {{}}\n");
        let after = edited(&text).unwrap();
        assert_eq!(after.metadata().revision, Some(Revision::new("7")));
    }
}

#[test]
fn what_would_be_another_resource_is_refused() {
    let renamed = "kind: role\nversion: v8\nmetadata: {name: other}\nspec: {}\n";
    assert_eq!(edited(renamed).unwrap_err(), "renaming resources is not supported with tctl edit");
    let other = "kind: user\nmetadata: {name: dev}\nspec: {roles: [r]}\n";
    assert!(edited(other).unwrap_err().contains("from role to user"));
    let two = "kind: role\nversion: v8\nmetadata: {name: dev}\nspec: {}\n---\nkind: user\nmetadata: {name: x}\n";
    assert!(edited(two).unwrap_err().contains("more than the one"));
    assert!(edited("").unwrap_err().contains("empty input"));
}

#[test]
fn mistakes_are_shown_where_they_are() {
    let text = "kind: role\nversion: v8\nmetadata: {name: dev}\nspec:\n  allow:\n    mcp: {tools: ['^(a$']}\n";
    let error = edited(text).unwrap_err();
    assert!(error.starts_with("edited resource:6:"), "{error}");
}

#[test]
fn what_is_opened_reads_back_as_it_was() {
    let token = Resource::from(Token::new("0123456789abcdef", [JoinRole::App]));
    for resource in [before(), token.with_revision(Revision::new("3"))] {
        let text = resource.to_yaml(secrets_of(resource.kind()));
        assert_eq!(read(&text, &resource).unwrap(), resource);
    }
}
