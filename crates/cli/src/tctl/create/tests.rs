use resource::{App, JoinRole, Source, Token};

use super::*;

#[test]
fn a_token_is_not_repeated() {
    let token = Token::new("0123456789abcdef", [JoinRole::App]);
    assert_eq!(shown_name(&token.into()), "************cdef");
}

#[test]
fn other_names_are() {
    let text = "kind: app\nmetadata: {name: x}\nspec: {uri: 'mcp+http://localhost'}\n";
    let parsed = resource::parse_documents(&Source::new("a", text)).unwrap();
    let app = App::try_from(parsed[0].resource.clone()).unwrap();
    assert_eq!(shown_name(&app.into()), "x");
}

#[test]
fn another_name_than_the_documents_is_told() {
    let named = |name: &str| -> Resource {
        let text = format!(
            "kind: tc\nmetadata: {{name: {name}}}\nspec: {{web_proxy_addr: 'r:443', role_map: \
             [{{remote: dev, local: [dev]}}]}}\n"
        );
        resource::parse_documents(&Source::new("a", &text)).unwrap().remove(0).resource
    };
    assert_eq!(renamed(&named("root"), &named("root")), "");
    let told = renamed(&named("main"), &named("root.example.com"));
    assert!(told.starts_with("WARNING: the cluster's name is \"root.example.com\""), "{told}");
    assert!(told.contains("not \"main\"") && told.ends_with('\n'), "{told}");
}
