//! The differences between the two dialects, one by one.

use super::*;

#[test]
fn decimal_digits_are_ascii() {
    check(r"^\d$", &["5"], &["٣", "a"]);
    check(r"^[\d]$", &["5"], &["٣"]);
}

#[test]
fn non_digits_are_all_but_ascii_digits() {
    check(r"^\D$", &["٣", "a"], &["5"]);
    check(r"^[\D]$", &["٣", "a"], &["5"]);
}

#[test]
fn word_characters_are_ascii() {
    check(r"^\w$", &["a", "_", "0"], &["ä", "-"]);
}

#[test]
fn non_word_characters_are_all_but_ascii_ones() {
    check(r"^\W$", &["ä", "-"], &["a"]);
}

#[test]
fn blanks_are_ascii() {
    check(r"^\s$", &[" ", "\t", "\n", "\r", "\x0c"], &["\u{a0}", "\u{2003}", "\x0b"]);
}

#[test]
fn non_blanks_are_all_but_ascii_ones() {
    check(r"^\S$", &["\u{a0}", "\x0b", "x"], &[" ", "\n"]);
}

#[test]
fn word_boundaries_are_ascii() {
    check(r"^ä\bb$", &["äb"], &[]);
    check(r"^a\bb$", &[], &["ab"]);
}

#[test]
fn non_boundaries_are_ascii() {
    check(r"^a\Bb$", &["ab"], &[]);
    check(r"^ä\Bb$", &[], &["äb"]);
    check(r"^ä\Bö$", &["äö"], &[]);
}

#[test]
fn quoting() {
    check(r"^\Qa.b*\E+$", &["a.b*", "a.b**"], &["axb*"]);
}

#[test]
fn quoting_without_end() {
    check(r"^\Q*$", &["*$", "*$x"], &["*"]);
    check(r"^a\Q$", &["a$"], &["a"]);
}

#[test]
fn double_ampersand_in_a_class() {
    check(r"^[a&&b]$", &["a", "&", "b"], &["c"]);
    check(r"^[&&]$", &["&"], &["a"]);
}

#[test]
fn double_tilde_in_a_class() {
    check(r"^[a~~b]$", &["a", "~", "b"], &["c"]);
}

#[test]
fn double_dash_in_a_class() {
    refused(r"^[a--b]$");
    check(r"^[+--]$", &["+", ",", "-"], &["."]);
}

#[test]
fn bracket_first_in_a_class() {
    check(r"^[[]$", &["["], &["a"]);
}

#[test]
fn bracket_inside_a_class() {
    check(r"^[a[b]$", &["a", "[", "b"], &["]"]);
}

#[test]
fn classes_do_not_nest() {
    check(r"^[[a]]$", &["[]", "a]"], &["a"]);
    check(r"^[a-z&&[^b]]$", &["a]", "&]", "[]", "^]"], &["a", "b"]);
}

#[test]
fn dash_after_a_class_escape() {
    check(r"^[\w-a]$", &["-", "a", "z"], &["+"]);
    check(r"^[\d-z]$", &["-", "5", "z"], &["y"]);
}

#[test]
fn class_escape_cannot_end_a_range() {
    refused(r"^[a-\d]$");
}

#[test]
fn unknown_posix_class() {
    refused(r"^[[:foo:]]$");
}

#[test]
fn double_star() {
    refused("a**");
}

#[test]
fn double_plus() {
    refused("a++");
}

#[test]
fn plus_star() {
    refused("a+*");
}

#[test]
fn stacked_counts() {
    refused("a{2}{3}");
    refused("a*{2}");
    refused("a??{2}");
    refused("a***");
}

#[test]
fn repeat_above_the_bound() {
    check("^a{1000}$", &[&"a".repeat(1000)], &[&"a".repeat(999)]);
    refused("a{1001}");
    refused("a{0,1001}");
    refused("a{1001,}");
    refused("a{99999999999}");
}

#[test]
fn product_of_repeats_above_the_bound() {
    refused("(a{100}){100}");
    refused("((a{10}){10}){11}");
    check("^((a{10}){10}){10}$", &[&"a".repeat(1000)], &["a"]);
    // The bound is on counted repetition: a star multiplies nothing.
    check("^(a{1000})*$", &[""], &["a"]);
    refused("((a{1000})*){2}");
}

#[test]
fn open_brace() {
    check("^a{$", &["a{"], &["a"]);
}

#[test]
fn brace_with_a_name() {
    check("^a{x}$", &["a{x}"], &["a"]);
}

#[test]
fn brace_without_minimum() {
    check("^a{,2}$", &["a{,2}"], &["aa"]);
    check("^a{02}$", &["a{02}"], &["aa"]);
    check("^a{1,2,3}$", &["a{1,2,3}"], &["a"]);
    check("^{$", &["{"], &[]);
    check("^a{,2}*$", &["a{,2", "a{,2}}"], &["a"]);
}

#[test]
fn escaped_less_than() {
    check(r"^\<a$", &["<a"], &["a"]);
}

#[test]
fn escaped_greater_than() {
    check(r"^a\>$", &["a>"], &["a"]);
}

#[test]
fn boundary_with_a_name() {
    check(r"^x\b{start}$", &[], &["x"]);
    check(r"^x\b{start}$", &["x{start}"], &["x start"]);
}

#[test]
fn octal_escapes() {
    check(r"^\101\060\0$", &["A0\0"], &[]);
    check(r"^[\101-\103]$", &["B"], &["D"]);
    check(r"^\1011$", &["A1"], &[]);
}

#[test]
fn small_u_escape() {
    refused(r"^\u0041$");
}

#[test]
fn large_u_escape() {
    refused(r"^\U00000041$");
}

#[test]
fn flag_x() {
    refused("(?x)a b");
}

#[test]
fn flag_u() {
    refused("(?u)a");
    refused("(?-u)a");
}

#[test]
fn flag_r() {
    refused("(?R)a");
}

#[test]
fn property_by_key() {
    refused(r"\p{script=Greek}");
    refused(r"\p{sc:Greek}");
    refused(r"\p{gc=Lu}");
}

#[test]
fn two_groups_with_one_name() {
    check("^(?P<n>a)(?P<n>b)$", &["ab"], &["a"]);
    replaced("(?P<n>a)|(?P<n>b)", "<$n>", "ab", "<a><b>");
}

#[test]
fn look_ahead() {
    refused("(?=a)");
    refused("(?!a)");
}

#[test]
fn look_behind() {
    refused("(?<=a)b");
    refused("(?<!a)b");
}

#[test]
fn back_references() {
    refused(r"(a)\1");
    refused(r"(?P<n>a)(?P=n)");
    refused(r"(a)\k<1>");
}
