use resource::Source;

use super::*;

fn mistakes(text: &str) -> Option<String> {
    let source = Source::new("role.yaml", text);
    let mut documents = documents(&source);
    while let Some(document) = documents.next() {
        if let Err(report) = document {
            return Some(Mistakes::with_rest(report, &mut documents).to_string());
        }
    }
    None
}

const GOOD: &str = "kind: role\nversion: v8\nmetadata: {name: good}\nspec: {}\n";

#[test]
fn a_pattern_that_does_not_compile_is_shown_where_it_is_written() {
    let text = "kind: role\nversion: v8\nmetadata:\n  name: dev\nspec:\n  allow:\n    mcp:\n      \
                tools:\n      - read_*\n      - ^(a$\n";
    let told = mistakes(text).unwrap();
    assert!(told.starts_with("role.yaml:10:"), "{told}");
    assert!(told.contains("spec.allow.mcp.tools[1]"), "{told}");
    assert!(told.contains("10 |       - ^(a$"), "{told}");
}

#[test]
fn all_documents_are_told_about_at_once() {
    let text = format!(
        "kind: role\nversion: v8\nmetadata: {{name: a}}\nspec: {{alow: {{}}}}\n---\n{GOOD}---\nkind: role\n\
         version: v8\nmetadata: {{name: b}}\nspec: {{allow: {{mcp: {{tools: ['^(a$']}}}}}}\n---\nkind: ap\n"
    );
    let told = mistakes(&text).unwrap();
    for part in ["role.yaml:4:8: spec.alow", "spec.allow.mcp.tools[0]", "type \"ap\""] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
}

#[test]
fn form_and_meaning_of_one_document_are_told_at_once() {
    let text = "kind: role\nversion: v8\nmetadata: {name: a}\nspec:\n  allow:\n    mcp:\n      \
                tools: ['^(a$']\n    app_lables: {}\n";
    let told = mistakes(text).unwrap();
    let (pattern, field) =
        (told.find("role.yaml:7:"), told.find("role.yaml:8:5: spec.allow.app_lables"));
    assert!(pattern.is_some() && pattern < field, "{told}");
}

#[test]
fn nothing_is_wrong_with_a_good_role() {
    assert_eq!(mistakes(GOOD), None);
}

#[test]
fn no_document_at_all_is_a_mistake() {
    assert_eq!(mistakes("").unwrap(), "role.yaml: no resources found, empty input?");
}

#[test]
fn a_map_of_roles_is_checked_before_anything_is_sent() {
    let of = |map: &str| {
        let text = format!(
            "kind: tc\nmetadata: {{name: root}}\nspec:\n  web_proxy_addr: r:443\n  role_map: {map}\n"
        );
        let source = Source::new("tc.yaml", &text);
        let found = documents(&source).next().unwrap();
        found.map(drop).map_err(|report| report.to_string())
    };
    assert_eq!(of("[{remote: dev, local: [dev]}]"), Ok(()));
    for (map, words) in [
        ("[]", "missing 'role_map' parameter"),
        ("[{local: [dev]}]", "missing 'remote' parameter"),
        ("[{remote: dev, local: ['*']}]", "wildcard value is not supported for 'local'"),
    ] {
        let said = of(map).unwrap_err();
        assert!(said.contains("tc.yaml:") && said.contains(words), "{said}");
    }
}
