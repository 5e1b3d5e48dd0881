//! What is read, and what never is.

use super::*;

fn refused(text: &str) -> &'static str {
    parse(text, Comments::Refuse).expect_err(text).what
}

#[test]
fn whatever_two_readers_may_see_differently_is_refused() {
    for (text, what) in [
        ("<!DOCTYPE r [<!ENTITY e 'x'>]><r>&e;</r>", "a document type"),
        ("<r><!DOCTYPE x></r>", "a declaration within the document"),
        ("<r>&e;</r>", "a reference to an entity, or to no character"),
        ("<r>&#0;</r>", "a reference to an entity, or to no character"),
        ("<r>&#xD800;</r>", "a reference to an entity, or to no character"),
        ("<r>&#+65;</r>", "a reference to an entity, or to no character"),
        ("<r>&&amp;</r>", "a reference to an entity, or to no character"),
        ("<r>a<!-- c -->b</r>", "a comment"),
        ("<!-- c --><r/>", "a comment"),
        ("<r><?php ?></r>", "a processing instruction"),
        ("<?php ?><r/>", "a processing instruction"),
        ("<r><![CDATA[x]]></r>", "a CDATA section"),
        ("<r>]]></r>", "\"]]>\" in text"),
        ("<r a='1' a='2'/>", "an attribute that is there twice"),
        ("<r xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>", "an attribute that is there twice"),
        ("<r ID='1'><s Id='1'/></r>", "an ID that is there twice"),
        ("<r a='<'/>", "\"<\" in an attribute"),
        ("<r a=1/>", "an attribute without quotes"),
        ("<r a='1'b='2'/>", "a start tag that does not end"),
        ("<a:r/>", "a prefix that means nothing"),
        ("<r xmlns:a=''/>", "a namespace that cannot be declared"),
        ("<r xmlns:xml='urn:x'/>", "a namespace that cannot be declared"),
        ("<r></s>", "an end tag of another element"),
        ("<r><s></r></s>", "an end tag of another element"),
        ("<r>", "an element without an end"),
        ("<r/><s/>", "something after the end"),
        ("<r/>x", "something after the end"),
        ("", "no element where one is expected"),
        ("<1/>", "not a name"),
        ("<a:b:c/>", "not a name"),
        ("<:r/>", "not a name"),
        ("<r>\u{0}</r>", "a character that XML does not have"),
        (
            "<?xml version='1.0' encoding='utf-7'?><r/>",
            "an XML declaration of something else than XML 1.0 in UTF-8",
        ),
        ("<?xml version='1.1'?><r/>", "an XML declaration of something else than XML 1.0 in UTF-8"),
    ] {
        assert_eq!(refused(text), what, "{text}");
    }
}

#[test]
fn nesting_and_nodes_are_bounded() {
    let nested = |depth: usize| format!("{}{}", "<r>".repeat(depth), "</r>".repeat(depth));
    parse(&nested(MAX_DEPTH), Comments::Refuse).unwrap();
    assert_eq!(refused(&nested(MAX_DEPTH + 1)), "elements nested too deep");
    let wide = |nodes: usize| format!("<r>{}</r>", "<s/>".repeat(nodes - 1));
    parse(&wide(MAX_NODES), Comments::Refuse).unwrap();
    assert_eq!(refused(&wide(MAX_NODES + 1)), "too many nodes");
    let attributes = |count: usize| {
        let all: String = (0..count).map(|n| format!(" a{n}=''")).collect();
        format!("<r{all}/>")
    };
    parse(&attributes(MAX_ATTRIBUTES), Comments::Refuse).unwrap();
    assert_eq!(refused(&attributes(MAX_ATTRIBUTES + 1)), "an element with too many attributes");
    // "xml" always means something.
    let prefixes = |count: usize| {
        let half = |from: usize, to: usize| -> String {
            (from..to).map(|n| format!(" xmlns:p{n}='u'")).collect()
        };
        format!("<r{}><s{}/></r>", half(0, count / 2), half(count / 2, count))
    };
    parse(&prefixes(MAX_PREFIXES - 1), Comments::Refuse).unwrap();
    assert_eq!(refused(&prefixes(MAX_PREFIXES)), "too many namespaces");
}

#[test]
fn text_is_what_is_written() {
    let read = parse(
        "\u{feff}<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r a='x&#10;y\n'>1\r\n2&#x33;&apos;</r>\n",
        Comments::Refuse,
    )
    .unwrap();
    assert_eq!((read.all_text().as_str(), read.attribute("a")), ("1\n23'", Some("x\ny ")));
    let skipped = parse("<!-- a --><r>al<!-- b -->ice<s/>x</r><!-- c -->", Comments::Skip).unwrap();
    assert_eq!(skipped.children.len(), 3);
    assert_eq!(skipped.children.first(), Some(&Node::Text("alice".to_owned())));
    assert!(skipped.text().is_err(), "text beside an element is not the text of an element");
}
