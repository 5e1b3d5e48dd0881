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
