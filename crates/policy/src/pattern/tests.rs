use super::*;

#[track_caller]
fn check(pattern: &str, hits: &[&str], misses: &[&str]) {
    let compiled = Pattern::compile(pattern).unwrap();
    // The regex spelling of the same pattern has to agree.
    let regex = Regex::compile(&to_regex(pattern)).unwrap();
    for (texts, expected) in [(hits, true), (misses, false)] {
        for text in texts {
            assert_eq!(compiled.is_match(text), expected, "{pattern} on {text:?}");
            assert_eq!(regex.is_match(text), expected, "{} on {text:?}", to_regex(pattern));
        }
    }
}

#[test]
fn literals() {
    check("search", &["search"], &["search_files", " search", "Search", ""]);
    check("", &[""], &["a"]);
    check("get_?ile[a]{2}(b).+|\\^$", &["get_?ile[a]{2}(b).+|\\^$"], &["get_file"]);
    check("^prod", &["^prod"], &["prod"]);
    check("prod$", &["prod$"], &["prod"]);
    check("^x$,", &["^x$,"], &["x"]);
    check("(?i)^x$", &["(?i)^x$"], &["x"]);
    check("a\nb", &["a\nb"], &["a", "b"]);
}

#[test]
fn globs() {
    check("*", &["", "a", "a/b"], &["a\nb", "\n"]);
    check("slack_*", &["slack_", "slack_post"], &["xslack_", "slack", "slack_\n"]);
    check("*_x", &["_x", "a_x"], &["_xa", "a\n_x"]);
    check("us-*-1", &["us-west-1", "us--1"], &["us-1", "us-west-11"]);
    check("a**b", &["ab", "axb"], &["a"]);
    check("*a*b*", &["ab", "xaxbx"], &["ba"]);
    check("*ab*ab*", &["abab", "xabxabx"], &["ab", "aab"]);
    check("aa*aa", &["aaaa", "aaxaa"], &["aaa"]);
    check(r"a\*", &[r"a\", r"a\b"], &["a*", "a"]);
    check("get_.*$", &["get_.abc$", "get_.$"], &["get_abc"]);
    check("a*\nb*", &["a\nb", "ax\nbx"], &["ab", "a\n\nb", "a\nb\nc", "ax\nb\n"]);
    check("ä*ö", &["äö", "äüö"], &["aö"]);
}

#[test]
fn regexes() {
    check("^(get|read).*$", &["get_x"], &["write", "get\n"]);
    check("^read|write$", &["read_and_delete", "overwrite"], &["xread", "writes"]);
    check(r"^foo\$", &["foo$bar", "foo$"], &["foo"]);
    check("^$", &[""], &["a"]);
}

#[test]
fn bounds() {
    let at = "a".repeat(MAX_PATTERN_BYTES);
    assert!(Pattern::compile(&at).is_ok());
    assert!(Pattern::compile(&format!("{at}a")).is_err());
    assert!(Pattern::compile(&format!("*{at}")).is_err());
}
