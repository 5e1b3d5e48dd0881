//! What is repeated.

use super::*;

#[test]
fn words_of_others_are_short_and_of_one_line() {
    assert_eq!(short("a\r\nb\u{1b}[0m"), "a  b [0m");
    assert_eq!(short(&"x".repeat(MAX_WORDS + 1)).len(), MAX_WORDS);
}
