//! One spelling for all spellings. Which one, `xmllint --exc-c14n` says (`tests/it`).

use super::*;
use crate::xml::{Comments, parse};

fn of(text: &str, inclusive: &[&str]) -> String {
    let inclusive: Vec<String> = inclusive.iter().map(|&prefix| prefix.to_owned()).collect();
    let root = parse(text, Comments::Refuse).unwrap();
    let inner = root.elements().next().unwrap();
    canonical(inner, Canonical { inclusive: &inclusive, without: None }).unwrap()
}

#[test]
fn what_is_used_is_declared_where_it_is_used() {
    let text = "<a:r xmlns:a='urn:a' xmlns:b='urn:b' xmlns:c='urn:c'><a:x  z='1' b:y = \"2\" a='3'/></a:r>";
    assert_eq!(
        of(text, &[]),
        "<a:x xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" a=\"3\" z=\"1\" b:y=\"2\"></a:x>"
    );
    assert!(of(text, &["c"]).contains(" xmlns:c=\"urn:c\""));
    assert!(!of(text, &["d"]).contains("xmlns:d"));
}

#[test]
fn a_default_namespace_is_undone_only_where_there_was_one() {
    let text = "<r><x><y xmlns='urn:d'><z xmlns=''/></y></x></r>";
    assert_eq!(of(text, &[]), "<x><y xmlns=\"urn:d\"><z xmlns=\"\"></z></y></x>");
}

#[test]
fn characters_have_one_spelling() {
    let text = "<r><x a='&#9;&#10;&#13;\"&lt;&amp;>\t\n'>&#13;&gt;&amp;&#x41;\r\n\"</x></r>";
    assert_eq!(of(text, &[]), "<x a=\"&#x9;&#xA;&#xD;&quot;&lt;&amp;>  \">&#xD;&gt;&amp;A\n\"</x>");
}

#[test]
fn what_is_canonical_is_its_own_canonical_form() {
    for text in [crate::testing::alice(), crate::testing::assertion(&[])] {
        let once =
            canonical(&parse(&text, Comments::Refuse).unwrap(), Canonical::default()).unwrap();
        let read = parse(&once, Comments::Refuse).unwrap();
        assert_eq!(canonical(&read, Canonical::default()), Ok(once));
    }
}
