use super::*;

fn labels() -> Labels {
    [("env", "prod"), ("tessera.internal/app-sub-kind", "mcp")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
}

#[test]
fn all_pairs_must_be_there() {
    let fits = |text| LabelFilter::parse(text).unwrap().fits(&labels());
    assert!(fits("env=prod"));
    assert!(fits(" env = \"prod\" , teleport.internal/app-sub-kind=mcp"));
    assert!(!fits("env=prod,team=x"));
    assert!(!fits("env=dev"));
    assert!(fits(""));
    assert!(LabelFilter::parse("env").is_err());
}

#[test]
fn all_words_must_be_found() {
    let found = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        has_words(&words, &["everything", "The Reference server"], &labels())
    };
    assert!(found(&["REFERENCE", "prod"]));
    assert!(!found(&["reference", "dev"]));
    assert!(found(&[]));
}
