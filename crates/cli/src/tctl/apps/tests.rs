use resource::Source;

use super::*;

fn server(host: &str, app: &str) -> AppServer {
    let text = format!(
        "kind: app\nmetadata: {{name: {app}, labels: {{env: dev}}}}\nspec: {{uri: 'mcp+http://h'}}\n"
    );
    let parsed = resource::parse_documents(&Source::new("a", &text)).unwrap();
    let app = parsed[0].resource.clone().try_into().unwrap();
    AppServer::new("id", host, "1", app)
}

fn fits(args: &Ls) -> bool {
    Selection::new(args).unwrap().fits(&server("node-1", "files"))
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
