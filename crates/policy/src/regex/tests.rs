mod dialect;

use super::*;
use crate::budget::{Budget, Overspent};
use crate::limits::{MAX_REGEX_DEPTH, MAX_REGEX_REPEAT};

#[track_caller]
fn regex(pattern: &str) -> Regex {
    Regex::compile(pattern).unwrap_or_else(|error| panic!("{}", error.show(pattern)))
}

/// The pattern compiles, is found in each text of `hits` and in none of `misses`.
#[track_caller]
fn check(pattern: &str, hits: &[&str], misses: &[&str]) {
    let regex = regex(pattern);
    for hit in hits {
        assert!(regex.is_match(hit), "{pattern} should match {hit:?}");
    }
    for miss in misses {
        assert!(!regex.is_match(miss), "{pattern} should not match {miss:?}");
    }
}

#[track_caller]
fn refused(pattern: &str) {
    if let Ok(regex) = Regex::compile(pattern) {
        panic!("{pattern} should be refused, got {regex:?}");
    }
}

#[track_caller]
fn replaced(pattern: &str, template: &str, text: &str, expected: &str) {
    let regex = Regex::compile_with_groups(pattern).unwrap();
    let replaced = regex.replace_all(text, template, &Budget::new()).unwrap();
    assert_eq!(replaced.as_deref().unwrap_or(text), expected, "{pattern} {template} {text}");
}

#[test]
fn anchors_are_those_of_the_text() {
    check("^ab|cd$", &["abx", "xcd"], &["xabx", "cdx"]);
    check(r"\Aa\z", &["a"], &["a\n", "\na"]);
    check("^a$", &["a"], &["a\n"]);
    check("(?m)^a$", &["a", "x\na\ny"], &["ax"]);
    refused(r"a\Z");
    check("^*a$", &["xa"], &["b"]);
}

#[test]
fn dots_and_negated_classes_at_line_breaks() {
    check("^.$", &["a", "ä"], &["\n", ""]);
    check("^(?s).$", &["\n"], &[]);
    check("^[^a]$", &["\n", "b"], &["a"]);
    check(r"^(?s:.)(?-s:.)$", &["\na"], &["a\n"]);
}

#[test]
fn flags_last_until_their_group_ends() {
    check("^(?i)a(?-i)b$", &["Ab"], &["AB"]);
    check("^((?i)a)b$", &["Ab"], &["AB"]);
    check("^(?i:a|b)c$", &["Bc"], &["BC"]);
    check("^(a(?i)b|c)d$", &["aBd", "Cd"], &["Abd", "cD"]);
    check("^(?)a$", &["a"], &[]);
    check("^(?i-i:a)$", &["a"], &["A"]);
    for bad in
        ["(?i", "(?i-)", "(?-)", "(?--i)a", "(?", "(?i-s-m)a", "(?P<>a)", "(?P<n a)", "(?P<ä>a)"]
    {
        refused(bad);
    }
}

#[test]
fn letter_case_folds_beyond_ascii() {
    check("^(?i)k$", &["k", "K", "\u{212a}"], &["x"]);
    check("^(?i)straße$", &["STRAßE", "straẞe"], &["STRASSE"]);
    check(r"^(?i)\w$", &["k", "\u{212a}", "\u{17f}"], &["ä"]);
    check(r"^(?i)\W$", &["ä"], &["k", "\u{212a}", "\u{17f}"]);
    check(r"^(?i)[\Wk]$", &["ä", "K", "\u{212a}"], &["a"]);
    check("^(?i)[a-c]$", &["B"], &["d"]);
    check("^(?i)[^a]$", &["b"], &["a", "A"]);
    check("^(?i)[[:upper:]]$", &["a", "A"], &["1"]);
    check(r"^(?i)\p{Lu}$", &["a", "Ä", "ä"], &["1"]);
    check(r"^(?i)\x61\101$", &["Aa"], &[]);
}

#[test]
fn posix_classes() {
    check("^[[:alpha:]]+$", &["abc"], &["ab1", "ä"]);
    check("^[[:^alpha:]]$", &["1", "ä"], &["a"]);
    check("^[^[:alpha:]_]$", &["1"], &["a", "_"]);
    check("^[[:space:]]$", &["\x0b", " "], &["\u{a0}"]);
    check("^[[:word:][:punct:]]$", &["_", "["], &[" "]);
    check("^[:alpha:]$", &["a", ":"], &["z"]);
    check("^[[:alpha]$", &["[", ":", "a"], &["z"]);
    refused("^[[:ALPHA:]]$");
    refused("^[[:]x:]]$");
    for (name, _) in [
        ("alnum", ()),
        ("ascii", ()),
        ("blank", ()),
        ("cntrl", ()),
        ("digit", ()),
        ("graph", ()),
        ("lower", ()),
        ("print", ()),
        ("upper", ()),
        ("xdigit", ()),
    ] {
        regex(&format!("[[:{name}:]]"));
    }
}

#[test]
fn unicode_classes() {
    check(r"^\pL$", &["ä", "a"], &["1"]);
    check(r"^\p{Greek}$", &["α"], &["a"]);
    check(r"^\P{Greek}$", &["a"], &["α"]);
    check(r"^\p{^Greek}$", &["a"], &["α"]);
    check(r"^\P{^Greek}$", &["α"], &["a"]);
    check(r"^[\p{Lu}\d]$", &["A", "5"], &["a"]);
    check(r"^\p{Uppercase_Letter}\p{uppercaseletter}\p{LU}$", &["AAA"], &[]);
    check(r"^\p{Any}\p{ASCII}\p{Assigned}$", &["äaa"], &["ääa"]);
    check(r"^\p{Zl}$", &["\u{2028}"], &["\u{2029}"]);
    check(r"^\p{Cs}$", &[], &["a"]);
    check(r"^\p{LC}$", &["a"], &["1"]);
    for bad in
        [r"\p{Grek}", r"\p{Foo}", r"\p", r"\p{", r"\p{}", r"\pq", r"\p{Alphabetic}", r"\p{Script}"]
    {
        refused(bad);
    }
    for script in scripts::SCRIPTS {
        regex(&format!(r"\p{{{script}}}"));
    }
}

#[test]
fn escapes() {
    check(r"^\x41\x{42}\x{1F600}$", &["AB😀"], &[]);
    check(r"^\a\f\n\r\t\v$", &["\x07\x0c\n\r\t\x0b"], &[]);
    check(r"^\_\-\.\/\ \@$", &["_-./ @"], &[]);
    check(r"^[\]\-\\]$", &["]", "-", "\\"], &["a"]);
    check(r"^\x{D800}$", &[], &["\u{fffd}", "x"]);
    check(r"^[\x{D800}-\x{DFFF}]$", &[], &["x"]);
    check(r"^[^\x{D800}]$", &["x"], &[]);
    check(r"^[\x{0}-\x{10FFFF}]$", &["x", "😀", "\n"], &[""]);
    check(r"^[^\x{0}-\x{10FFFF}]$", &[], &["x"]);
    for bad in [
        r"\y",
        r"\C",
        r"\8",
        r"\9",
        r"\x",
        r"\x4",
        r"\x{}",
        r"\x{110000}",
        r"\x{41",
        r"\xg1",
        r"\ä",
        r"\",
        r"[\b]",
        r"\z*+",
        r"\G",
        r"\K",
        r"\R",
        r"\X",
        r"\h",
        r"\e",
        r"\cA",
    ] {
        refused(bad);
    }
}

#[test]
fn groups_and_bars() {
    check("^(?:a|b|)$", &["a", "b", ""], &["c"]);
    check("^()$", &[""], &["a"]);
    check("^(|a)b$", &["b", "ab"], &[]);
    check("^[]a]$", &["]", "a"], &["b"]);
    check("^[^]a]$", &["b"], &["]"]);
    check("^[a-]$", &["a", "-"], &["b"]);
    check("^[-a]$", &["-"], &["b"]);
    check("^a]$", &["a]"], &[]);
    check("^a}$", &["a}"], &[]);
    for bad in [
        "(", ")", "a)", "(a", "((a)", "[a", "[", "[]", "[^]", "[]a", "*", "+a", "?", "{2}", "|*",
        "(*)", "(?:+)", "a|*", "[b-a]",
    ] {
        refused(bad);
    }
}

#[test]
fn a_change_of_flags_separates_repetitions() {
    check("^a*(?i)*$", &["aaa", ""], &["b"]);
    check(r"^a\Q\E*$", &["aaa", ""], &["b"]);
}

#[test]
fn laziness_shows_in_replacements() {
    replaced("a+?", "x", "aaa", "xxx");
    replaced("(?U)a+", "x", "aaa", "xxx");
    replaced("(?U)a+?", "x", "aaa", "x");
    replaced("a{2,}?", "x", "aaaa", "xx");
}

#[test]
fn replacement_templates() {
    replaced("(a)(b)", "$2$1", "xaby", "xbay");
    replaced("(a)", "$1x", "a", "");
    replaced("(a)", "${1}x", "a", "ax");
    replaced("(a)", "$1_x", "a", "");
    replaced("(a)", "$$1", "a", "$1");
    replaced("(a)", "$", "a", "$");
    replaced("(a)", "$ 1", "a", "$ 1");
    replaced("(a)", "${1", "a", "${1");
    replaced("(a)", "${}", "a", "${}");
    replaced("(a)", "$9", "a", "");
    replaced("(a)", "$01", "a", "");
    replaced("(a)", "$0$0", "a", "aa");
    replaced("(?P<first>a)", "<$first>", "a", "<a>");
    replaced("(?<first>a)", "<$first>", "a", "<a>");
    replaced("(a)|b", "<$1>", "ab", "<a><>");
    replaced("(a)", "$1²", "a", "a²");
}

#[test]
fn replacements_of_empty_matches() {
    replaced("a*", "x", "baac", "xbxcx");
    replaced("", "x", "äb", "xäxbx");
    replaced("b*", "-", "abbc", "-a-c-");
    replaced("^", "x", "ab", "xab");
    replaced("$", "x", "ab", "abx");
    replaced("a", "b", "banana", "bbnbnb");
}

#[test]
fn errors_point() {
    let error = Regex::compile("^(get|(read$").unwrap_err();
    assert_eq!(error.show("^(get|(read$"), "missing closing )\n  ^(get|(read$\n        ^");
    let error = Regex::compile(r"^a\u0041$").unwrap_err();
    assert_eq!((error.offset(), error.length()), (2, 2));
    assert!(error.help().is_some());
}

#[test]
fn anchors_for_the_index() {
    let of = |text: &str| {
        let found = regex(text);
        let Anchors { prefixes, suffixes, inner } = found.anchors();
        let show = |literals: &Option<Literals>| {
            let all =
                literals.iter().flatten().map(|one| String::from_utf8_lossy(one).into_owned());
            all.collect::<Vec<_>>().join(" ")
        };
        [show(prefixes), show(suffixes), show(inner)]
    };
    assert_eq!(of("^(get|read)_.*$"), ["get_ read_", "", ""]);
    assert_eq!(of("^(get|read)_.*_x$"), ["get_ read_", "_x", ""]);
    assert_eq!(of("^get|read$"), ["", "", ""]);
    assert_eq!(of("^.*$"), ["", "", ""]);
    assert_eq!(of("^.*_(a|b)$"), ["", "_a _b", ""]);
    assert_eq!(of("^.*_(drop|purge)_.*$"), ["", "", "drop purge"]);
    assert_eq!(of("^.*(drop)?_.*$"), ["", "", "_"]);
    assert_eq!(of("^.*(drop|).*$"), ["", "", ""]);
}

#[test]
fn bounds() {
    let at = format!("^{}$", "a".repeat(MAX_PATTERN_BYTES - 2));
    regex(&at);
    refused(&format!("{at}a"));

    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    regex(&nested(MAX_REGEX_DEPTH));
    refused(&nested(MAX_REGEX_DEPTH + 1));

    regex(&format!("a{{{MAX_REGEX_REPEAT}}}"));
    refused(&format!("a{{{}}}", MAX_REGEX_REPEAT + 1));

    // Fits the program bound at the largest repeat there is.
    check("^.{1,1000}$", &["x", &"x".repeat(1000)], &["", &"x".repeat(1001)]);
    // Does not: a thousand copies of a table of all letters.
    refused(r"^\pL{1000}$");
}

#[test]
fn replacements_are_bounded() {
    let regex = Regex::compile_with_groups("a+").unwrap();
    let text = "a".repeat(crate::limits::MAX_VALUE_BYTES);
    let replace = |template| regex.replace_all(&text, template, &Budget::new());
    assert_eq!(replace("$0"), Ok(Some(text.clone())));
    assert_eq!(replace("${0}b"), Err(ReplaceError::TooLong));
}

#[test]
fn searches_for_every_match_are_bounded() {
    // Each search reads on to the end for the `b` that is not there.
    let regex = Regex::compile_with_groups("a.*b|a|c{900}").unwrap();
    let replace = |bytes: usize| regex.replace_all(&"a".repeat(bytes), "x", &Budget::new());
    assert_eq!(replace(1000), Ok(Some("x".repeat(1000))));
    assert_eq!(replace(crate::limits::MAX_VALUE_BYTES), Err(Overspent.into()));
}

#[test]
fn letter_case_is_ignored_in_sets_of_every_kind() {
    check(r"^(?i)[a-c\p{Lu}_]$", &["a", "B", "z", "Z", "_", "ſ"], &["-", "1"]);
    check(r"^(?i)[^a-ck]$", &["d", "1"], &["A", "c", "k", "K", "\u{212a}"]);
    check(r"^(?i)[\P{Lu}]$", &["1"], &["a", "A"]);
    check(r"^[\p{Lu}(?i)]$", &["A", "i", "?"], &["a", "I_"]);
    // A property is remembered with its case.
    check(r"^\p{Lu}(?i:\p{Lu})\p{Lu}$", &["AaA", "AAA"], &["aAA", "AAa"]);
}
