use resource::Source;

use super::*;

fn app(name: &str) -> App {
    let text = format!(
        "kind: app\nmetadata: {{name: {name}, labels: {{env: dev}}}}\nspec: {{uri: 'mcp+http://h'}}\n"
    );
    let parsed = resource::parse_documents(&Source::new("a", &text)).unwrap();
    parsed[0].resource.clone().try_into().unwrap()
}

fn fits(args: &Ls) -> bool {
    Selection::new(args).unwrap().fits(&app("files"), "node-1")
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn keywords_are_words_or_labels() {
    for (keywords, expected) in [
        (&[][..], true),
        (&["FILE"], true),
        (&["file", "node"], true),
        (&["file", "other"], false),
        (&["env=dev"], true),
        (&["env=prod"], false),
        (&["file", "env=dev"], true),
    ] {
        let args = Ls { keywords: texts(keywords), ..Ls::default() };
        assert_eq!(fits(&args), expected, "{keywords:?}");
    }
}

#[test]
fn search_and_query_must_both_hold() {
    let args = |search: &str, query: &str| Ls {
        search: texts(&[search]),
        query: Some(query.to_owned()),
        ..Ls::default()
    };
    assert!(fits(&args("files", r#"labels["env"] == "dev""#)));
    assert!(!fits(&args("files", r#"labels["env"] == "prod""#)));
    assert!(!fits(&args("other", r#"labels["env"] == "dev""#)));
    assert!(Selection::new(&args("files", "labels[")).is_err());
}
